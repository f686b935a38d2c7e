"""Ctrl-C and SIGTERM, which never interrupt the saving of a trial."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Self

from dnn_sweep.core.errors import SweepInterruptedError

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
    """Raises :class:`Stop` at once, or at the end of a protected block.

    Python drops what is raised within a destructor or a callback of a weak reference, and some
    libraries catch everything, or fail because of it with an error of their own. A stop that was
    lost so is raised again by :meth:`check`, and at the end of :meth:`listening`.
    """

    _listening: ClassVar[list["Interrupts"]] = []  # the last one has the signals

    def __init__(self) -> None:
        self._held, self._requested = False, 0

    @classmethod
    def check(cls) -> None:
        """Raise a stop that was asked for and is still on its way, or was lost on it.

        Raises:
            Stop: If there is one.
        """
        for each in cls._listening:
            if each._requested:
                raise Stop(each._requested)

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Handle the signals; outside the main thread, where Python forbids it, change nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = [signal.signal(each, self._handle) for each in SIGNALS]
        self._listening.append(self)
        try:
            yield self
            self.check()
        except SweepInterruptedError:
            raise  # which tells of the stop already
        except Exception:
            self.check()
            raise
        finally:
            self._listening.remove(self)
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
        waits = self._held and not self._requested  # a second interrupt does not
        self._requested = number
        if not waits:
            raise Stop(number)
