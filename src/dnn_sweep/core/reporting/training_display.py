"""The display of a training: live in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from dnn_sweep.core.formatting import count, format_seconds, format_value
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stage_clock import StageClock

WIDE = 100  # columns from which there is room for names in the notes
LONGEST_NAME = 22  # columns of a name in a narrower terminal
A_MOMENT = 1.0  # seconds; shorter compilations are not mentioned
SEARCH_PAUSE = 5.0  # seconds
REDRAW = 0.2  # seconds; rich itself draws ten times per second


@dataclass(eq=False)
class TrainingDisplay(TrainingProgress):
    """Counts what trains, and remembers the best of a stage; what both displays have in common."""

    console: Console  # the one that the log writes to
    clock: Callable[[], float] = time.monotonic
    stages: StageClock | None = None  # counts compilations and trained epochs

    def __post_init__(self) -> None:
        self._trials = self._epochs = self._done = 0
        self._running: dict[str, int] = {}  # the last epoch of each trial in training
        self._best: TrialResult | None = None

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Begin to count a stage, and print how many of its trials need no training."""
        self._trials, self._epochs, self._done = total_trials, epochs, cached
        self._running, self._best = {}, None
        if cached:
            self._say(f"{cached} of {count(total_trials, 'trial')} already trained")

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Print long compilations; what training waited for counts as compiling."""
        if self.stages:
            self.stages.compiled(seconds * share)
        if seconds > A_MOMENT:
            programs = f"compiled a program for {count(trials, 'trial')}"
            self._say(f"{programs} in {format_seconds(seconds)}", "dim")

    def trial_started(self, trial: Trial) -> None:
        """Count the trial among those in training."""
        self._running[trial.id] = 0

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Count the epoch."""
        self._running[trial.id] = epoch

    def trial_finished(self, result: TrialResult) -> None:
        """Count the trial, and compare it with the best; a diverged one is never the best."""
        if self.stages:
            self.stages.trained(len(result.history))
        self._running.pop(result.trial.id, None)
        self._done += 1
        if result.status == "completed" and isfinite(result.score):
            sign = objective_of(result.trial.task).sign
            if self._best is None or sign * result.score > sign * self._best.score:
                self._best = result.without_network()

    def say(self, line: str) -> None:
        """Print the line."""
        self._say(line)

    @property
    def _completed(self) -> int:
        """Finished epochs of the stage; a trial that ended early counts with all of its epochs."""
        return self._done * self._epochs + sum(self._running.values())

    def _say(self, line: str, style: str | None = None) -> None:
        # One line stays one line, however narrow rich believes a pipe to be; rich flushes it.
        wrap = not self.console.is_interactive
        self.console.print(line, style=style, soft_wrap=wrap, markup=False, highlight=False)


class _TimeColumn(ProgressColumn):
    """What has passed and what is left, each with its name: ``1:23 elapsed, 0:40 left``."""

    max_refresh = 0.5

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True, min_width=23))

    def render(self, task: Task) -> Text:
        elapsed = task.finished_time if task.finished else task.elapsed
        known = not task.finished and task.total is not None
        left = f", {_as_clock(task.time_remaining)} left" if known else ""
        return Text(f"{_as_clock(elapsed)} elapsed{left}")


