"""Kedro hooks: readable errors, nothing left open, and the clock of stages."""

import logging
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.framework.project import pipelines
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from pydantic import ValidationError

from dnn_sweep.core.errors import SweepError, SweepInterruptedError
from dnn_sweep.core.training import stage_clock as stages
from dnn_sweep.core.training.cluster.connection import check
from dnn_sweep.core.training.stage_clock import StageClock
from dnn_sweep.datasets.postponed_mlflow import sweep_run
from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.parameters import DataParameters, ExecutorParameters
from dnn_sweep.startup import COLLECTOR

logger = logging.getLogger(__name__)

STAGE_OF_PIPELINE = dict.fromkeys(("ingestion", "scaling", "model_building"), stages.PREPARE) | {
    "training": stages.TRAIN,
    "evaluation": stages.EVALUATE,
    "registration": stages.REGISTER,
    "reporting": stages.REPORT,
}
DATA, EXECUTOR = "params:data", "params:executor"
STAGE_OF_DATASET = {"trial_results": stages.CHECKPOINTS, "trial_runs": stages.TRACK}


def report_mistake(error: BaseException) -> None:
    """Raise an error that is printed without a traceback, if a user's mistake is behind this one.

    Kedro wraps what a dataset raises, and pydantic what a group of parameters does.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SweepInterruptedError):
            return  # no mistake; the command says how to go on
        if isinstance(cause, SweepError):
            raise click.ClickException(str(cause)) from error
        if isinstance(cause, ValidationError):
            said = [each["msg"].removeprefix("Value error, ") for each in cause.errors()]
            raise click.ClickException("\n".join(said)) from error
        cause = cause.__cause__


class SweepHooks:
    """Prepares for a run and tidies up after it."""

    @hook_impl
    def after_catalog_created(self) -> None:
        """Restore the garbage collector: a notebook may run nothing."""
        COLLECTOR.restore()

    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """From now on, an exit without a report is no finished sweep."""
        sweep_run.expect_an_end()
        COLLECTOR.expect_imports()
        COLLECTOR.skip_last_search()

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Log the node's name, in fewer words than Kedro's own message."""
        logger.info(node.short_name)
        # Training takes long and leaves garbage; the other nodes mostly import.
        if "training" in node.tags:
            COLLECTOR.expect_training()
        else:
            COLLECTOR.expect_imports()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Record that the sweep has finished."""
        sweep_run.forget_the_end()
        COLLECTOR.restore()

    # Last, so that the sweep's run has ended before a mistake is reported.
    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception) -> None:
        """Report the user's mistakes without a traceback."""
        sweep_run.forget_the_end()
        COLLECTOR.restore()
        report_mistake(error)


class StageHooks:
    """Sets the run's clock to the stage of a node's pipeline; saving a trial is its own stage."""

    def __init__(self, clock: StageClock) -> None:
        self._clock = clock
        self._used = False

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Restart the clock if the process, such as a notebook's, runs a second pipeline."""
        if self._used:
            self._clock.restart()
        self._used = True

    # A node's inputs are loaded before it is announced.
    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """Enter the node's stage."""
        self._enter_stage(node)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Enter the stage that saves a trial to the disk or to MLflow."""
        self._enter_stage(node, STAGE_OF_DATASET.get(dataset_name))

    @hook_impl
    def after_dataset_saved(self, node: Node) -> None:
        """Return to the node's stage."""
        self._enter_stage(node)

    def _enter_stage(self, node: Node, of_dataset: str | None = None) -> None:
        for stage in [of_dataset] if of_dataset else map(STAGE_OF_PIPELINE.get, node.tags):
            if stage:
                self._clock.enter(stage)


class CatalogHooks:
    """Completes the catalog before other plugins look at it."""

    # First, so that whoever looks at the datasets next gets no traceback.
    @hook_impl(tryfirst=True)
    def after_catalog_created(self, catalog: CatalogProtocol, parameters: dict[str, Any]) -> None:
        """Tell tables how to read their files; report a user's mistake in a dataset."""
        try:
            for name in list(catalog.keys()):
                dataset = catalog.get(name)
                if isinstance(dataset, TableFileDataset) and (given := parameters.get(DATA)):
                    dataset.data = DataParameters.model_validate(given)
        except DatasetError as error:
            report_mistake(error)
            raise

    # First, because kedro-mlflow's tracking is switched off only in datasets that are there.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Make the datasets that a pattern of the catalog describes."""
        for name in pipeline.datasets():
            catalog.get(name)


class InputHooks:
    """Refuses a pipeline whose inputs another one has yet to make."""

    # First, so that no tracking server is asked.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Name the first input that is missing, and the pipeline that makes it."""
        for name in sorted(pipeline.inputs()):
            makers = [key for key, each in pipelines.items() if name in each.outputs()]
            if makers and not catalog.exists(name):
                maker = min(makers, key=lambda key: len(pipelines[key].nodes))
                raise click.ClickException(
                    f"{name} is not there yet; the pipeline {maker} makes it: run "
                    f"`kedro run --pipeline={maker}` first, with the same --env and --params"
                )


class ExecutorHooks:
    """Refuses a cluster that cannot be used, before anything is read."""

    # First, so that no run is recorded.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Ask the cluster, where something is to be trained on one."""
        if EXECUTOR in pipeline.inputs():
            try:
                check(ExecutorParameters.model_validate(catalog.load(EXECUTOR)))
            except SweepError as error:
                raise click.ClickException(str(error)) from error
