"""What an engine is."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import LoggingParameters

if TYPE_CHECKING:
    from dnn_sweep.core.training.progress import TrainingProgress


class Engine(Protocol):
    """A way to train trials.

    From the same trial every engine starts with the same weights, takes the rows in the same
    order (:func:`~dnn_sweep.core.data.arrays.epoch_order`) and stops and keeps weights by the
    same rules, so that its results are the same to rounding.
    """

    @property
    def name(self) -> str:
        """How results and ``training.engine`` call it."""

    def refuses(self, trial: Trial, logs: LoggingParameters | None = None) -> str | None:
        """Why this engine cannot train a trial.

        Args:
            trial: The trial.
            logs: Which log files are to be written, if that is known.

        Returns:
            The reason in words for the user; ``None`` where it can.
        """

    def train(
        self,
        trials: Sequence[Trial],
        data: TrainingData,
        progress: "TrainingProgress",
        logs: LoggingParameters,
        reason: str,
        finished: Collection[str] = (),
        *,
        measured: bool = True,
    ) -> Iterator[TrialResult]:
        """Train trials and yield each result as soon as it is there.

        Args:
            trials: The sweep's trials; the engine refuses none of them.
            data: Scaled rows.
            progress: Told of every trial and epoch.
            logs: Files to write while training.
            reason: Why this engine was chosen, recorded on each result.
            finished: Ids of trials that are trained already, and are not trained again.
            measured: Whether these trials' layers are measured, where the engine was built to
                measure any.

        Yields:
            One result a trial that was trained; a diverged trial is a result too.
        """
