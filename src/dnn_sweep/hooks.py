"""Kedro hooks: readable errors, nothing left open, and the clock of stages."""

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
from dnn_sweep.datasets.revision import tag_revision
from dnn_sweep.datasets.unfinished_run import expect_an_end, forget_the_end
from dnn_sweep.startup import COLLECTOR

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
STAGE_OF_DATASET = {"trial_results": stages.CHECKPOINTS, "trial_runs": stages.TRACK}


class SweepHooks:
    """Prepares for a run and tidies up after it."""

    @hook_impl
    def after_catalog_created(self) -> None:
        """Restore the garbage collector: a notebook may run nothing."""
        COLLECTOR.restore()

    # Last, so that kedro-mlflow has started the sweep's run.
    @hook_impl(trylast=True)
    def before_pipeline_run(self) -> None:
        """Tag the sweep's run; from now on, an exit without a report is no finished sweep."""
        expect_an_end()
        tag_revision()
        COLLECTOR.expect_imports()
        COLLECTOR.skip_last_search()

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Log the node's name, in fewer words than Kedro's own message."""
        logger.info(node.name)
        # Training takes long and leaves garbage; the other nodes mostly import.
        if "training" in node.tags:
            COLLECTOR.expect_training()
        else:
            COLLECTOR.expect_imports()

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Record that the sweep has finished."""
        forget_the_end()
        COLLECTOR.restore()

    # Last, so that kedro-mlflow has ended the sweep's run before a mistake is reported.
    @hook_impl(trylast=True)
    def on_pipeline_error(self, error: Exception, catalog: CatalogProtocol) -> None:
        """Close what the failure left open; report the user's mistakes without a traceback."""
        forget_the_end()
        COLLECTOR.restore()
        _abandon_runs(catalog)
        mistake = _find_mistake(error)
        if mistake is not None:
            raise click.ClickException(str(mistake)) from error


class StageHooks:
    """Tells the clock which stage begins.

    A node's stage is that of its pipeline; saving a trial is a stage of its own.

    Args:
        clock: The clock of the run.
    """

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
        self._enter_stage_of(node)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, node: Node) -> None:
        """Enter the stage that saves a trial to the disk or to MLflow."""
        if stage := STAGE_OF_DATASET.get(dataset_name):
            self._clock.enter(stage)
        else:
            self._enter_stage_of(node)

    @hook_impl
    def after_dataset_saved(self, node: Node) -> None:
        """Return to the node's stage."""
        self._enter_stage_of(node)

    def _enter_stage_of(self, node: Node) -> None:
        for tag in node.tags:
            if stage := STAGE_OF_PIPELINE.get(tag):
                self._clock.enter(stage)


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
