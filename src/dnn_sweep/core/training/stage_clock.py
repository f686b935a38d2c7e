"""Duration of a run by stage."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping

import psutil

START_UP, PREPARE, COMPILE, TRAIN = "start_up", "prepare", "compile", "train"
CHECKPOINTS, TRACK = "checkpoints", "track"
EVALUATE, REGISTER, REPORT = "evaluate", "register", "report"
_ORDER = (START_UP, PREPARE, COMPILE, TRAIN, CHECKPOINTS, TRACK, EVALUATE, REGISTER, REPORT)
# In the order of a run, with the names that a person reads.
STAGES: Mapping[str, str] = {name: name.replace("_", "-") for name in _ORDER}


def seconds_since_birth() -> float:
    """Return the seconds since this process was started.

    Most of a start-up is imports, before the first line of the project's own code.
    """
    born: float = psutil.Process().create_time()
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return time.time() - born
    # Linux counts from its boot, whose own date psutil knows to the second only.
    booted: float = psutil.boot_time()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - (born - booted)


class StageClock:
    """Assigns every moment of a run to exactly one stage.

    Args:
        clock: A monotonic clock, in seconds.
        before: Seconds that passed before; they count as start-up.
        busy: Processor seconds of the thread that saves trials.

    >>> clock = StageClock(clock=iter([0.0, 2.0, 5.0]).__next__, busy=lambda: 0.0)
    >>> clock.enter(PREPARE)
    >>> clock.read()
    {'start_up': 2.0, 'prepare': 3.0, 'total': 5.0}
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        before: float = 0.0,
        busy: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._busy = clock, busy
        self.restart(before)

    def restart(self, before: float = 0.0) -> None:
        """Start again with the start-up, for another run in the same process."""
        self._stage = START_UP
        self._since, self._busy_since = self._clock() - before, self._busy()
        self._spent = defaultdict[str, float](float)
        self._model_epochs = 0

    def enter(self, stage: str) -> None:
        """End the current stage and begin another of ``STAGES``, which may be the same."""
        now, busy = self._clock(), self._busy()
        passed = now - self._since
        if self._stage == CHECKPOINTS:
            # Other threads train at the same time: saving costs them its processor time only.
            own = min(passed, busy - self._busy_since)
            self._spent[TRAIN] += passed - own
            passed = own
        self._spent[self._stage] += passed
        self._stage, self._since, self._busy_since = stage, now, busy

    def compiled(self, seconds: float) -> None:
        """Count seconds of the current stage as compiling."""
        self.enter(self._stage)
        # Programs that are compiled in parallel may add up to more than has passed.
        moved = min(seconds, self._spent[self._stage])
        self._spent[self._stage] -= moved
        self._spent[COMPILE] += moved

    def trained(self, epochs: int) -> None:
        """Count the epochs of a trial that was trained in this run."""
        self._model_epochs += epochs

    def read(self) -> dict[str, float]:
        """Return the duration of every stage so far.

        Returns:
            Seconds by stage, in the order of ``STAGES``, then ``total``; if anything was trained
            also ``model_epochs`` and ``model_epochs_per_second`` of the stage ``train``.
        """
        self.enter(self._stage)
        found = {name: self._spent[name] for name in STAGES if name in self._spent}
        found["total"] = sum(found.values())
        if self._model_epochs:
            found["model_epochs"] = float(self._model_epochs)
            if found.get(TRAIN):
                found["model_epochs_per_second"] = self._model_epochs / found[TRAIN]
        return {name: round(value, 3) for name, value in found.items()}
