"""Tracking stores and registries of a test's own."""

import shutil
from pathlib import Path

import mlflow

from dnn_sweep.datasets.trial_file import sealed, unsealed


def use_store(address: str) -> None:
    """Make a store the current one, until the test ends (see `clean_slate`)."""
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)


def make_store(folder: Path, empty_store: Path, experiment: str = "dnn_sweep/mixed") -> str:
    """A SQLite store with an experiment, made the current one; gives its address."""
    shutil.copy2(empty_store, folder / "mlflow.db")
    address = f"sqlite:///{folder / 'mlflow.db'}"
    use_store(address)
    mlflow.create_experiment(experiment, artifact_location=str(folder / "mlruns"))
    mlflow.set_experiment(experiment)
    return address


def change_trial(file: Path, **changes: object) -> None:
    """Change what a trial's `status.json` says, as if it had been written so."""
    content = unsealed(file.read_text()) | changes
    del content["sha256"]
    file.write_text(sealed(content))
