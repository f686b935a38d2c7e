"""Ctrl-C between trials, not in the middle of writing one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Raises ``KeyboardInterrupt`` at once, or as soon as what must not be cut short is done."""

    def __init__(self) -> None:
        self._held = False
        self._requested = False

    @contextmanager
    def listening(self) -> Iterator["Interrupts"]:
        """Take over SIGINT; outside the main thread, where Python forbids it, change nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = signal.signal(signal.SIGINT, self._hear)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep an interrupt back until the end of the block, and raise it there."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._requested:
            raise KeyboardInterrupt

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._held and not self._requested:
            self._requested = True
        else:  # at once; also when asked for a second time
            raise KeyboardInterrupt
