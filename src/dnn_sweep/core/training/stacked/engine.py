"""The engine that trains many networks in one compiled program."""

from collections.abc import Iterator, Mapping, Sequence

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS, NOTHING, Checkpoints
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.layer_log import Probe
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stacked.lane import Lane
from dnn_sweep.core.training.stacked.programs import Programs
from dnn_sweep.core.training.stacked.queues import TrialQueue, Varied, plan_queues
from dnn_sweep.core.training.stacked.scheduler import NAME, Scheduler
from dnn_sweep.core.training.stacked.spec import reason_against
from dnn_sweep.parameters import LoggingParameters


class StackedEngine:
    """Trains dense networks whose optimizers update each weight by itself.

    Args:
        cohort_size: Trials that train together; ``None`` for what suits network and device.
        finals: The trials of the stage that most of a sweep is trained in, where it has several:
            all stages then share the programs that suit this one.
        varied: What the trials of a search may differ in; ``None`` without a search.
    """

    name = NAME

    def __init__(
        self,
        cohort_size: int | None = None,
        finals: Sequence[Trial] = (),
        varied: Varied | None = None,
    ) -> None:
        self._cohort_size, self._varied = cohort_size, varied
        self._finals = [trial for trial in finals if reason_against(trial) is None]
        self._programs: Programs | None = None

    def refuses(self, trial: Trial) -> str | None:
        """Say why it cannot train a trial; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        return reason_against(trial)

    def train(
        self,
        trials: Sequence[Trial],
        data: TrainingData,
        progress: TrainingProgress,
        logs: LoggingParameters,
        reason: str,
        finished: Mapping[str, int] = NOTHING,
        *,
        measured: bool = False,
        checkpoints: Checkpoints = NO_CHECKPOINTS,
    ) -> Iterator[TrialResult]:
        """Train trials side by side; see :class:`~dnn_sweep.core.training.engine.Engine`."""
        queues, device = self.plan(trials, data, finished), Device.detect()
        known = finished, checkpoints
        return self.train_queues(queues, data, device, progress, logs, reason, *known, measured)

    def plan(
        self, trials: Sequence[Trial], data: TrainingData, finished: Mapping[str, int] = NOTHING
    ) -> list[TrialQueue]:
        """Decide which trials train together, and in which programs; arguments as of `train`."""
        given = trials, data, Device.detect(), finished
        return plan_queues(*given, self._finals, self._cohort_size, self._varied)

    def train_queues(
        self,
        queues: Sequence[TrialQueue],
        data: TrainingData,
        device: Device,
        progress: TrainingProgress,
        logs: LoggingParameters,
        reason: str,
        finished: Mapping[str, int],
        checkpoints: Checkpoints,
        measured: bool,
    ) -> Iterator[TrialResult]:
        """Train what was planned on a device; the other arguments are those of `train`."""
        if self._programs is None or self._programs.data is not data:
            self._programs = Programs(data)
        probe = Probe(data) if measured else None

        def conclude(lane: Lane) -> TrialResult:
            unit = data.of(lane.trial.fold).target_scale
            return lane.result(target_scale=unit, engine=self.name, reason=reason)

        known = finished, checkpoints
        given = self._programs, device, progress, logs, conclude, *known, probe
        return Scheduler(queues, *given).results()

    def close(self) -> None:
        """Forget the compiled programs."""
        self._programs = None
