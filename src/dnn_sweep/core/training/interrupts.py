"""Ctrl-C and SIGTERM, which never interrupt the saving of a trial."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # the second comes from `docker stop`, Slurm and systemd


class Stop(KeyboardInterrupt):
    """One of these signals has come.

    A ``KeyboardInterrupt``, so that whatever lets Ctrl-C through lets SIGTERM through as well.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_status(stop: KeyboardInterrupt) -> int:
    """Return the exit status that a shell expects after a signal.

    >>> exit_status(Stop(signal.SIGTERM)), exit_status(KeyboardInterrupt())
    (143, 130)
    """
    return 128 + (stop.number if isinstance(stop, Stop) else signal.SIGINT)


class Interrupts:
    """Raises :class:`Stop` at once, or at the end of a protected block."""

    def __init__(self) -> None:
        self._held, self._requested = False, 0

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Handle the signals; outside the main thread, where Python forbids it, change nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = [signal.signal(each, self._handle) for each in SIGNALS]
        try:
            yield self
        finally:
            for each, handler in zip(SIGNALS, before, strict=True):
                signal.signal(each, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Postpone an interrupt to the end of the block."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._requested:
            raise Stop(self._requested)

    def _handle(self, number: int, _: object) -> None:
        if not self._held or self._requested:  # a second interrupt does not wait
            raise Stop(number)
        self._requested = number
