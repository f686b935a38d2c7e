"""Runs the registered pipelines in this process, in a folder of their own."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline

from dnn_sweep.configuration_check import FROM_PYTHON
from dnn_sweep.core.errors import PartlyFailedError, SweepError
from dnn_sweep.core.training.interrupts import Interrupts
from dnn_sweep.datasets.mlflow_state import current_store, mlflow_as_before, refuse_active_run
from dnn_sweep.datasets.sweep_run import end_as_killed, forget_the_end
from dnn_sweep.datasets.user_paths import CONF, project_in
from dnn_sweep.runner import OutOfDateRunner
from dnn_sweep.startup import COLLECTOR

PACKAGE, PIPELINE = "dnn_sweep", "train"
ON_SCREEN = "console"  # the dataset of the summary, in whose place a result is shown


@dataclass(frozen=True)
class FinishedRun:
    """What a run of the pipeline ``train`` leaves.

    Args:
        catalog: Loads every dataset from its folder.
        store: Address of the MLflow store that has its runs and its model.
        missing: What could not be done, though the sweep has ended; empty if all is.
    """

    catalog: CatalogProtocol
    store: str
    missing: str = ""


class _Runner(OutOfDateRunner):
    """Keeps the catalog, and leaves out the summary with its commands for a shell."""

    catalog: CatalogProtocol
    ended = False  # with every node that could run

    def run(
        self, pipeline: Pipeline, catalog: CatalogProtocol, *given: Any, **options: Any
    ) -> dict[str, Any]:
        self.catalog = catalog
        summary = [node for node in pipeline.nodes if ON_SCREEN in node.outputs]
        try:
            outputs = super().run(pipeline - Pipeline(summary), catalog, *given, **options)
        except PartlyFailedError:
            self.ended = True
            raise
        self.ended = True
        return outputs


def run_train(folder: Path, environment: str, parameters: Mapping[str, Any]) -> FinishedRun:
    """Run the pipeline ``train``, as ``kedro run --pipeline=train`` does.

    The MLflow settings and the search path of the process are afterwards as before.

    Args:
        folder: Everything is written below it.
        environment: A folder below ``conf``.
        parameters: Groups of parameters, in place of the environment's.

    Raises:
        SweepError: For whatever the command line would refuse with a line, unless the sweep has
            ended by then: a figure, the registry or the tracking server has failed.
    """
    refuse_active_run()
    with ExitStack() as stack:
        for each in (mlflow_as_before(), project_in(folder), _imports(folder)):
            stack.enter_context(each)
        runner, missing, token = _Runner(), "", FROM_PYTHON.set((PIPELINE,))
        stack.callback(FROM_PYTHON.reset, token)
        try:
            with Interrupts().listening():
                _run(runner, folder, environment, dict(parameters))
        except click.ClickException as error:
            if not runner.ended:
                raise SweepError(error.message) from None  # as short as the command line
            missing = error.message
        except KeyboardInterrupt:  # of which Kedro tells no hook
            end_as_killed()
            forget_the_end()
            COLLECTOR.restore()
            raise
        return FinishedRun(runner.catalog, current_store(), missing)


def _run(runner: _Runner, folder: Path, environment: str, parameters: dict[str, Any]) -> None:
    from kedro.framework import project
    from kedro.framework.session import KedroSession

    if project.PACKAGE_NAME != PACKAGE:
        project.configure_project(PACKAGE, preserve_logging=True)
    with KedroSession.create(
        project_path=folder,
        conf_source=str(CONF),
        env=environment,
        runtime_params=parameters,
        save_on_close=False,
    ) as session:
        session.run(pipeline_names=[PIPELINE], runner=runner)


@contextmanager
def _imports(folder: Path) -> Iterator[None]:
    """Find modules of the folder, and keep worker processes from running the user's script.

    A process that Python spawns imports the main module, which would call ``sweep`` again.
    """
    main = sys.modules["__main__"]
    spec, file = main.__spec__, vars(main).pop("__file__", None)
    main.__spec__ = None
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file
