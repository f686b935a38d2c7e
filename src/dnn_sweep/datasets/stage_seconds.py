"""The seconds of this run by stage."""

from dnn_sweep.core.training.stage_clock import StageClock, seconds_since_birth
from dnn_sweep.datasets.base import ReadOnlyDataset, State

# One process, one run at a time: Kedro's hooks set it, the training display adds to it.
RUN_CLOCK = StageClock(before=seconds_since_birth())


class StageSecondsDataset(ReadOnlyDataset[dict[str, float]]):
    """Loads how long each stage of the run has taken so far.

    >>> "total" in StageSecondsDataset().load()
    True
    """

    def state(self) -> State:
        """Nothing: the clock runs whether or not anything has changed."""
        return {}

    def load(self) -> dict[str, float]:
        """Read the run's clock."""
        return RUN_CLOCK.read()
