"""What an engine is."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from dnn_sweep.core.results import TrialResult
from dnn_sweep.core.training_data import TrainingData
from dnn_sweep.core.trials import Trial
from dnn_sweep.parameters import LoggingParameters

if TYPE_CHECKING:
    from dnn_sweep.core.progress import TrainingProgress


class Engine(Protocol):
    """A way to train trials.

    From the same trial every engine starts with the same weights, takes the rows in the same
    order (:func:`~dnn_sweep.core.training_data.epoch_order`) and stops and keeps weights by the
    same rules, so that its results are the same to rounding.
    """

    @property
    def name(self) -> str:
        """How results and ``training.engine`` call it."""

    def refuses(self, trial: Trial) -> str | None:
        """Why this engine cannot train a trial; ``None`` where it can."""

    def train(
        self,
        trials: Sequence[Trial],
        data: TrainingData,
        progress: "TrainingProgress",
        logs: LoggingParameters,
        reason: str,
    ) -> Iterator[TrialResult]:
        """Train trials and yield each result as soon as it is there.

        Args:
            trials: What to train; the engine refuses none of them.
            data: Scaled rows.
            progress: Told of every trial and epoch.
            logs: Files to write while training.
            reason: Why this engine was chosen, recorded on each result.

        Yields:
            One result a trial; a diverged trial is a result too.
        """
