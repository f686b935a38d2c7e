"""Marks the MLflow run as killed when the process ends abnormally."""

import atexit

import mlflow
from mlflow.entities import RunStatus


def expect_an_end() -> None:
    """From now on, an exit that nobody reported ends the active MLflow run as killed.

    MLflow would end it as finished, and Kedro's hooks report only an ``Exception``, which Ctrl-C
    and a closed pipe are not.
    """
    # Registered after MLflow's own handler, so it is called before that.
    atexit.register(_close_as_killed)


def forget_the_end() -> None:
    """The run's end was reported, well or not."""
    atexit.unregister(_close_as_killed)


def _close_as_killed() -> None:
    while mlflow.active_run() is not None:
        mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))
