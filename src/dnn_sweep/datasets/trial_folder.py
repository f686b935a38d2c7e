"""Trials that version 0.1 stored: a file for each part, and no checksums.

Their damage is found as far as their contents contradict each other.
"""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.trial_file import STATUS, STATUS_FILE, DamagedTrialError


def read_old_trial(folder: Path) -> TrialResult:
    """Read the folder of a trial."""
    status = json.loads((folder / STATUS_FILE).read_text())
    kept = folder / status["checkpoint"]
    diagnostics = folder / "diagnostics.csv"
    return TrialResult(
        trial=Trial.model_validate_json((folder / "trial.json").read_text()),
        history=_read_table(folder / "history.csv"),
        outputs=np.load(folder / "outputs.npy", allow_pickle=False),
        load_network=lambda: keras.saving.load_model(kept),
        diagnostics=_read_table(diagnostics) if diagnostics.is_file() else None,
        **{name: status[name] for name in STATUS},
    )


def check_old_trial(folder: Path, result: TrialResult) -> None:
    """Look for contradictions between the files of a trial.

    Raises:
        DamagedTrialError: If there is one.
    """
    network = json.loads((folder / STATUS_FILE).read_text())["checkpoint"]
    if Path(network).name != network or not (folder / network).is_file():
        raise DamagedTrialError(f"{network} is missing")
    with ZipFile(folder / network) as archive:
        if (damaged := archive.testzip()) is not None:
            raise DamagedTrialError(f"{network}: {damaged} is not what was written")
    for name in ("history.csv", "diagnostics.csv"):
        file = folder / name
        if file.is_file() and not file.read_bytes().endswith(b"\n"):
            raise DamagedTrialError(f"{name} is cut")
    trial, epochs = result.trial, result.history["epoch"].tolist()
    completed = result.status == "completed"
    wanted = trial.epochs if completed and not trial.callbacks.early_stopping.enabled else None
    if epochs != list(range(1, len(epochs) + 1)) or len(epochs) != (wanted or len(epochs)):
        raise DamagedTrialError(f"history.csv lacks epochs: it has {len(epochs)}")
    if not 0 <= result.best_epoch <= len(epochs):
        raise DamagedTrialError(f"history.csv lacks epoch {result.best_epoch}, which was kept")
    numbers = result.history.drop(columns="epoch").apply(pd.to_numeric, errors="coerce")
    if completed and not np.isfinite(numbers.to_numpy(dtype=float)).all():
        raise DamagedTrialError("history.csv lacks numbers")
    outputs = result.outputs
    if outputs.ndim != 2 or outputs.shape[1] != trial.network.outputs or not len(outputs):
        raise DamagedTrialError(f"outputs.npy has the shape {outputs.shape}")
    if completed and not np.isfinite(outputs).all():
        raise DamagedTrialError("outputs.npy has gaps")


def _read_table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, float_precision="round_trip")
