"""A tracking store and registry of a test's own."""

from collections.abc import Iterator

import mlflow
import pytest


@pytest.fixture
def mlflow_store(tmp_path, monkeypatch) -> Iterator[str]:
    """A SQLite store in the test's folder, made the current one; gives its address."""
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)
    mlflow.create_experiment("dnn_sweep/mixed", artifact_location=str(tmp_path / "mlruns"))
    mlflow.set_experiment("dnn_sweep/mixed")
    yield address
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(before)
