"""The display of a training in a notebook: one bar per stage, updated in place."""

import html
import time
from dataclasses import dataclass
from typing import Any

from dnn_sweep.core.formatting import count, format_seconds, format_value
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.reporting.training_display import TrainingDisplay
from dnn_sweep.core.training.results import TrialResult

REDRAW = 0.5  # seconds between two updates


@dataclass(eq=False)
class NotebookDisplay(TrainingDisplay):
    """A bar with what is done, the best so far and the time left.

    IPython updates it, so no widgets are needed.

    >>> NotebookDisplay.describe("finals", 3, 12, 8.0, "best 0.97 (relu + adam)")
    'finals: 3 of 12 trials, best 0.97 (relu + adam), about 24 s left'
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._stage, self._began, self._earlier = "trials", 0.0, 0.0
        self._drawn = 0.0
        self._handle: Any = None

    @staticmethod
    def describe(
        stage: str, done: float, trials: int, seconds: float, best: str, earlier: float = 0.0
    ) -> str:
        """Say in a line how far a stage is.

        Args:
            stage: Its name.
            done: Trials that are trained.
            trials: All of them.
            seconds: Since the stage began.
            best: The best so far; may be empty.
            earlier: Those among the trained ones that an earlier sweep trained.
        """
        left = seconds / (done - earlier) * (trials - done) if done > earlier else 0
        parts = [f"{stage}: {int(done)} of {count(trials, 'trial')}", best]
        parts.append(f"about {format_seconds(round(left))} left" if left >= 1 else "")
        return ", ".join(filter(None, parts))

    def start(self, total_trials: int, epochs: int, cached: int, stage: str = "trials") -> None:
        """Show a bar for the stage."""
        super().start(total_trials, epochs, cached, stage)
        self._stage, self._began, self._earlier = stage, self.clock(), cached
        self._handle = None
        self._show()

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Move the bar on, twice per second."""
        super().epoch_finished(trial, epoch, logs)
        if time.monotonic() - self._drawn >= REDRAW:
            self._show()

    def trial_finished(self, result: TrialResult) -> None:
        """Count the trial."""
        super().trial_finished(result)
        if self._done >= self._trials or time.monotonic() - self._drawn >= REDRAW:
            self._show()

    def _show(self) -> None:
        from IPython import display

        self._drawn = time.monotonic()
        best = self._best
        told = f"best {format_value(best.score)} ({best.trial.combination})" if best else ""
        done, seconds = self._completed / max(self._epochs, 1), self.clock() - self._began
        given = done, self._trials, seconds, told, self._earlier
        text = self.describe(self._stage, *given)
        total = self._trials * self._epochs
        bar = f'<progress value="{self._completed}" max="{total}"></progress> {html.escape(text)}'
        content = {"text/plain": text, "text/html": bar}
        if self._handle is None:
            self._handle = display.display(content, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(content, raw=True)
