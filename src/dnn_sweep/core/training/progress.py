"""Progress reports of a sweep's training."""

from typing import Self

from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult


class TrainingProgress:
    """Receives the progress of a sweep's training and ignores it; displays show it.

    A context manager that stops at its end. Trials may overlap: an engine that trains several at
    once starts them all, then reports their epochs in turn.
    """

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Called at the beginning of every stage.

        Its trials have so many ``epochs`` at most; ``cached`` of them are already trained.
        """

    def compiling(self, trials: int) -> None:
        """Called when a program that trains so many trials at once begins to be compiled."""

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Called when a program that trains so many trials at once has been compiled.

        ``share`` is the share of the training that waited for it, from 0 to 1.
        """

    def trial_started(self, trial: Trial) -> None:
        """Called when a trial begins."""

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Called after every epoch (from 1) of a trial, with its metrics and rate by name."""

    def trial_finished(self, result: TrialResult) -> None:
        """Called when a trial has ended, completed or diverged."""

    def say(self, line: str) -> None:
        """Called with a line for the user, such as what was decided between two stages."""

    def stop(self) -> None:
        """Called at the end, also after an error; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class CompileTimer(TrainingProgress):
    """Adds up the seconds that training waited for compilations, and passes everything on."""

    def __init__(self, display: TrainingProgress) -> None:
        self._display = display
        self.seconds = 0.0

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Pass it on."""
        self._display.start(total_trials, epochs, cached, stage)

    def compiling(self, trials: int) -> None:
        """Pass it on."""
        self._display.compiling(trials)

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Count what training waited for, and pass it on."""
        self.seconds += seconds * share
        self._display.compiled(trials, seconds, share)

    def trial_started(self, trial: Trial) -> None:
        """Pass it on."""
        self._display.trial_started(trial)

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Pass it on."""
        self._display.epoch_finished(trial, epoch, logs)

    def trial_finished(self, result: TrialResult) -> None:
        """Pass it on."""
        self._display.trial_finished(result)

    def say(self, line: str) -> None:
        """Pass it on."""
        self._display.say(line)

    def stop(self) -> None:
        """Pass it on."""
        self._display.stop()
