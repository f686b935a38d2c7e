"""The terminal's view of the training, handed to whoever trains."""

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from dnn_sweep.core.training.progress import TimedProgress, TrainingProgress
from dnn_sweep.datasets.stage_seconds import RUN_CLOCK


class TrainingDisplayDataset(AbstractDataset[Any, TrainingProgress]):
    """Loads a live display in a terminal, else one that writes a plain line a trial.

    Both use rich's own console, the one that Kedro's log writes to, so that the log's lines
    appear above the bars. What they hear of training, the run's clock hears, too.

    Args:
        metadata: For plugins such as Kedro-Viz.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> TrainingProgress:
        """Return a display that has not been started."""
        from rich import get_console

        from dnn_sweep.core.reporting.training_display import LiveDisplay, PlainDisplay

        console = get_console()
        display = LiveDisplay(console) if console.is_interactive else PlainDisplay(console)
        return TimedProgress(display, RUN_CLOCK)

    def save(self, data: Any) -> NoReturn:
        """Refuse: a display is only handed out.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("TrainingDisplayDataset is only loaded; nothing can be saved to it")

    def _describe(self) -> dict[str, Any]:
        return {}
