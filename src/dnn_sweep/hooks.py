"""Kedro hooks: errors that a person can read, and nothing left open behind them."""

import logging
from typing import Any

import click
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline.node import Node

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.unfinished_run import expect_an_end, forget_the_end

logger = logging.getLogger(__name__)


class SweepHooks:
    """What happens around a run."""

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Say which node is at work, in fewer words than Kedro's own message."""
        logger.info(node.name)

    @hook_impl
    def before_pipeline_run(self) -> None:
        """From here on, an exit without a report is not a finished sweep."""
        expect_an_end()

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
