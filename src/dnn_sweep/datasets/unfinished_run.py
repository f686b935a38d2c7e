"""A sweep that ends without a word has not finished."""

import atexit


def expect_an_end() -> None:
    """From now on, an exit that nobody reported closes the active MLflow run as killed.

    MLflow itself would close it as finished: it cannot tell an end from an interruption, and
    Kedro reports only what is an ``Exception`` (Ctrl-C and a closed pipe are not).
    """
    # Registered after MLflow's own, so it is called before.
    atexit.register(_close_as_killed)


def forget_the_end() -> None:
    """The run's end was reported, well or not."""
    atexit.unregister(_close_as_killed)


def _close_as_killed() -> None:
    import mlflow
    from mlflow.entities import RunStatus

    while mlflow.active_run() is not None:
        mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))
