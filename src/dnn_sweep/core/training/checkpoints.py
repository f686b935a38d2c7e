"""Checkpoints: what a trial's training goes on from after a kill, a file per unfinished trial.

The files are the only effect: what an engine puts into them, and how it goes on from there, is in
the engines. A trial that goes on ends with the same numbers as one that was never stopped.
"""

import json
import logging
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.plan.trial import Trial

logger = logging.getLogger(__name__)
LAYOUT = 2  # of the file; other ones are not read
NOTE = "note"  # the entry that holds what is no array, as JSON
DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class State:
    """A training between two epochs.

    Args:
        epoch: Number of epochs that are done.
        seconds: What they took.
        note: Everything but arrays, as JSON has it.
        arrays: Weights, the optimizer's state and the like, by name.
    """

    epoch: int
    seconds: float
    note: dict[str, Any]
    arrays: dict[str, NDArray[Any]]

    def listed(self, name: str) -> list[NDArray[Any]]:
        """The arrays that :func:`numbered` gave this name, in order."""
        count = sum(each.rpartition(".")[0] == name for each in self.arrays)
        return [self.arrays[f"{name}.{at}"] for at in range(count)]


def numbered(name: str, arrays: Iterable[Any]) -> dict[str, NDArray[Any]]:
    """Name each of several arrays.

    >>> list(numbered("weights", [np.zeros(2), np.ones(3)]))
    ['weights.0', 'weights.1']
    """
    return {f"{name}.{at}": np.asarray(each) for at, each in enumerate(arrays)}


@dataclass(frozen=True)
class Checkpoints:
    """The folder of the checkpoints of all trials.

    Args:
        folder: Where they are; ``None`` to keep none.
        seconds: How often a training is saved; 0 for never.
        clock: A monotonic clock, in seconds.

    >>> kept = Checkpoints(Path("checkpoints"), seconds=60)
    >>> kept.of(champion_trial, "keras", measured=True).load() is None
    True
    """

    folder: Path | None = None
    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def of(self, trial: Trial, engine: str, *, measured: bool) -> "Checkpoint":
        """Return a trial's checkpoint; another engine, or one without diagnostics, is foreign."""
        identity = {"layout": LAYOUT, "trial": trial.id, "engine": engine, "measured": measured}
        path = self.folder / f"{trial.id}.npz" if self.folder and self.seconds else None
        return Checkpoint(path, f"{trial.combination}, seed {trial.seed}", identity | _versions())

    def timer(self) -> "Timer":
        """Return what says when to save; it begins now."""
        return Timer(self.seconds if self.folder else 0.0, self.clock)

    def states(self, trials: Iterable[Trial], engine: str, *, measured: bool) -> dict[str, State]:
        """What trials go on from, by id, of those for which there is something."""
        loaded = {each.id: self.of(each, engine, measured=measured).load() for each in trials}
        return {trial_id: state for trial_id, state in loaded.items() if state is not None}

    def count(self, trials: Iterable[Trial]) -> int:
        """Count the trials that have a file."""
        names = {path.stem for path in self.folder.glob("*.npz")} if self.folder else set()
        return sum(trial.id in names for trial in trials) if self.seconds else 0

    def tidy(self, finished: Container[str]) -> None:
        """Remove what a kill left behind of trials that are finished."""
        for path in self.folder.glob("*.npz") if self.folder else ():
            if path.stem in finished:
                self.remove(path.stem)

    def remove(self, trial_id: str) -> None:
        """Remove the checkpoint of a trial that is finished, if there is one."""
        if self.folder:
            for path in (self.folder / f"{trial_id}.npz", _draft(self.folder / f"{trial_id}.npz")):
                path.unlink(missing_ok=True)


NO_CHECKPOINTS = Checkpoints()
NOTHING: Mapping[str, int] = MappingProxyType({})  # no trial is finished


class Timer:
    """Says when a training is to be saved: never in the first so many seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.seconds, self._clock = seconds, clock
        self._since = clock()

    @property
    def is_due(self) -> bool:
        """Whether so many seconds have passed since the last time."""
        return bool(self.seconds) and self._clock() - self._since >= self.seconds

    def restart(self) -> None:
        """Begin again: the training is saved."""
        self._since = self._clock()


@dataclass(frozen=True)
class Checkpoint:
    """One trial's file.

    It is a ``.npz`` without pickles, whose zip holds a checksum of every entry.

    Args:
        path: The file; ``None`` where none is kept.
        name: The trial, for people.
        identity: What must be equal for a training to go on exactly.
    """

    path: Path | None
    name: str
    identity: dict[str, Any]

    def save(self, state: State) -> None:
        """Write the file whole or not at all; training goes on where that fails."""
        if self.path is None:
            return
        note = {"epoch": state.epoch, "seconds": state.seconds, "note": state.note}
        text = json.dumps(self.identity | note).encode()
        draft = _draft(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                np.savez(file, **{NOTE: np.frombuffer(text, np.uint8)}, **state.arrays)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            logger.warning("%s: no checkpoint, training goes on: %s", self.name, error)

    def load(self) -> State | None:
        """Return what the training goes on from; ``None``, with a warning, if it cannot."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            note = json.loads(arrays.pop(NOTE).tobytes())
            found = {name: note.get(name) for name in self.identity}
            state = State(note["epoch"], note["seconds"], note["note"], arrays)
        except DAMAGED as error:
            self.refuse(f"damaged ({error})")
            return None
        if different := [name for name in found if found[name] != self.identity[name]]:
            self.refuse(f"of another {' and '.join(different)}")
            return None
        return state

    def refuse(self, reason: str) -> None:
        """Warn that the training begins anew."""
        logger.warning("%s: trained anew, its checkpoint %s is %s", self.name, self.path, reason)


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.part")


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("keras", "tensorflow", "numpy")}
