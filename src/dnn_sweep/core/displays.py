"""Training as a person sees it: a live display in a terminal, plain lines elsewhere."""

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

from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.progress import Best, TrainingProgress, kept_value
from dnn_sweep.core.results import TrialResult
from dnn_sweep.core.trials import Trial
from dnn_sweep.core.wording import count, format_seconds, format_value

# Columns from which there is room for a second metric.
WIDE = 100


def already_trained(cached: int, total: int) -> str:
    """Say how much of a sweep need not be trained again, such as ``27 of 30 trials``."""
    return f"{cached} of {count(total, 'trial')} already trained"


class LiveDisplay(TrainingProgress):
    """Two bars: the sweep with the best so far, and the trial at hand with its last metrics.

    Args:
        console: Where to draw; the one that the log writes to, so that its lines go above.
    """

    def __init__(self, console: Console) -> None:
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
        self._running: dict[str, int] = {}
        self._total = self._done = self._epochs = 0
        self._sweep: TaskID | None = None
        self._current: TaskID | None = None

    def start(self, total_trials: int, epochs: int, cached: int) -> None:
        """Show the sweep's bar; it moves with every epoch."""
        self._total, self._done, self._epochs = total_trials, cached, epochs
        if cached:
            self._progress.console.print(already_trained(cached, total_trials), highlight=False)
        self._sweep = self._progress.add_task(
            "trials",
            total=total_trials * epochs,
            completed=cached * epochs,
            done=f"{cached}/{total_trials}",
            note="",
        )
        self._progress.start()

    def trial_started(self, trial: Trial) -> None:
        """Show the trial's bar."""
        self._running[trial.id] = 0
        self._show(trial, 0, "")

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Move both bars on and show the epoch's metrics."""
        self._running[trial.id] = epoch
        shown = [objective_of(trial.task).validation_metric]
        if self._progress.console.width >= WIDE:
            shown.append("val_loss")
        note = ", ".join(f"{name} {format_value(logs[name])}" for name in shown if name in logs)
        self._show(trial, epoch, note)
        self._move()

    def trial_finished(self, result: TrialResult) -> None:
        """Count the trial; one that diverged is told above the bars."""
        trial = result.trial
        self._running.pop(trial.id, None)
        self._done += 1
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
        if self._done >= self._total:
            self._hide_current()

    def stop(self) -> None:
        """Leave the sweep's bar as it stands."""
        self._hide_current()
        self._progress.stop()

    def _show(self, trial: Trial, epoch: int, note: str) -> None:
        description = escape(f"{trial.combination}, seed {trial.seed}")
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
            completed=self._done * self._epochs + sum(self._running.values()),
            done=f"{self._done}/{self._total}",
            note=f"best {format_value(best.value)} {escape(best.combination)}"
            if best.combination
            else "",
        )

    def _hide_current(self) -> None:
        if self._current is not None:
            self._progress.remove_task(self._current)
            self._current = None


class PlainDisplay(TrainingProgress):
    """One line a finished trial, for logs and pipes.

    Args:
        console: Where to write.
        clock: Seconds that only ever grow.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._best = Best()
        self._total = self._done = self._cached = 0
        self._began = 0.0

    def start(self, total_trials: int, epochs: int, cached: int) -> None:
        """Say how many trials there are, and how many are done."""
        self._total, self._done, self._cached = total_trials, cached, cached
        self._began = self._clock()
        if cached:
            self._say(already_trained(cached, total_trials))
        if left := total_trials - cached:
            self._say(f"training {count(left, 'trial')} of {count(epochs, 'epoch')} at most")

    def trial_started(self, trial: Trial) -> None:
        """Say nothing: a line a trial is enough."""

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Say nothing: a line a trial is enough."""

    def trial_finished(self, result: TrialResult) -> None:
        """Say how it went, what is best so far and how long the rest will take."""
        self._done += 1
        self._best.consider(result)
        trial, value = result.trial, kept_value(result)
        metric = objective_of(trial.task).validation_metric
        parts = [f"{trial.combination}, seed {trial.seed}: {result.status}"]
        if value is not None:
            parts.append(f"{metric} {format_value(value)}")
        if self._best.combination:
            parts.append(f"best {format_value(self._best.value)} ({self._best.combination})")
        parts.append(format_seconds(result.seconds))
        if left := self._total - self._done:
            each = (self._clock() - self._began) / (self._done - self._cached)
            parts.append(f"about {format_seconds(each * left)} left")
        width = len(str(self._total))
        self._say(f"[{self._done:>{width}}/{self._total}] " + ", ".join(parts))

    def stop(self) -> None:
        """Say nothing: the last line has been said."""

    def _say(self, line: str) -> None:
        # One line stays one line, however narrow rich believes the pipe to be; rich flushes it.
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)
