"""Kedro's entry point for settings: hooks, configuration loader, resolvers."""

import os
import sys

from omegaconf.resolvers import oc

from dnn_sweep.startup import COLLECTOR, IS_INSTALLED  # isort: skip  (tunes what is imported after it)
from dnn_sweep.configuration_check import ConfigurationHooks
from dnn_sweep.core.reporting.commands import launcher
from dnn_sweep.datasets.postponed_mlflow import PostponedTracking, postpone_commands
from dnn_sweep.datasets.session_store import RecordedSession
from dnn_sweep.datasets.stage_seconds import RUN_CLOCK
from dnn_sweep.datasets.user_paths import CONF, PROJECT_ROOT, project_root
from dnn_sweep.earlier_reports import EarlierReportsHooks
from dnn_sweep.experiment_name import ExperimentConfigLoader
from dnn_sweep.hooks import CatalogHooks, ExecutorHooks, InputHooks, StageHooks, SweepHooks
from dnn_sweep.run_lock import RunLockHooks


def project_path(*parts: str) -> str:
    """Resolve ``${project_path:a,b}`` to a path below the project, wherever it is run from."""
    return str(project_root().joinpath(*parts))


def shown_path(path: str) -> str:
    """Resolve ``${shown_path:a/b}`` to how a path of the project is shown: as short as it can be.

    In another folder than the project's, it is whole.
    """
    root = project_root()
    return path if root == PROJECT_ROOT else str(root / path)


def mlflow_artifacts() -> str | None:
    """Resolve ``${mlflow_artifacts:}``: a folder of the project; a server chooses its own."""
    remote = not os.environ.get("MLFLOW_TRACKING_URI", "sqlite:").startswith("sqlite:")
    return None if remote else project_path("mlruns")


COLLECTOR.expect_imports()
postpone_commands()
# A network of the user's own may lie in the project's folder (`network.function`).
sys.path.append(str(PROJECT_ROOT))

HOOKS = (
    ConfigurationHooks(),
    StageHooks(RUN_CLOCK),
    SweepHooks(),
    CatalogHooks(),
    RunLockHooks(),
    EarlierReportsHooks(),
    InputHooks(),
    ExecutorHooks(),
    PostponedTracking(),
)
CONF_SOURCE = str(CONF)
# PostponedTracking stands in for the former; the latter would report on what people run in folders
# that have no `.telemetry` to refuse it. Which spelling counts depends on who packaged it.
DISABLE_HOOKS_FOR_PLUGINS: tuple[str, ...] = (
    "kedro-mlflow", "kedro_mlflow", "kedro-telemetry", "kedro_telemetry",
)  # fmt: skip
if IS_INSTALLED:  # it looks for the project's folder, and warns that there is none
    DISABLE_HOOKS_FOR_PLUGINS += ("kedro-viz", "kedro_viz")
SESSION_STORE_CLASS = RecordedSession
CONFIG_LOADER_CLASS = ExperimentConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},
    # Catalog entries are replaced as a whole: a mixture of two would be neither.
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        "project_path": project_path,
        "shown_path": shown_path,
        "mlflow_artifacts": mlflow_artifacts,
        "launcher": launcher,  # ${launcher:}
        "oc.env": oc.env,
    },
}
