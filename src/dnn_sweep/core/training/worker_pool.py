"""Worker processes, each with one task at a time; a process that dies loses only its task."""

import os
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any

from dnn_sweep.core.errors import SweepError, TrialsFailedError
from dnn_sweep.core.missing import describe_error
from dnn_sweep.core.training.interrupts import SIGNALS

ATTEMPTS = 2  # a task whose process died is given to another process once
SECONDS_TO_END = 5.0  # for a process that has closed its connection

Report = Callable[[Any], None]
Run = Callable[[Any, Report], Any]  # a task's result; it may report events meanwhile


@dataclass(frozen=True)
class Event:
    """Something that a task reported."""

    task: int  # its position
    content: Any


@dataclass(frozen=True)
class Result:
    """What a task ended in."""

    task: int  # its position
    content: Any


@dataclass(frozen=True)
class TaskError:
    """What a task raised, in a line."""

    task: int  # its position
    said: str


def _nothing(*given: Any) -> None:
    del given


class _Worker:
    """A process, and the task that it has."""

    def __init__(
        self, begin: Callable[..., Run], given: tuple[Any, ...], orphaned: Callable[..., None]
    ) -> None:
        # A fork of a process in which TensorFlow has threads would wait for them forever.
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        target = (theirs, begin, given, orphaned)
        self.process = context.Process(target=_serve, args=target, daemon=True)
        with _interrupts_blocked():
            self.process.start()
        theirs.close()  # so that the end of the process ends the connection
        self.task: int | None = None

    def bury(self) -> int | None:
        """Return the exit code of the process, which has closed its connection."""
        self.process.join(SECONDS_TO_END)
        self.stop()
        return self.process.exitcode

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


class WorkerPool:
    """Runs tasks in processes that stay until the pool is closed.

    Args:
        workers: Number of processes; each starts with its first task.
        begin: Called once in each process; returns the function that runs a task there. It and
            what it is ``given`` are pickled.
        orphaned: Called in each process, with what it is given, if this one dies without closing
            the pool; may be called twice, and in several processes.
    """

    def __init__(
        self,
        workers: int,
        begin: Callable[..., Run],
        *given: Any,
        orphaned: Callable[..., None] = _nothing,
    ) -> None:
        self.size, self._process = workers, (begin, given, orphaned)
        self._workers: list[_Worker] = []

    def run(
        self, tasks: Sequence[Any], started: Callable[[int], None]
    ) -> Generator[Event | Result]:
        """Run tasks, and yield what they report and what they end in, as it comes.

        Args:
            tasks: What is given to the function, pickled.
            started: Called with a task's position when it is given to a process.

        Raises:
            TrialsFailedError: At the end, if the process of a task died and another one did, too,
                or if a task raised something.
            SweepError: What a task raised as a user's mistake.
            Exception: What the beginning of a process raised.
        """
        waiting, attempts = deque(range(len(tasks))), Counter[int]()
        lost: list[str] = []
        try:
            while waiting or any(each.task is not None for each in self._workers):
                for worker in self._free(len(waiting)):
                    worker.task = waiting.popleft()
                    attempts[worker.task] += 1
                    started(worker.task)
                    with suppress(OSError):  # it has just died, which its connection tells
                        worker.connection.send((worker.task, tasks[worker.task]))
                for worker in self._ready():
                    task = worker.task
                    try:
                        message = worker.connection.recv()
                    except (EOFError, OSError):  # it died, perhaps in the middle of a message
                        exit_code = worker.bury()
                        self._workers.remove(worker)
                        if task is not None and attempts[task] < ATTEMPTS:
                            waiting.append(task)
                        elif task is not None:
                            lost.append(
                                f"{tasks[task]}: its process ended {ATTEMPTS} times (exit code "
                                f"{exit_code}), perhaps because memory ran out"
                            )
                        continue
                    if isinstance(message, TaskError):
                        lost.append(f"{tasks[message.task]}: {message.said}")
                        worker.task = None
                        continue
                    if isinstance(message, Exception):
                        raise message
                    if isinstance(message, Result):
                        worker.task = None
                    yield message
        finally:
            for worker in [each for each in self._workers if each.task is not None]:
                worker.stop()  # it would go on with a task that nobody waits for
                self._workers.remove(worker)
        if lost:
            raise TrialsFailedError(lost)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def _free(self, wanted: int) -> list[_Worker]:
        """As many processes without a task as are wanted and may be; new ones where needed."""
        # One that has died since its last task is removed when its connection is read.
        free = [each for each in self._workers if each.task is None and each.process.is_alive()]
        while len(free) < wanted and len(self._workers) < self.size:
            free.append(_Worker(*self._process))
            self._workers.append(free[-1])
        return free[:wanted]

    def _ready(self) -> Iterator[_Worker]:
        """The processes that have said something or have died, as soon as there is one."""
        by_connection = {each.connection: each for each in self._workers}
        for connection in wait(list(by_connection)):
            yield by_connection[connection]  # type: ignore[index]  # typed as any waitable


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let a process start without signals, before it can ignore them itself: it inherits the mask.

    Here, an interrupt waits for the end of the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # or the start of the process starts it, and unblocks
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(
    connection: Connection,
    begin: Callable[..., Run],
    given: tuple[Any, ...],
    orphaned: Callable[..., None],
) -> None:
    """Run tasks until the other end of the connection is closed."""
    for each in SIGNALS:  # which a terminal, or Slurm, sends to all processes
        signal.signal(each, signal.SIG_IGN)  # the parent ends this one
    Thread(target=_end_with_parent, args=(given, orphaned), daemon=True).start()
    with suppress(EOFError, OSError):  # the parent has died; it kills those it no longer needs
        try:
            run = begin(*given)
        except Exception as error:  # noqa: BLE001 - it is raised in the parent
            connection.send(_sendable(error))
            return
        while True:
            position, task = connection.recv()

            def report(event: Any, position: int = position) -> None:
                connection.send(Event(position, event))

            try:
                content = run(task, report)
            except SweepError as error:
                connection.send(SweepError(str(error)))
                continue
            except Exception as error:  # noqa: BLE001 - it is told in the parent
                connection.send(TaskError(position, describe_error(error)))
                continue
            connection.send(Result(position, content))
    orphaned(*given)


def _end_with_parent(given: tuple[Any, ...], orphaned: Callable[..., None]) -> None:
    """End this process as soon as its parent has died, also in the middle of a task."""
    parent = parent_process()
    if parent:
        wait([parent.sentinel])
        orphaned(*given)
        os._exit(1)


def _sendable(error: Exception) -> Exception:
    """The error without what it was raised from, which may hold anything; a note says where."""
    if isinstance(error, SweepError):
        return SweepError(str(error))
    sent = RuntimeError(f"{type(error).__name__}: {error}")
    sent.add_note(f"In a worker process:\n{traceback.format_exc()}")
    return sent
