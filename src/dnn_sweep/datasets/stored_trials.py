"""Trained trials as a mapping, each verified when it is first read."""

import logging
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import BadZipFile

from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.trial_file import (
    STATUS_FILE,
    DamagedTrialError,
    check_network,
    read_trial,
    unsealed,
)
from dnn_sweep.datasets.trial_folder import check_old_trial, read_old_trial

logger = logging.getLogger(__name__)
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

    def has_network(self, trial_id: str) -> bool:
        """Whether a trial is there with its network."""
        return trial_id in self and _sound[self._folder / trial_id]

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
            try:
                result = _read(folder, verify=folder not in _sound)
            except UNREADABLE:  # another process may just have changed it
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


def forget(folder: Path) -> None:
    """Verify a trial again when it is next read: its files have changed."""
    _sound.pop(folder, None)
    _named.discard(folder)


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
