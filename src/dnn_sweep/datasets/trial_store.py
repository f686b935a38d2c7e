"""The folder of trained trials: the only record of what has been trained."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro_datasets._typing import TablePreview

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.base import ProjectDataset

UNFINISHED = ".unfinished-"  # prefix of folders that are still being written


class TrialStore(Mapping[str, TrialResult]):
    """Trained trials by id, each read from its folder when it is asked for.

    Args:
        folder: Holds one folder per trial, named after its id.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, trial_id: str) -> TrialResult:
        """Read one trial's folder; the network is loaded when it is asked for."""
        if trial_id not in self:
            raise KeyError(trial_id)
        folder = self._folder / trial_id
        status = json.loads((folder / "status.json").read_text())
        kept = folder / status.pop("checkpoint")

        def load_network() -> "keras.Model":
            return keras.saving.load_model(kept)

        return TrialResult(
            trial=Trial.model_validate_json((folder / "trial.json").read_text()),
            history=_read_table(folder / "history.csv"),
            outputs=np.load(folder / "outputs.npy", allow_pickle=False),
            load_network=load_network,
            diagnostics=_read_diagnostics(folder),
            **status,
        )

    def __contains__(self, trial_id: object) -> bool:
        """Whether a trial has been trained; opens nothing."""
        name = str(trial_id)
        return not name.startswith(UNFINISHED) and (self._folder / name / "status.json").is_file()

    def __iter__(self) -> Iterator[str]:
        """Ids of the trained trials."""
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return iter(sorted(each.name for each in found if each.name in self))

    def __len__(self) -> int:
        """Number of trained trials."""
        return sum(1 for _ in self)


class TrialStoreDataset(ProjectDataset[TrialResult, TrialStore]):
    """Saves one trial after another, each whole or not at all.

    A trial's folder holds ``trial.json`` (what was trained), ``status.json`` (how it went),
    ``history.csv`` (one row per epoch), ``diagnostics.csv`` (one row per measured epoch and
    layer; absent if nothing was measured), ``outputs.npy`` (outputs on the validation rows) and
    the network, a ``.keras`` file named by ``callbacks.checkpoint.filename``. It is written under
    another name, flushed to the disk and renamed, so that a crash or a full disk leaves no
    half-written trial. Saving a trial that is already there does nothing.

    Args:
        folder: Where the trials' folders are.
        metadata: For plugins such as Kedro-Viz; ignored by Kedro.
    """

    def __init__(self, *, folder: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata=metadata, folder=folder)
        self._folder = Path(folder)

    def load(self) -> TrialStore:
        """Return every trial that has been trained, by any sweep."""
        return TrialStore(self._folder)

    def save(self, data: TrialResult) -> None:
        """Add one trial."""
        target = self._folder / data.trial.id
        if data.trial.id in self.load():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f"{UNFINISHED}{data.trial.id}"
        shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed
        draft.mkdir()
        try:
            _write(data, draft)
            if target.exists():  # without a status, so not of this version
                shutil.rmtree(target)
            draft.rename(target)
            _flush(self._folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def preview(self, nrows: int = 50) -> TablePreview:
        """Return the outcomes of the first trials for Kedro-Viz."""
        rows = [
            {
                "trial": result.trial.id,
                "combination": result.trial.combination,
                "learning_rate": result.trial.learning_rate,
                "seed": result.trial.seed,
                "status": result.status,
                "best_epoch": result.best_epoch,
                "seconds": round(result.seconds, 1),
                "engine": result.engine,
            }
            for result in islice(self.load().values(), nrows)
        ]
        return TablePreview(pd.DataFrame(rows).to_dict(orient="split"))

    def _exists(self) -> bool:
        return self._folder.is_dir()


def _read_diagnostics(folder: Path) -> pd.DataFrame | None:
    file = folder / "diagnostics.csv"
    return _read_table(file) if file.is_file() else None


def _read_table(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, float_precision="round_trip")


def _write(result: TrialResult, folder: Path) -> None:
    checkpoint = result.checkpoint_name
    if result.save_network is not None:
        result.save_network(folder / checkpoint)
    else:
        result.load_network().save(folder / checkpoint)
    (folder / "trial.json").write_text(result.trial.model_dump_json(indent=2))
    result.history.to_csv(folder / "history.csv", index=False)
    if result.diagnostics is not None:
        result.diagnostics.to_csv(folder / "diagnostics.csv", index=False)
    np.save(folder / "outputs.npy", result.outputs, allow_pickle=False)
    status = {
        "status": result.status,
        "best_epoch": result.best_epoch,
        "seconds": result.seconds,
        "engine": result.engine,
        "engine_reason": result.engine_reason,
        "versions": result.versions,
        "checkpoint": checkpoint,
    }
    (folder / "status.json").write_text(json.dumps(status, indent=2))
    for each in (*folder.iterdir(), folder):
        _flush(each)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
