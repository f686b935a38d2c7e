"""Leaves MLflow unloaded until a command needs it; importing it takes over a second.

``kedro registry list``, ``kedro --help`` and a mistake in an option or a parameter need none of it.
"""

import sys
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from dnn_sweep.core.lazy import LazyModule

if TYPE_CHECKING:
    from dnn_sweep.datasets import sweep_run, tracking_hooks
else:
    sweep_run = LazyModule("dnn_sweep.datasets.sweep_run")
    tracking_hooks = LazyModule("dnn_sweep.datasets.tracking_hooks")

COMMANDS = "kedro_mlflow.framework.cli.cli"  # loaded by every command, for `kedro mlflow`

__all__ = ["PostponedTracking", "postpone_commands", "sweep_run"]


class PostponedTracking:
    """``TrackingHooks``, loaded once the configuration has been read and checked.

    pluggy does not load a plugin whose name is taken, and so leaves kedro-mlflow's hooks alone.
    """

    __name__ = "mlflow_hook"  # kedro-mlflow's

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """See ``TrackingHooks``, as for the other hooks."""
        self._hooks = tracking_hooks.TrackingHooks()
        self._hooks.after_context_created(context)

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol
    ) -> None:
        """Set the experiment up."""
        self._hooks.before_pipeline_run(run_params, pipeline, catalog)

    @hook_impl
    def before_node_run(self, node: Node, catalog: CatalogProtocol) -> None:
        """Begin the sweep's run."""
        self._hooks.before_node_run(node, catalog)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Note what there is to log."""
        self._hooks.after_dataset_saved(dataset_name, data)

    # Last, since it may end the command with an error.
    @hook_impl(trylast=True)
    def after_pipeline_run(self, catalog: CatalogProtocol) -> None:
        """End the sweep's run."""
        self._hooks.after_pipeline_run(catalog)

    @hook_impl
    def on_pipeline_error(self, error: Exception, catalog: CatalogProtocol) -> None:
        """End the sweep's run with what was written."""
        self._hooks.on_pipeline_error(error, catalog)


class PostponedGroup(click.Group):
    """The group ``kedro mlflow``, whose commands are loaded when one of them is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands of kedro-mlflow."""
        return self._group.list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of kedro-mlflow."""
        return self._group.get_command(ctx, cmd_name)

    @cached_property
    def _group(self) -> click.Group:
        del sys.modules[COMMANDS]
        group: click.Group = import_module(COMMANDS).mlflow_commands
        return group


def postpone_commands() -> None:
    """Let Kedro, which loads the commands of every plugin, find a stand-in for kedro-mlflow's."""
    if COMMANDS not in sys.modules:
        stand_in: Any = ModuleType(COMMANDS)
        stand_in.commands = click.Group("Mlflow", help="Kedro plugin for interactions with mlflow.")
        stand_in.commands.add_command(
            PostponedGroup("mlflow", help="Use mlflow-specific commands inside kedro project.")
        )
        sys.modules[COMMANDS] = stand_in
