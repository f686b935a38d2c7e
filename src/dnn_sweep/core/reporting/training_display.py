"""The display of a training: live in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from dnn_sweep.core.formatting import count, format_seconds, format_value
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.progress import Best, Tally, TrainingProgress, kept_value
from dnn_sweep.core.training.results import TrialResult

# Columns from which there is room for a second metric.
WIDE = 100
A_MOMENT = 1.0  # seconds; shorter compilations are not mentioned
REDRAW = 0.2  # seconds; rich itself draws ten times per second


def already_trained(cached: int, total: int) -> str:
    """Describe what need not be trained again.

    Example:
        >>> already_trained(27, 30)
        '27 of 30 trials already trained'
    """
    return f"{cached} of {count(total, 'trial')} already trained"


def compiled_line(trials: int, seconds: float) -> str | None:
    """Describe a compilation; ``None`` if it took less than a second."""
    if seconds <= A_MOMENT:
        return None
    return f"compiled a program for {count(trials, 'trial')} in {format_seconds(seconds)}"


class LiveDisplay(TrainingProgress):
    """Two bars: the sweep with the best so far, and what trains now.

    A trial that trains alone is shown with its last metrics. For many that train at once, the
    second bar shows how many there are and which epoch they are in. Their reports come faster
    than anyone can read, so most of them are only counted.

    Args:
        console: Where to draw; the one that the log writes to, so that its lines go above.
        clock: Seconds that only ever grow.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10, table_column=Column(min_width=6)),
            TextColumn("{task.fields[done]}", table_column=Column(no_wrap=True, min_width=9)),
            # In a narrow terminal the note at the end gives way, not the times.
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            TimeRemainingColumn(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn("{task.fields[note]}"),
            console=console,
            # Long enough for slow epochs, so that the time left is known from the second on.
            speed_estimate_period=3600,
        )
        self._best = Best()
        self._tally = Tally()
        self._drawn = -REDRAW
        self._sweep: TaskID | None = None
        self._current: TaskID | None = None

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Show the stage's bar; it moves with every epoch."""
        self._tally, self._best = Tally(total_trials, epochs, cached), Best()
        self._hide_current()
        if cached:
            self._progress.console.print(already_trained(cached, total_trials), highlight=False)
        self._sweep = self._progress.add_task(
            escape(stage),
            total=total_trials * epochs,
            completed=cached * epochs,
            done=f"{cached}/{total_trials}",
            note="",
        )
        self._progress.start()

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Print long compilations above the bars."""
        if line := compiled_line(trials, seconds):
            self._progress.console.print(line, style="dim", markup=False, highlight=False)

    def trial_started(self, trial: Trial) -> None:
        """Show the trial's bar, or one for all that train at once."""
        self._tally.started(trial)
        if self._is_due():
            self._show(trial, 0, "")

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Move both bars on and show the epoch's metrics."""
        self._tally.reached(trial, epoch)
        if not self._is_due():
            return
        shown = [objective_of(trial.task).validation_metric]
        if self._progress.console.width >= WIDE:
            shown.append("val_loss")
        note = ", ".join(f"{name} {format_value(logs[name])}" for name in shown if name in logs)
        self._show(trial, epoch, note)
        self._move()

    def trial_finished(self, result: TrialResult) -> None:
        """Count the trial; print one that diverged above the bars."""
        trial = result.trial
        self._tally.finished(trial)
        self._best.consider(result)
        if result.status == "diverged":
            self._progress.console.print(
                f"{trial.combination}, seed {trial.seed}: diverged after "
                f"{count(len(result.history), 'epoch')}",
                style="yellow",
                markup=False,
                highlight=False,
            )
        self._move()
        if self._tally.done >= self._tally.trials:
            self._hide_current()

    def stop(self) -> None:
        """Leave the sweep's bar as it stands."""
        self._hide_current()
        self._progress.stop()

    def _is_due(self) -> bool:
        """Whether to draw: always for one trial, five times per second for many.

        The sweep's bar then has few samples, so that its estimate of the time left covers more
        than the last moment.
        """
        now = self._clock()
        if self._tally.running > 1 and now - self._drawn < REDRAW:
            return False
        self._drawn = now
        return True

    def _show(self, trial: Trial, epoch: int, note: str) -> None:
        description = f"{trial.combination}, seed {trial.seed}"
        if (running := self._tally.running) > 1:
            description, note = count(running, "trial"), ""
        description = escape(description)
        done = f"epoch {epoch}/{trial.epochs}"
        if self._current is None:
            self._current = self._progress.add_task(
                description, total=trial.epochs, completed=epoch, done=done, note=note
            )
        elif epoch == 0:
            # Its clock starts again, too.
            self._progress.reset(
                self._current, total=trial.epochs, description=description, done=done, note=note
            )
        else:
            self._progress.update(
                self._current,
                total=trial.epochs,
                completed=epoch,
                description=description,
                done=done,
                note=note,
            )

    def _move(self) -> None:
        if self._sweep is None:
            return
        best = self._best
        self._progress.update(
            self._sweep,
            completed=self._tally.completed,
            done=f"{self._tally.done}/{self._tally.trials}",
            note=f"best {format_value(best.value)} {escape(best.combination)}"
            if best.combination
            else "",
        )

    def _hide_current(self) -> None:
        if self._current is not None:
            self._progress.remove_task(self._current)
            self._current = None


class PlainDisplay(TrainingProgress):
    """One line per finished trial, for logs and pipes.

    Args:
        console: Where to write.
        clock: Seconds that only ever grow.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._best = Best()
        self._tally = Tally()
        self._began = 0.0
        self._before = 0

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Print how many trials there are, and how many are done."""
        self._tally, self._best = Tally(total_trials, epochs, cached), Best()
        self._began, self._before = self._clock(), self._tally.completed
        if cached:
            self._say(already_trained(cached, total_trials))
        if left := total_trials - cached:
            about = "" if stage == "trials" else f"{stage}: "
            self._say(f"{about}training {count(left, 'trial')} of {count(epochs, 'epoch')} at most")

    def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
        """Print long compilations."""
        if line := compiled_line(trials, seconds):
            self._say(line)

    def trial_started(self, trial: Trial) -> None:
        """Print nothing: one line per trial is enough."""
        self._tally.started(trial)

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Print nothing: one line per trial is enough."""
        self._tally.reached(trial, epoch)

    def trial_finished(self, result: TrialResult) -> None:
        """Print the result, the best so far and the time left."""
        tally = self._tally
        tally.finished(result.trial)
        self._best.consider(result)
        trial, value = result.trial, kept_value(result)
        metric = objective_of(trial.task).validation_metric
        parts = [f"{trial.combination}, seed {trial.seed}: {result.status}"]
        if value is not None:
            parts.append(f"{metric} {format_value(value)}")
        if self._best.combination:
            parts.append(f"best {format_value(self._best.value)} ({self._best.combination})")
        parts.append(format_seconds(result.seconds))
        if tally.done < tally.trials:
            # By epochs, not trials: of many that train at once, most are nearly done as well.
            each = (self._clock() - self._began) / (tally.completed - self._before)
            left = each * (tally.trials * tally.epochs - tally.completed)
            parts.append(f"about {format_seconds(left)} left")
        width = len(str(tally.trials))
        self._say(f"[{tally.done:>{width}}/{tally.trials}] " + ", ".join(parts))

    def stop(self) -> None:
        """Print nothing: the last trial has its line."""

    def _say(self, line: str) -> None:
        # One line stays one line, however narrow rich believes the pipe to be; rich flushes it.
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)
