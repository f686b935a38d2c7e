"""What a worker is given to train, and what it says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import NOTHING, State
from dnn_sweep.core.training.stacked.queues import TrialQueue

END = "ended"  # the last thing that a worker says of a task
DIED = "died"  # said in place of a worker that did, and whose task another one will train
PROGRESS = ("finished", "saved")  # what another worker need not do again


@dataclass(frozen=True)
class Task:
    """Trials that one worker trains: a cohort of the stacked engine, or one trial of Keras's.

    Args:
        trials: The trials, also those that are finished and only take up their lanes.
        queue: The cohort; ``None`` for the engine that trains each trial with ``fit``.
        reason: Why the engine was chosen.
        measured: Whether to measure the layers.
        seconds: How often a training is saved, in seconds; 0 for never.
        finished: Numbers of epochs of trials that are trained already, by id.
        states: What other trials go on from, by id.
    """

    trials: Sequence[Trial]
    queue: TrialQueue | None
    reason: str
    measured: bool
    seconds: float
    finished: Mapping[str, int] = field(default_factory=lambda: dict(NOTHING))
    states: Mapping[str, State] = field(default_factory=dict)

    @property
    def program(self) -> object:
        """The compiled program that it needs: a worker that has it spares a compilation."""
        return self.queue and (self.queue.spec, self.queue.lanes)

    @property
    def unfinished(self) -> list[Trial]:
        """The trials that are to be trained."""
        return [trial for trial in self.trials if trial.id not in self.finished]

    def __str__(self) -> str:
        """Name the trials, for messages."""
        first, *others = self.unfinished
        more = f" and {len(others)} more" if others else ""
        return f"{first.combination}, seed {first.seed}{more}"


@dataclass(frozen=True)
class Said:
    """Something that a worker said: the name of what happened, and what goes with it."""

    what: str
    given: tuple[Any, ...] = ()
