"""What training reports while it runs, and to whom."""

from dataclasses import dataclass, field
from math import isfinite
from types import TracebackType
from typing import Protocol, Self

from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stage_clock import StageClock


class TrainingProgress(Protocol):
    """Follows a sweep's training; a context manager that stops on the way out.

    Trials may overlap: an engine that trains several at once starts them all, then reports
    their epochs in turn.
    """

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Begin, or begin another stage.

        Args:
            total_trials: Trials of the stage.
            epochs: Epochs of a trial at most.
            cached: How many of the trials are already trained.
            stage: What the stage is called.
        """

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Hear that a program for so many trials has been compiled.

        Args:
            trials: How many it trains at once.
            seconds: How long that took.
            share: The share of the training that waited for it, 0 to 1.
        """

    def trial_started(self, trial: Trial) -> None:
        """Hear that a trial begins.

        Args:
            trial: The trial.
        """

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Hear of an epoch.

        Args:
            trial: The trial.
            epoch: From 1.
            logs: The epoch's metrics by name.
        """

    def trial_finished(self, result: TrialResult) -> None:
        """Hear that a trial ended, completed or diverged.

        Args:
            result: What it left behind.
        """

    def stop(self) -> None:
        """End, also after an error; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class NoProgress(TrainingProgress):
    """Says nothing."""

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Say nothing."""

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Say nothing."""

    def trial_started(self, trial: Trial) -> None:
        """Say nothing."""

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Say nothing."""

    def trial_finished(self, result: TrialResult) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Say nothing."""


class TimedProgress(TrainingProgress):
    """Passes everything on, and tells a clock what was compiled and trained.

    Args:
        display: Hears everything.
        clock: The run's.
    """

    def __init__(self, display: TrainingProgress, clock: StageClock) -> None:
        self.display = display
        self._clock = clock

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Pass it on."""
        self.display.start(total_trials, epochs, cached, stage)

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Count the seconds as compiling, as far as training waited."""
        self._clock.compiled(seconds * share)
        self.display.compiled(trials, seconds, share)

    def trial_started(self, trial: Trial) -> None:
        """Pass it on."""
        self.display.trial_started(trial)

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Pass it on."""
        self.display.epoch_finished(trial, epoch, logs)

    def trial_finished(self, result: TrialResult) -> None:
        """Count the trial's epochs."""
        self._clock.trained(len(result.history))
        self.display.trial_finished(result)

    def stop(self) -> None:
        """Pass it on."""
        self.display.stop()


@dataclass
class Tally:
    """How far a sweep is, in epochs, also while many trials train at once.

    A trial that ended early counts with all the epochs it was allowed.

    Args:
        trials: Trials of the sweep.
        epochs: Epochs of a trial at most.
        done: Trials that are done; at the beginning those trained before.
    """

    trials: int = 0
    epochs: int = 0
    done: int = 0
    _running: dict[str, int] = field(default_factory=dict)
    _partial: int = 0

    @property
    def running(self) -> int:
        """Trials that train now."""
        return len(self._running)

    @property
    def completed(self) -> int:
        """Epochs done, of ``trials * epochs``."""
        return self.done * self.epochs + self._partial

    def started(self, trial: Trial) -> None:
        """Count a trial that begins."""
        self._running[trial.id] = 0

    def reached(self, trial: Trial, epoch: int) -> None:
        """Count a trial's epoch, from 1."""
        self._partial += epoch - self._running.get(trial.id, 0)
        self._running[trial.id] = epoch

    def finished(self, trial: Trial) -> None:
        """Count a trial that ended."""
        self._partial -= self._running.pop(trial.id, 0)
        self.done += 1


def kept_value(result: TrialResult) -> float | None:
    """The objective on the validation rows at the epoch whose weights were kept.

    Args:
        result: A finished trial.

    Returns:
        The value; ``None`` where no epoch was kept or its value is not finite.
    """
    value = result.kept.get(objective_of(result.trial.task).validation_metric, float("nan"))
    return value if isfinite(value) else None


@dataclass
class Best:
    """The best completed trial heard of so far.

    Args:
        value: Its objective on the validation rows.
        combination: Its combination; empty before the first one.
    """

    value: float = float("nan")
    combination: str = ""

    def consider(self, result: TrialResult) -> None:
        """Take a finished trial's place into account; a diverged one never leads.

        Args:
            result: The trial.
        """
        value = kept_value(result)
        if value is None or result.status == "diverged":
            return
        sign = objective_of(result.trial.task).sign
        if not self.combination or sign * value > sign * self.value:
            self.value, self.combination = value, result.trial.combination
