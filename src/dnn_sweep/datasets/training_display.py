"""The views of the training: the terminal's, and the live page."""

from pathlib import Path

import rich

from dnn_sweep.core.reporting.live_page import LivePage, LiveSweep
from dnn_sweep.core.reporting.notebook_display import NotebookDisplay
from dnn_sweep.core.reporting.training_display import LiveDisplay, PlainDisplay, TrainingDisplay
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.datasets.base import ReadOnlyDataset, State, write_atomically
from dnn_sweep.datasets.stage_seconds import RUN_CLOCK


class TrainingDisplayDataset(ReadOnlyDataset[TrainingProgress]):
    """Loads a live display in a terminal or a notebook, else one that writes a line per trial.

    Both use rich's own console, as Kedro's log does, so that its lines appear above the bars.
    The run's clock counts the same events.

    Args:
        filepath: The live page, in a folder named after the experiment; no page without it.

    >>> isinstance(TrainingDisplayDataset().load(), TrainingProgress)
    True
    """

    filepath: str | None = None

    def __post_init__(self) -> None:
        self._sweep: LiveSweep | None = None

    def state(self) -> State:
        """Nothing: a display shows what is trained and holds nothing."""
        return {}

    def load(self) -> TrainingProgress:
        """Return a display that has not been started; the run's clock follows its events."""
        console = rich.get_console()
        kind: type[TrainingDisplay] = LiveDisplay if console.is_interactive else PlainDisplay
        if console.is_jupyter and not console.quiet:
            kind = NotebookDisplay
        display = kind(console, stages=RUN_CLOCK)
        if not self.filepath:
            return display
        path = Path(self.filepath)
        # A refit after the finals goes on with the same page.
        self._sweep = self._sweep or LiveSweep(path.parent.name)
        here = Path.cwd()
        place = path.relative_to(here) if path.is_relative_to(here) else path
        return LivePage(
            display,
            self._sweep,
            lambda page: write_atomically(path, page.encode()),
            place.as_posix(),
        )
