"""The lock of an experiment's folders, which one run at a time may write to."""

import os
from datetime import datetime
from pathlib import Path

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import ReadOnlyDataset
from dnn_sweep.datasets.file_lock import FileLock


class RunLockDataset(ReadOnlyDataset[FileLock]):
    """The lock that a run holds while it writes an experiment's outputs.

    Args:
        filepath: The locked file, in a folder of the experiment's.
        environment: The environment of the run, which is noted beside it in ``.environment``.

    >>> lock = RunLockDataset("data/06_models/digits/.lock").load()
    >>> lock.note().startswith("process")
    True
    >>> lock.release()
    """

    filepath: str
    environment: str = ""

    def load(self) -> FileLock:
        """Take the lock.

        Raises:
            SweepError: If another process has it, or the folder cannot be written to.
        """
        path = Path(self.filepath)
        lock, experiment = FileLock(path), path.parent.name
        began = datetime.now().astimezone().isoformat(" ", "seconds")
        try:
            taken = lock.acquire(f"process {os.getpid()}, started {began}")
            if taken:
                path.with_name(".environment").write_text(self.environment, "utf-8")
        except OSError as error:
            lock.release()
            raise SweepError(f"cannot write to {path.parent}: {error.strerror}") from error
        if not taken:
            raise SweepError(
                f"another run of the experiment {experiment!r} is writing its outputs "
                f"({lock.note() or 'it has just begun'}). Wait until it has ended, or stop it. "
                "Runs of other experiments (--env) can go on at the same time, and so can "
                "--pipeline=inference"
            )
        return lock
