"""Kedro's entry point for settings: hooks, configuration loader, resolvers."""

import os
from pathlib import Path

from omegaconf.resolvers import oc

import dnn_sweep.startup  # noqa: F401
from dnn_sweep.datasets.stage_seconds import RUN_CLOCK
from dnn_sweep.hooks import CatalogHooks, StageHooks, SweepHooks, collect_seldom

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def project_path(*parts: str) -> str:
    """Resolve ``${project_path:a,b}`` to a path below the project, wherever it is run from."""
    return str(PROJECT_ROOT.joinpath(*parts))


def mlflow_artifacts() -> str | None:
    """Resolve ``${mlflow_artifacts:}``: in the project; a server decides by itself."""
    remote = not os.environ.get("MLFLOW_TRACKING_URI", "sqlite:").startswith("sqlite:")
    return None if remote else project_path("mlruns")


def launcher() -> str:
    """Resolve ``${launcher:}``: what the user has to put before ``kedro`` to run it here."""
    return "uv run" if "UV_RUN_RECURSION_DEPTH" in os.environ else ""


collect_seldom()

HOOKS = (StageHooks(RUN_CLOCK), SweepHooks(), CatalogHooks())

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # Catalog entries replace whole: half of one source and half of another is neither.
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        "project_path": project_path,
        "mlflow_artifacts": mlflow_artifacts,
        "launcher": launcher,
        "oc.env": oc.env,
    },
}
