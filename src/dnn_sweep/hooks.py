"""Kedro hooks: errors that a person can read, nothing left open behind them, and a stage clock."""

import atexit
import gc
import logging
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.training import stage_clock as stages
from dnn_sweep.core.training.stage_clock import StageClock
from dnn_sweep.datasets.unfinished_run import expect_an_end, forget_the_end

logger = logging.getLogger(__name__)

STAGE_OF_PIPELINE = {
    "ingestion": stages.PREPARE,
    "scaling": stages.PREPARE,
    "model_building": stages.PREPARE,
    "training": stages.TRAIN,
    "evaluation": stages.EVALUATE,
    "registration": stages.REGISTER,
    "reporting": stages.REPORT,
}
USUAL_THRESHOLD = gc.get_threshold()
SELDOM_THRESHOLD = (50_000, 10, 10)
STAGE_OF_DATASET = {"trial_results": stages.CHECKPOINTS, "trial_runs": stages.TRACK}


class SweepHooks:
    """What happens around a run."""

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Say which node is at work, in fewer words than Kedro's own message."""
        logger.info(node.name)
        # Training takes long and leaves garbage; the rest mostly imports.
        if "training" in node.tags:
            gc.freeze()
            gc.set_threshold(*USUAL_THRESHOLD)
        else:
            collect_seldom()

    @hook_impl
    def before_pipeline_run(self) -> None:
        """From here on, an exit without a report is not a finished sweep."""
        expect_an_end()
        _spare_the_collector()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """The sweep finished."""
        forget_the_end()

    # Last, so that kedro-mlflow has ended the sweep's run before a mistake is reported.
    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception, catalog: CatalogProtocol) -> None:
        """Close what the failure left open, and say what the user can mend without a traceback."""
        forget_the_end()
        _abandon_runs(catalog)
        mistake = _find_mistake(error)
        if mistake is not None:
            raise click.ClickException(str(mistake)) from error


class StageHooks:
    """Tells the run's clock which stage begins.

    A node's stage is its pipeline's; a trial that is saved interrupts the training for a stage
    of its own.

    Args:
        clock: The run's.
    """

    def __init__(self, clock: StageClock) -> None:
        self._clock = clock
        self._used = False

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Begin anew where a process, such as a notebook's, runs a second pipeline."""
        if self._used:
            self._clock.restart()
        self._used = True

    # A node's inputs are loaded before it is announced.
    @hook_impl
    def before_dataset_loaded(self, node: Node) -> None:
        """The node's stage has begun."""
        self._enter_stage_of(node)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """A trial is written to the disk, or on its way to MLflow."""
        if stage := STAGE_OF_DATASET.get(dataset_name):
            self._clock.enter(stage)
        else:
            self._enter_stage_of(node)

    @hook_impl
    def after_dataset_saved(self, node: Node) -> None:
        """Back to what the node does."""
        self._enter_stage_of(node)

    def _enter_stage_of(self, node: Node) -> None:
        for tag in node.tags:
            if stage := STAGE_OF_PIPELINE.get(tag):
                self._clock.enter(stage)


def collect_seldom() -> None:
    """Have Python search for garbage seldom, while modules are imported.

    What they make lives as long as the process. Python would go through all of it whenever it has
    grown by a quarter, which takes seconds.
    """
    gc.set_threshold(*SELDOM_THRESHOLD)


def _spare_the_collector() -> None:
    """Keep Python from searching a million objects for garbage again and again.

    What the imports made lives as long as the process; and at its end all memory is given back
    at once, so that there is nothing to search for, which would take seconds.
    """
    gc.freeze()
    atexit.register(gc.freeze)


def _abandon_runs(catalog: CatalogProtocol) -> None:
    runs: Any = catalog.get("trial_runs")
    if hasattr(runs, "abandon"):
        runs.abandon()


def _find_mistake(error: BaseException | None) -> SweepError | None:
    """The ``SweepError`` behind an error: Kedro wraps what a dataset raises."""
    while error is not None:
        if isinstance(error, SweepError):
            return error
        error = error.__cause__
    return None


class CatalogHooks:
    """Completes the catalog before other plugins look at it."""

    # First, because kedro-mlflow switches tracking off only in datasets that are there.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Make the datasets that a pattern of the catalog describes."""
        for name in pipeline.datasets():
            catalog.get(name)
