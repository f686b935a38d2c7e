"""Progress reports of a sweep's training, and those who receive them."""

from dataclasses import dataclass, field
from math import isfinite
from types import TracebackType
from typing import Self

from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stage_clock import StageClock


class TrainingProgress:
    """Receives the progress of a sweep's training and ignores it; displays show it.

    A context manager that stops at its end.

    Trials may overlap: an engine that trains several at once starts them all, then reports
    their epochs in turn.
    """

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Called at the beginning of every stage.

        Args:
            total_trials: Number of the stage's trials.
            epochs: Epochs per trial at most.
            cached: How many of the trials are already trained.
            stage: Name of the stage.
        """

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Called when a program has been compiled.

        Args:
            trials: Number of trials that it trains at once.
            seconds: Duration of the compilation.
            share: Share of the training that waited for it, from 0 to 1.
        """

    def trial_started(self, trial: Trial) -> None:
        """Called when a trial begins."""

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Called after every epoch of a trial.

        Args:
            trial: The trial.
            epoch: From 1.
            logs: The epoch's metrics by name.
        """

    def trial_finished(self, result: TrialResult) -> None:
        """Called when a trial has ended, completed or diverged."""

    def stop(self) -> None:
        """Called at the end, also after an error; may be called twice."""

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
    """Shows nothing."""


class TimedProgress(TrainingProgress):
    """Forwards everything to a display, and counts compilations and epochs on a clock.

    Args:
        display: Receives everything.
        clock: The run's clock.
    """

    def __init__(self, display: TrainingProgress, clock: StageClock) -> None:
        self.display = display
        self._clock = clock

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Forward to the display."""
        self.display.start(total_trials, epochs, cached, stage)

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Count as compiling the seconds for which training waited."""
        self._clock.compiled(seconds * share)
        self.display.compiled(trials, seconds, share)

    def trial_started(self, trial: Trial) -> None:
        """Forward to the display."""
        self.display.trial_started(trial)

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Forward to the display."""
        self.display.epoch_finished(trial, epoch, logs)

    def trial_finished(self, result: TrialResult) -> None:
        """Count the trial's epochs."""
        self._clock.trained(len(result.history))
        self.display.trial_finished(result)

    def stop(self) -> None:
        """Forward to the display."""
        self.display.stop()


@dataclass
class Tally:
    """Progress of a stage in epochs, also while many trials train at once.

    A trial that ended early counts with all its epochs.

    Args:
        trials: Number of trials.
        epochs: Epochs per trial at most.
        done: Number of finished trials, with those of earlier runs.
    """

    trials: int = 0
    epochs: int = 0
    done: int = 0
    _running: dict[str, int] = field(default_factory=dict)
    _partial: int = 0

    @property
    def running(self) -> int:
        """Number of trials in training."""
        return len(self._running)

    @property
    def completed(self) -> int:
        """Number of finished epochs, of ``trials * epochs``."""
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
    """Return a trial's objective on the validation rows at the epoch whose weights were kept.

    ``None`` if no epoch was kept or its value is not finite.
    """
    value = result.kept.get(objective_of(result.trial.task).validation_metric, float("nan"))
    return value if isfinite(value) else None


@dataclass
class Best:
    """The best completed trial so far.

    Args:
        value: Its objective on the validation rows.
        combination: Its combination; empty before the first trial.
    """

    value: float = float("nan")
    combination: str = ""

    def consider(self, result: TrialResult) -> None:
        """Compare with a finished trial; a diverged one is never the best."""
        value = kept_value(result)
        if value is None or result.status == "diverged":
            return
        sign = objective_of(result.trial.task).sign
        if not self.combination or sign * value > sign * self.value:
            self.value, self.combination = value, result.trial.combination
