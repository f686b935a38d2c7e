"""Where this run's seconds went, for whoever asks."""

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from dnn_sweep.core.training.stage_clock import StageClock, seconds_since_birth

# One process, one run at a time: Kedro's hooks set it, the training display adds to it.
RUN_CLOCK = StageClock(before=seconds_since_birth())


class StageSecondsDataset(AbstractDataset[Any, dict[str, float]]):
    """Loads how long each stage of the run took until now.

    Args:
        metadata: For plugins such as Kedro-Viz.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> dict[str, float]:
        """Read the run's clock."""
        return RUN_CLOCK.read()

    def save(self, data: Any) -> NoReturn:
        """Refuse: a clock is only read.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("StageSecondsDataset is only loaded; nothing can be saved to it")

    def _describe(self) -> dict[str, Any]:
        return {}
