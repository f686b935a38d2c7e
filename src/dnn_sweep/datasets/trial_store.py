"""The folder of trained trials: the only record of what has been trained."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from kedro_datasets._typing import TablePreview

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.base import ProjectDataset, State, state_of_path

UNFINISHED = ".unfinished-"  # prefix of folders that are still being written
STATUS = ("status", "best_epoch", "seconds", "engine", "engine_reason", "versions")


class TrialStore(Mapping[str, TrialResult]):
    """Trained trials by id, each read when it is asked for from the folder of that name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, trial_id: str) -> TrialResult:
        if trial_id not in self:
            raise KeyError(trial_id)
        folder = self._folder / trial_id
        status = json.loads((folder / "status.json").read_text())
        kept = folder / status.pop("checkpoint")
        diagnostics = folder / "diagnostics.csv"
        return TrialResult(
            trial=Trial.model_validate_json((folder / "trial.json").read_text()),
            history=_read_table(folder / "history.csv"),
            outputs=np.load(folder / "outputs.npy", allow_pickle=False),
            load_network=lambda: keras.saving.load_model(kept),
            diagnostics=_read_table(diagnostics) if diagnostics.is_file() else None,
            **status,
        )

    def __contains__(self, trial_id: object) -> bool:
        name = str(trial_id)
        return not name.startswith(UNFINISHED) and (self._folder / name / "status.json").is_file()

    def __iter__(self) -> Iterator[str]:
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return iter(sorted(each.name for each in found if each.name in self))

    def __len__(self) -> int:
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

    >>> dataset = TrialStoreDataset("trials")
    >>> dataset.save(trial_runs.result)
    >>> [result.trial.combination for result in dataset.load().values()]
    ['relu + adam']
    """

    folder: str

    def load(self) -> TrialStore:
        """Return every trial that has been trained, by any sweep."""
        return TrialStore(Path(self.folder))

    def save(self, data: TrialResult) -> None:
        """Add one trial."""
        if data.trial.id in self.load():
            return
        target = Path(self.folder, data.trial.id)
        draft = target.with_name(f"{UNFINISHED}{data.trial.id}")
        shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed
        draft.mkdir(parents=True)
        try:
            _write(data, draft)
            if target.exists():  # without a status, so not of this version
                shutil.rmtree(target)
            draft.rename(target)
            _flush(target.parent)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def state(self) -> State:
        """Size and time of each trial's status."""
        files = (Path(self.folder, each, "status.json") for each in self.load())
        return {path: state for file in files for path, state in state_of_path(file).items()}

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
        return Path(self.folder).is_dir()


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
    status = {name: getattr(result, name) for name in STATUS} | {"checkpoint": checkpoint}
    (folder / "status.json").write_text(json.dumps(status, indent=2))
    for each in (*folder.iterdir(), folder):
        _flush(each)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
