"""Ctrl-C, which never interrupts the saving of a trial."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class Interrupts:
    """Raises ``KeyboardInterrupt`` at once, or at the end of a protected block."""

    def __init__(self) -> None:
        self._held = self._requested = False

    @contextmanager
    def listening(self) -> Iterator[Self]:
        """Handle SIGINT; outside the main thread, where Python forbids it, change nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = signal.signal(signal.SIGINT, self._handle)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Postpone an interrupt to the end of the block."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._requested:
            raise KeyboardInterrupt

    def _handle(self, *_: object) -> None:
        if not self._held or self._requested:  # a second interrupt does not wait
            raise KeyboardInterrupt
        self._requested = True
