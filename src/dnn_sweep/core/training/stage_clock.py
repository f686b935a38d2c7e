"""Where a run's seconds go, stage by stage."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

START_UP, PREPARE, COMPILE, TRAIN = "start_up", "prepare", "compile", "train"
CHECKPOINTS, TRACK = "checkpoints", "track"
EVALUATE, REGISTER, REPORT = "evaluate", "register", "report"
# In the order of a run, with what a person reads.
STAGES: Mapping[str, str] = {
    START_UP: "start-up",
    PREPARE: "prepare",
    COMPILE: "compile",
    TRAIN: "train",
    CHECKPOINTS: "checkpoints",
    TRACK: "track",
    EVALUATE: "evaluate",
    REGISTER: "register",
    REPORT: "report",
}


def seconds_since_birth() -> float:
    """Seconds since this process was started, where the system tells; else 0.

    The imports before the first line of the project's own code are most of a start-up.
    """
    try:
        # Fields are counted after the command, which may itself hold spaces and brackets.
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0


class StageClock:
    """Gives every moment of a run to exactly one stage, so that they add up to the whole.

    Args:
        clock: Seconds that only ever grow.
        before: Seconds that had passed when the clock was made; they are start-up.
        busy: Processor seconds of the thread that trials are saved in.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        before: float = 0.0,
        busy: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock = clock
        self._busy = busy
        self.restart(before)

    def restart(self, before: float = 0.0) -> None:
        """Forget everything and begin with the start-up, for another run in the same process.

        Args:
            before: Seconds that have passed already.
        """
        self._stage = START_UP
        self._since = self._clock() - before
        self._busy_since = self._busy()
        self._spent: dict[str, float] = {}
        self._model_epochs = 0

    def enter(self, stage: str) -> None:
        """End the stage at hand and begin another, which may be the same.

        Args:
            stage: A key of ``STAGES``.
        """
        now, busy = self._clock(), self._busy()
        passed = now - self._since
        if self._stage == CHECKPOINTS:
            # Others train meanwhile: what saving took from them is the processor's time.
            own = min(passed, busy - self._busy_since)
            self._spent[TRAIN] = self._spent.get(TRAIN, 0.0) + passed - own
            passed = own
        self._spent[self._stage] = self._spent.get(self._stage, 0.0) + passed
        self._stage, self._since, self._busy_since = stage, now, busy

    def compiled(self, seconds: float) -> None:
        """Count seconds of the stage at hand, which trains, as compiling."""
        self.enter(self._stage)
        # Programs compiled side by side may add up to more than has passed.
        moved = min(seconds, self._spent[self._stage])
        self._spent[self._stage] -= moved
        self._spent[COMPILE] = self._spent.get(COMPILE, 0.0) + moved

    def trained(self, epochs: int) -> None:
        """Count the epochs of a trial that was trained in this run."""
        self._model_epochs += epochs

    def read(self) -> dict[str, float]:
        """How long every stage took that there was, so far.

        Returns:
            Seconds by stage, in the order of ``STAGES``, then ``total``; where something was
            trained also ``model_epochs`` and ``model_epochs_per_second`` of the stage ``train``.
        """
        self.enter(self._stage)
        found = {name: self._spent[name] for name in STAGES if name in self._spent}
        found["total"] = sum(found.values())
        if self._model_epochs:
            found["model_epochs"] = float(self._model_epochs)
            if found.get(TRAIN):
                found["model_epochs_per_second"] = self._model_epochs / found[TRAIN]
        return {name: round(value, 3) for name, value in found.items()}
