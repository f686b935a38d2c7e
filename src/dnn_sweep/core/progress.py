"""What training reports while it runs, and to whom."""

from dataclasses import dataclass
from math import isfinite
from types import TracebackType
from typing import Protocol, Self

from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.results import TrialResult
from dnn_sweep.core.trials import Trial


class TrainingProgress(Protocol):
    """Follows a sweep's training; a context manager that stops on the way out.

    Trials may overlap: an engine that trains several at once starts them all, then reports
    their epochs in turn.
    """

    def start(self, total_trials: int, epochs: int, cached: int) -> None:
        """Begin.

        Args:
            total_trials: Trials of the sweep.
            epochs: Epochs of a trial at most.
            cached: How many of the trials are already trained.
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

    def start(self, total_trials: int, epochs: int, cached: int) -> None:
        """Say nothing."""

    def trial_started(self, trial: Trial) -> None:
        """Say nothing."""

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Say nothing."""

    def trial_finished(self, result: TrialResult) -> None:
        """Say nothing."""

    def stop(self) -> None:
        """Say nothing."""


def kept_value(result: TrialResult) -> float | None:
    """The objective on the validation rows at the epoch whose weights were kept.

    Args:
        result: A finished trial.

    Returns:
        The value; ``None`` where no epoch was kept or its value is not finite.
    """
    history = result.history
    name = objective_of(result.trial.task).validation_metric
    kept = history.loc[history["epoch"] == result.best_epoch, name]
    value = float(kept.iloc[0]) if len(kept) else float("nan")
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
