"""Exclusive locks on files, which the system frees when their process ends, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class FileLock:
    """An exclusive lock on a file, with a note by its holder in the file.

    The file stays when the lock is freed: what counts is the lock, not that the file is there, so
    no lock outlives its process.

    >>> lock = FileLock(Path("a.lock"))
    >>> lock.acquire("process 1"), FileLock(Path("a.lock")).acquire("process 2"), lock.note()
    (True, False, 'process 1')
    >>> lock.release()
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, note: str = "", *, wait: bool = False) -> bool:
        """Take the lock; return ``False`` if another one has it, unless told to wait."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.write(descriptor, note.encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Free the lock, if this object holds it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def note(self) -> str:
        """What the holder has written, empty if it is unknown."""
        try:
            return self._path.read_text(errors="replace")
        except OSError:
            return ""

    def __enter__(self) -> Self:
        self.acquire(wait=True)
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


@contextmanager
def held(locks: Iterator[FileLock], note: str) -> Iterator[FileLock | None]:
    """Hold several locks at once; give the first one that another process has, if there is one."""
    taken: list[FileLock] = []
    try:
        for lock in locks:
            if not lock.acquire(note):
                yield lock
                return
            taken.append(lock)
        yield None
    finally:
        for lock in taken:
            lock.release()
