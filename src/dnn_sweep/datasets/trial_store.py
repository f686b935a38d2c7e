"""The folder of trained trials: the only record of what has been trained."""

import logging
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from zipfile import BadZipFile

import pandas as pd
from kedro_datasets._typing import TablePreview

from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.base import ProjectDataset, State, state_of_path
from dnn_sweep.datasets.file_lock import FileLock
from dnn_sweep.datasets.trial_file import (
    STATUS_FILE,
    DamagedTrialError,
    check_network,
    read_trial,
    unsealed,
    write_trial,
)
from dnn_sweep.datasets.trial_folder import check_old_trial, read_old_trial

logger = logging.getLogger(__name__)

UNFINISHED = ".unfinished-"  # prefix of folders that are still being written
DEAD_AFTER = 3600  # seconds: nobody writes a trial for so long
UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, BadZipFile)

# Folders whose checksums this process has verified, and whether each has a network.
_sound: dict[Path, bool] = {}
_named: set[Path] = set()  # folders that it has called damaged


class TrialStore(Mapping[str, TrialResult]):
    """Trained trials by id, each read when it is asked for from the folder of that name.

    A trial is verified once per process. One that is damaged is named in a warning and counts as
    absent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, trial_id: str) -> TrialResult:
        found = self._find(trial_id)
        if found is None:
            raise KeyError(trial_id)
        return found

    def __contains__(self, trial_id: object) -> bool:
        folder = self._folder / str(trial_id)
        if folder in _sound and (folder / STATUS_FILE).is_file():
            return True
        return self._find(str(trial_id)) is not None

    def __iter__(self) -> Iterator[str]:
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        names = sorted(each.name for each in found if each.is_dir())
        return iter([name for name in names if name in self])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _find(self, trial_id: str) -> TrialResult | None:
        folder = self._folder / trial_id
        if trial_id.startswith(".") or not folder.is_dir():
            return None
        try:
            result = _read(folder, verify=folder not in _sound)
        except UNREADABLE as error:
            _sound.pop(folder, None)
            if folder not in _named and folder.is_dir():
                _named.add(folder)
                said = error if isinstance(error, DamagedTrialError) else _brief(error)
                logger.warning("the trial %s is damaged and counts as absent: %s", trial_id, said)
            return None
        _sound[folder] = result.keeps_network
        return result


class TrialStoreDataset(ProjectDataset[TrialResult, TrialStore]):
    """Saves one trial after another, each whole or not at all.

    A trial's folder holds ``status.json`` (what was trained, how it went, one row per epoch, the
    measurements of layers if there are any, and the outputs on the validation rows) and, where it
    may be served, the network, a ``.keras`` file named by ``callbacks.checkpoint.filename``. It
    is written under a name of its own, flushed to the disk and renamed, so that a crash, a full
    disk or a second process leave no half-written trial; the first to write a trial wins. Saving
    one that is there does nothing, unless it ``replaces`` that, or has the network that is missing.

    Args:
        folder: Where the trials' folders are.

    >>> dataset = TrialStoreDataset("trials")
    >>> dataset.save(trial_runs.result)
    >>> [result.trial.combination for result in dataset.load().values()]
    ['relu + adam']
    """

    folder: str

    def __post_init__(self) -> None:
        self._swept = False

    def load(self) -> TrialStore:
        """Return every trial that has been trained, by any sweep."""
        return TrialStore(Path(self.folder))

    def save(self, data: TrialResult) -> None:
        """Add one trial."""
        if self._has(data):
            return
        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._remove_dead_drafts()
        draft = Path(mkdtemp(prefix=f"{UNFINISHED}{data.trial.id}-", dir=folder))
        try:
            draft.chmod(0o755)  # as other folders: it is no secret
            write_trial(data, draft)
            for each in (*draft.iterdir(), draft):
                _flush(each)
            with FileLock(folder.with_name(f".{folder.name}.lock")):  # for this moment
                if not self._has(data):
                    self._publish(draft, folder / data.trial.id)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def state(self) -> State:
        """Size and time of each trial's files, which are not read."""
        folders = Path(self.folder).glob("[!.]*/")
        return {path: state for each in folders for path, state in state_of_path(each).items()}

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

    def _has(self, data: TrialResult) -> bool:
        if data.replaces or data.trial.id not in self.load():
            return False
        return not data.keeps_network or _sound[Path(self.folder, data.trial.id)]

    def _publish(self, draft: Path, target: Path) -> None:
        if target.exists():
            old = draft.with_name(f"{draft.name}-replaced")
            target.rename(old)
            draft.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            draft.rename(target)
        _flush(target.parent)
        _sound.pop(target, None)
        _named.discard(target)

    def _remove_dead_drafts(self) -> None:
        """Remove what killed runs have left, once per run."""
        if self._swept:
            return
        self._swept = True
        for draft in Path(self.folder).glob(f"{UNFINISHED}*"):
            try:
                dead = time.time() - draft.stat().st_mtime > DEAD_AFTER
            except FileNotFoundError:  # another process has finished it
                continue
            if dead:
                shutil.rmtree(draft, ignore_errors=True)


def _read(folder: Path, *, verify: bool) -> TrialResult:
    """Read a trial, and verify it if asked to; see ``UNREADABLE`` for what this may raise."""
    if not (folder / STATUS_FILE).is_file():
        raise DamagedTrialError(f"{STATUS_FILE} is missing")
    content = unsealed((folder / STATUS_FILE).read_text())
    result = read_trial(folder, content) if content else read_old_trial(folder)
    if verify:
        if folder.name not in (result.trial.id, result.trial.earlier_id):
            raise DamagedTrialError(f"its files are those of the trial {result.trial.id}")
        if content:
            check_network(folder, content)
        else:
            check_old_trial(folder, result)
    return result


def _brief(error: BaseException) -> str:
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