def _as_clock(seconds: float | None) -> str:
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class LiveDisplay(TrainingDisplay):
    """Two bars: the sweep with the best so far, and what trains now.

    A trial that trains alone is shown with its last metrics. For many that train at once, the
    second bar shows how many there are and which epoch they are in. Their reports come faster
    than anyone can read, so most of them are only counted.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._told: set[str] = set()  # combinations of the stage that diverged
        # In a narrow terminal notes are short and names are cut; bar, times and notes stay.
        most = None if self.console.width >= WIDE else LONGEST_NAME
        self._names = Column(no_wrap=True, max_width=most, overflow="ellipsis")
        self._progress = Progress(
            TextColumn("{task.description}", table_column=self._names),
            BarColumn(bar_width=10, table_column=Column(min_width=6)),
            TextColumn("{task.fields[done]}", table_column=Column(no_wrap=True, min_width=9)),
            _TimeColumn(),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, min_width=11)),
            console=self.console,
            # Long enough for slow epochs, so that the time left is known from the second on.
            speed_estimate_period=3600,
        )
        self._drawn = -REDRAW
        self._sweep: TaskID | None = None
        self._current: TaskID | None = None
        self._compiling: list[TaskID] = []

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Show the stage's bar; it moves with every epoch."""
        super().start(total_trials, epochs, cached, stage)
        self._told = set()
        self._hide_current()
        self._sweep = self._progress.add_task(
            escape(stage),
            total=total_trials * epochs,
            completed=self._completed,
            done=f"{cached}/{total_trials}",
            note="",
        )
        self._progress.start()

    def compiling(self, trials: int) -> None:
        """Show a bar that pulses until the program is there: nobody knows how far it is."""
        shown: dict[str, Any] = {"done": count(trials, "trial"), "note": ""}
        self._compiling.append(self._progress.add_task("compiling", total=None, **shown))

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Take the bar away."""
        if self._compiling:
            self._progress.remove_task(self._compiling.pop(0))
        super().compiled(trials, seconds, share)

    def trial_started(self, trial: Trial) -> None:
        """Show the trial's bar, or one for all that train at once."""
        super().trial_started(trial)
        if self._is_due():
            self._show(trial, 0, "")

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Move both bars on and show the epoch's metrics."""
        super().epoch_finished(trial, epoch, logs)
        if not self._is_due():
            return
        metric = objective_of(trial.task).validation_metric
        note = format_value(logs.get(metric))
        if self.console.width >= WIDE:
            shown = [name for name in (metric, "val_loss") if name in logs]
            note = ", ".join(f"{name} {format_value(logs[name])}" for name in shown)
        self._show(trial, epoch, note)
        self._move()

    def trial_finished(self, result: TrialResult) -> None:
        """Count the trial; print a combination's first divergence of the stage above the bars."""
        super().trial_finished(result)
        if result.status == "diverged" and result.trial.combination not in self._told:
            self._told.add(result.trial.combination)
            trial, epochs = result.trial, count(len(result.history), "epoch")
            name = f"{trial.combination} at learning rate {trial.learning_rate:g}"
            self._say(f"{name}: diverged after {epochs}", "yellow")
        self._move()
        if self._done >= self._trials:
            self._hide_current()

    def stop(self) -> None:
        """Leave the sweep's bar as it stands."""
        for task in self._compiling:
            self._progress.remove_task(task)
        self._compiling = []
        self._hide_current()
        self._progress.stop()

    def _is_due(self) -> bool:
        """Whether to draw: always for one trial, five times per second for many.

        The sweep's bar then has few samples, so that its estimate of the time left covers more
        than the last moment.
        """
        now = self.clock()
        if len(self._running) > 1 and now - self._drawn < REDRAW:
            return False
        self._drawn = now
        return True

    def _show(self, trial: Trial, epoch: int, note: str) -> None:
        name = f"{trial.combination}, seed {trial.seed}"
        if len(self._running) > 1:
            name, note = count(len(self._running), "trial"), ""
        shown: dict[str, Any] = {
            "description": escape(name),
            "total": trial.epochs,
            "completed": epoch,
            "done": f"epoch {epoch}/{trial.epochs}",
            "note": note,
        }
        if self._current is None:
            self._current = self._progress.add_task(**shown)
        else:
            self._progress.update(self._current, **shown)
            if epoch == 0:
                self._progress.reset(self._current)  # its clock starts again, too

    def _move(self) -> None:
        if self._sweep is not None:
            note, best = "", self._best
            if best:
                note = f"best {format_value(best.score)}"
                if self.console.width >= WIDE:
                    note += f" {escape(best.trial.combination)}"
            done = f"{self._done}/{self._trials}"
            self._progress.update(self._sweep, completed=self._completed, done=done, note=note)

    def _hide_current(self) -> None:
        if self._current is not None:
            self._progress.remove_task(self._current)
            self._current = None


class PlainDisplay(TrainingDisplay):
    """One line per finished trial, for logs and pipes."""

    _began, _before, _said = 0.0, 0, 0.0
    _pause = 0.0  # seconds between two lines: a search has too many trials for a line each

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Print how many trials there are, and how many are done."""
        super().start(total_trials, epochs, cached, stage)
        self._began, self._before = self.clock(), self._completed
        self._said, self._pause = self._began, SEARCH_PAUSE if stage == "search" else 0.0
        if left := total_trials - cached:
            about = "" if stage == "trials" else f"{stage}: "
            long = f" of {count(epochs, 'epoch')} at most" if stage != "search" else ""
            self._say(f"{about}training {count(left, 'trial')}{long}")

    def trial_finished(self, result: TrialResult) -> None:
        """Print the result, the best so far and the time left."""
        super().trial_finished(result)
        if self.clock() - self._said < self._pause:
            return
        self._said = self.clock()
        trial, best = result.trial, self._best
        parts = [f"{trial.combination}, seed {trial.seed}: {result.status}"]
        if isfinite(result.score):
            metric = objective_of(trial.task).validation_metric
            parts.append(f"{metric} {format_value(result.score)}")
        if best:
            parts.append(f"best {format_value(best.score)} ({best.trial.combination})")
        parts.append(format_seconds(result.seconds))
        if self._done < self._trials:
            # By epochs, not trials: of many that train at once, most are nearly done as well.
            each = (self.clock() - self._began) / (self._completed - self._before)
            left = each * (self._trials * self._epochs - self._completed)
            parts.append(f"about {format_seconds(left)} left")
        width = len(str(self._trials))
        self._say(f"[{self._done:>{width}}/{self._trials}] " + ", ".join(parts))
