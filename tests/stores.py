"""A tracking store and registry of a test's own."""

import mlflow
import pytest


def use_store(address: str) -> None:
    """Make a store the current one, until the test ends (see `clean_slate`)."""
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)


def make_store(folder) -> str:
    """A SQLite store with an experiment, made the current one; gives its address."""
    address = f"sqlite:///{folder / 'mlflow.db'}"
    use_store(address)
    mlflow.create_experiment("dnn_sweep/mixed", artifact_location=str(folder / "mlruns"))
    mlflow.set_experiment("dnn_sweep/mixed")
    return address


@pytest.fixture
def mlflow_store(tmp_path, monkeypatch) -> str:
    """A store in the test's folder, which is made the current folder."""
    monkeypatch.chdir(tmp_path)
    return make_store(tmp_path)
