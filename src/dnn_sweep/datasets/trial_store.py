"""The folder of trained trials: the only record of what has been trained."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
from kedro_datasets._typing import TablePreview

from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.base import ProjectDataset, State
from dnn_sweep.datasets.file_lock import FileLock
from dnn_sweep.datasets.stored_trials import TrialStore, forget
from dnn_sweep.datasets.trial_file import (
    STATUS_FILE,
    flush,
    keep_times,
    release_network,
    write_trial,
)

UNFINISHED = ".unfinished-"  # prefix of folders that are still being written
DEAD_AFTER = 3600  # seconds: nobody writes a trial for so long
SAME = 1e-4  # largest difference of outputs of one network, trained twice


class TrialStoreDataset(ProjectDataset[TrialResult, TrialStore]):
    """Saves one trial after another, each whole or not at all.

    A trial's folder holds ``status.json`` (what was trained, how it went, one row per epoch, the
    measurements of layers if there are any, and the outputs on the validation rows) and, where it
    may be served, the network, a ``.keras`` file named by ``callbacks.checkpoint.filename``. It
    is written under a name of its own, flushed to the disk and renamed, so that a crash, a full
    disk or a second process leave no half-written trial; the first to write a trial wins. Saving
    one that is there does nothing, unless it ``replaces`` that, or has the network that is missing:
    then that is added, and the results stay as they are if it is the network that gave them.

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
            known = None if data.replaces else self.load().get(data.trial.id)
            adds = known is not None and _is_network_of(data, known)
            write_trial(data.with_results_of(known) if known and adds else data, draft)
            for each in (*draft.iterdir(), draft):
                flush(each)
            target = folder / data.trial.id
            with self._locked():
                if not self._has(data):
                    (self._add_network if adds else self._publish)(draft, target)
                    forget(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def release_networks(self, trials: Iterable[str]) -> int:
        """Delete the networks of some trials, all else of which stays; return how many.

        Trials of version 0.1 keep theirs.
        """
        store, released = self.load(), 0
        with self._locked():
            for trial_id in trials:
                folder = Path(self.folder, trial_id)
                if any(folder.glob("*.keras")) and trial_id in store:
                    released += release_network(folder)
                    forget(folder)
        return released

    def state(self) -> State:
        """The time of the last change of each trial: of the folder, and of its newest file.

        That a network is let go, or is there again, does not change them.
        """
        found: State = {}
        for folder in Path(self.folder).glob("[!.]*/"):
            with suppress(FileNotFoundError):  # another experiment's run has let it go
                found[str(folder)] = [folder.stat().st_mtime_ns, max(_times(folder), default=0)]
        return found

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
        return not data.keeps_network or self.load().has_network(data.trial.id)

    def _locked(self) -> FileLock:
        """A lock for the moment in which trials are put into place."""
        folder = Path(self.folder)
        return FileLock(folder.with_name(f".{folder.name}.lock"))

    def _publish(self, draft: Path, target: Path) -> None:
        if target.exists():
            old = draft.with_name(f"{draft.name}-replaced")
            target.rename(old)
            draft.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            draft.rename(target)
        flush(target.parent)

    def _add_network(self, draft: Path, target: Path) -> None:
        """Move a network into a trial's folder; the status, which names it, follows."""
        status = (target / STATUS_FILE).stat()
        times = {target: target.stat()}
        for each in (*draft.glob("*.keras"), draft / STATUS_FILE):
            each.replace(target / each.name)
            times[target / each.name] = status
        keep_times(times)

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


def _is_network_of(trained: TrialResult, known: TrialResult) -> bool:
    """Whether a trial that was trained again gave the network that the results are of."""
    return trained.outputs.shape == known.outputs.shape and np.allclose(
        trained.outputs, known.outputs, rtol=SAME, atol=SAME, equal_nan=True
    )


def _times(folder: Path) -> Iterator[int]:
    """When each file was changed; drafts, and what is deleted meanwhile, do not count."""
    for each in folder.glob("[!.]*"):
        with suppress(FileNotFoundError):
            yield each.stat().st_mtime_ns
