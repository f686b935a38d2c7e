"""Writes to MLflow, in order and beside the training; what fails waits and is tried again."""

import logging
import re
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from dnn_sweep.datasets.mlflow_settings import mask_passwords

logger = logging.getLogger(__name__)

OUTAGE = (MlflowException, SQLAlchemyError, OSError)  # what a server that fails is told by
# A server that answers so has understood the request: to repeat it would block all others.
NEVER_TAKEN = {"BAD_REQUEST", "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE"}
PAUSE = 5.0  # seconds before a write that failed is tried again
PATIENCE = 30.0  # seconds without a single success after which nothing more is waited for
MOST_WAITING = 1000  # writes; bounds memory, the trial store has all that they say


class Backlog:
    """Writes that happen one after another in a thread of their own.

    A write must be one that can be repeated, since one that failed may have succeeded in part.

    Args:
        pause: Seconds before a write that failed is tried again, at the next ``add``.

    >>> backlog, written = Backlog(), []
    >>> backlog.add(lambda: written.append("a trial"))
    >>> backlog.drain(), written
    (True, ['a trial'])
    """

    def __init__(self, pause: float = PAUSE) -> None:
        self.failure: str | None = None  # why the first write that waits has failed
        self.lost = 0  # writes that were given up
        self._pause = pause
        self._next_try = self._last_success = 0.0
        self._waiting: deque[Callable[[], None]] = deque()
        self._pending: deque[Future[None]] = deque()
        # Python joins its thread at exit, so that what was handed over is written.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mlflow")

    def add(self, write: Callable[[], None]) -> None:
        """Hand over a write; raise an earlier one's error unless the server was at fault."""
        while self._pending and self._pending[0].done():
            self._pending.popleft().result()
        if len(self._waiting) >= MOST_WAITING and (self.failure or not self.drain()):
            self.lost += 1
            return
        self._waiting.append(write)
        self._start()

    def drain(self, patience: float = PATIENCE) -> bool:
        """Wait until everything is written.

        Args:
            patience: Seconds without a success after which it is given up.

        Returns:
            Whether everything that was ever handed over is written.
        """
        self._next_try, self._last_success = 0.0, time.monotonic()
        self._start()
        while self._pending:
            left = self._last_success + patience - time.monotonic()
            if left <= 0:
                self.failure = self.failure or "no answer"
                return False
            if self._pending[0] in wait([self._pending[0]], timeout=left).done:
                self._pending.popleft().result()
        return not self._waiting and not self.lost

    def close(self) -> None:
        """Try nothing any more; a request that hangs ends by its own limit."""
        self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        try:
            self._pending.append(self._thread.submit(self._work))
        except RuntimeError:  # the interpreter is ending and starts no threads: in this one
            self._work()

    def _work(self) -> None:
        while self._waiting and time.monotonic() >= self._next_try:
            try:
                self._waiting[0]()
            except OUTAGE as error:
                self._note(error)
                if getattr(error, "error_code", None) not in NEVER_TAKEN:
                    return
                self.lost += 1
            except BaseException:
                self._waiting.popleft()
                raise
            else:
                self._last_success = time.monotonic()
                if self.failure and not self.lost:
                    logger.info("MLflow answers again.")
                    self.failure = None
            if self._waiting:  # unless it was closed meanwhile
                self._waiting.popleft()

    def _note(self, error: Exception) -> None:
        self._next_try = time.monotonic() + self._pause
        if self.failure is None:
            logger.warning(
                "MLflow does not answer (%s). Training goes on; what is trained is kept, and "
                "recorded as soon as MLflow answers again.",
                first_line(error),
            )
        self.failure = first_line(error)


def first_line(error: BaseException) -> str:
    r"""Shorten an error to what is behind it, in one line and without a password.

    >>> first_line(OSError("no route to http://ann:…@example.org\n…"))
    'no route to http://ann:***@example.org'
    >>> first_line(OSError("HTTPConnectionPool(…) (Caused by ResponseError('too many 500s'))"))
    'too many 500s'
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if len(lines) > 1 and lines[0].startswith("(raised as a result of"):  # SQLAlchemy's preface
        del lines[0]
    behind = re.search(r"\(Caused by \w+\(['\"]?(.*?)['\"]?\)\)", lines[0])
    return mask_passwords(behind[1] if behind else lines[0])
