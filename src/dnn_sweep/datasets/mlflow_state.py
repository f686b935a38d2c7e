"""MLflow's settings of this process, which a sweep changes and a notebook goes on with."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PyFuncModel
from mlflow.tracking import fluent

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.mlflow_settings import SQLITE, mlflow_settings
from dnn_sweep.startup import import_tensorflow

_EXPERIMENT = "_active_experiment_id"  # MLflow has no function that takes it back


def refuse_active_run() -> None:
    """Let no sweep begin within a run, which would be ended with the sweep's own.

    Raises:
        SweepError: If a run is active.
    """
    if run := mlflow.active_run():
        raise SweepError(
            f"The MLflow run {run.info.run_name!r} is active, and a sweep makes runs of its own. "
            "End it first: mlflow.end_run()"
        )


def refuse_foreign_store() -> None:
    """Let no sweep in a temporary folder leave runs elsewhere, whose artifacts go with the folder.

    Raises:
        SweepError: If a SQLite store is set; a server keeps artifacts by itself.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith(SQLITE):
        raise SweepError(
            f"folder is missing: the MLflow store {uri} is set, and artifacts of its runs are kept "
            "in the sweep's folder. Name one that stays, as in folder='sweeps/mine'"
        )


@contextmanager
def mlflow_as_before() -> Iterator[None]:
    """Take back every address and experiment that is set in the block.

    MLflow writes them to the environment too, from where the next sweep would take them.

    >>> before = mlflow.get_tracking_uri()
    >>> with mlflow_as_before():
    ...     mlflow.set_tracking_uri("sqlite:///other.db")
    >>> mlflow.get_tracking_uri() == before
    True
    """
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    tracking = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None  # type: ignore[no-untyped-call]
    registry, experiment = mlflow.get_registry_uri(), getattr(fluent, _EXPERIMENT, None)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(tracking)  # type: ignore[arg-type]
        mlflow.set_registry_uri(None if registry in (None, tracking) else registry)  # type: ignore[arg-type]
        setattr(fluent, _EXPERIMENT, experiment)
        for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
            del os.environ[name]
        os.environ.update(before)


def current_store() -> str:
    """Return the address of the store that is set."""
    return mlflow.get_tracking_uri()


def load_version(store: str, name: str, version: str) -> PyFuncModel:
    """Load a version of a registered model.

    Args:
        store: Address of the tracking store.
        name: The registered model's.
        version: Its number.

    Raises:
        SweepError: If it cannot be loaded.
    """
    import_tensorflow()  # before the model does, so that it is quiet
    with mlflow_as_before(), mlflow_settings():
        mlflow.set_tracking_uri(store)
        mlflow.set_registry_uri(store)
        try:
            model: PyFuncModel = mlflow.pyfunc.load_model(f"models:/{name}/{version}")
        except (mlflow.MlflowException, OSError) as error:
            raise SweepError(f"Version {version} of {name} cannot be loaded: {error}") from error
    return model


def predict(model: PyFuncModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Predict raw rows.

    Raises:
        SweepError: If a row cannot be read; names the column and the row.
    """
    predictions: Any
    try:
        predictions = model.predict(rows)
    except mlflow.MlflowException as error:
        if error.error_code == "INVALID_PARAMETER_VALUE":
            raise SweepError(error.message) from error
        raise
    return pd.DataFrame(predictions)
