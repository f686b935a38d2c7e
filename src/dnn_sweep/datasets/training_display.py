"""The terminal's view of the training."""

import rich

from dnn_sweep.core.reporting.notebook_display import NotebookDisplay
from dnn_sweep.core.reporting.training_display import LiveDisplay, PlainDisplay
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.datasets.base import ReadOnlyDataset, State
from dnn_sweep.datasets.stage_seconds import RUN_CLOCK


class TrainingDisplayDataset(ReadOnlyDataset[TrainingProgress]):
    """Loads a live display in a terminal or a notebook, else one that writes a line per trial.

    Both use rich's own console, as Kedro's log does, so that its lines appear above the bars.
    The run's clock counts the same events.

    >>> isinstance(TrainingDisplayDataset().load(), TrainingProgress)
    True
    """

    def state(self) -> State:
        """Nothing: a display shows what is trained and holds nothing."""
        return {}

    def load(self) -> TrainingProgress:
        """Return a display that has not been started; the run's clock follows its events."""
        console = rich.get_console()
        if console.is_jupyter and not console.quiet:
            return NotebookDisplay(console, stages=RUN_CLOCK)
        display = LiveDisplay if console.is_interactive else PlainDisplay
        return display(console, stages=RUN_CLOCK)
