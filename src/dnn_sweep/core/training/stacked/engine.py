"""The engine that trains many small networks in one compiled program."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.layer_log import Probe
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stacked.board import Group
from dnn_sweep.core.training.stacked.programs import Programs
from dnn_sweep.core.training.stacked.seat import Seat
from dnn_sweep.core.training.stacked.structure import obstacle, structure_of
from dnn_sweep.core.training.stacked.sweep import StackedSweep
from dnn_sweep.parameters import LoggingParameters

if TYPE_CHECKING:
    from dnn_sweep.core.training.progress import TrainingProgress


class StackedEngine:
    """Trains dense networks whose optimizers update each weight by itself.

    Trials of one structure share a compiled program that trains a cohort of them for an epoch;
    between epochs each trial's own Keras callbacks decide. One cohort a core trains at a time.

    Args:
        cohort_size: Trials in a cohort; ``None`` for what suits network and machine.
        finals: The trials of the stage that most of a sweep is trained in, where it is trained in
            stages: all stages then share the programs that suit this one.
        diagnostics: Whether to measure the layers of trials.
    """

    name = "stacked"

    def __init__(
        self,
        cohort_size: int | None = None,
        finals: Sequence[Trial] = (),
        *,
        diagnostics: bool = False,
    ) -> None:
        self._cohort_size = cohort_size
        self._finals = [trial for trial in finals if obstacle(trial) is None]
        self._diagnostics = diagnostics
        self._probe: Probe | None = None
        self._programs: Programs | None = None

    def refuses(self, trial: Trial, logs: LoggingParameters | None = None) -> str | None:
        """Why a trial cannot be stacked; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        if logs is not None and logs.tensorboard:
            return "logs.tensorboard follows one network at a time"
        return obstacle(trial)

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
        """Train trials side by side; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        conclude = partial(
            Seat.result, target_scale=data.target_scale, engine=self.name, reason=reason
        )
        if self._programs is None or self._programs.data is not data:
            self._programs = Programs(data)
            self._probe = Probe(data) if self._diagnostics else None
        if self._probe is not None:
            to_measure = self._finals or (trials if measured else ())
            self._programs.meanwhile = partial(_measure_first, self._probe, to_measure)
        return StackedSweep(
            trials,
            finished,
            data,
            progress,
            logs,
            conclude,
            self._cohort_size,
            self._programs,
            self._finals,
            self._probe if measured else None,
        ).results()


def _measure_first(probe: Probe, trials: Sequence[Trial], group: Group) -> Iterator[None]:
    """Measure one network of each kind in a group: the first takes far longer than the others."""
    structures = {section.structure for section in group.sections}
    own = (trial for trial in trials if structure_of(trial) in structures)
    for network, seed in {trial.network: trial.seed for trial in own}.items():
        probe.initial(network, seed)
        yield
