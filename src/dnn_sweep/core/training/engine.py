"""Training engines: their interface, and which of them trains which trial."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.search_plan import NO_SEARCH, SearchPlan
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS, NOTHING, Checkpoints
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import ExecutorParameters, LoggingParameters

LOCAL = ExecutorParameters()


class Engine(Protocol):
    """A way to train trials.

    From the same trial every engine starts with the same weights, takes the rows in the same
    order (:func:`~dnn_sweep.core.data.arrays.epoch_order`) and stops and keeps weights by the
    same rules, so that its results are the same to rounding.

    >>> engine = build_engines("keras")[0]
    >>> print(engine.name, engine.refuses(champion_trial))
    keras None
    """

    @property
    def name(self) -> str:
        """Its name in results and in ``training.engine``."""

    def refuses(self, trial: Trial) -> str | None:
        """Return the reason, for the user, why it cannot train a trial; ``None`` if it can."""

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
        """Train trials and yield each result, also of one that diverged, as soon as it is there.

        Args:
            trials: The trials, each id once; the engine refuses none of them.
            data: Scaled rows.
            progress: Receives every trial and epoch.
            logs: Files to write while training.
            reason: Why this engine was chosen, recorded on each result.
            finished: Trials that are trained already, and are not trained again: their numbers of
                epochs by id.
            measured: Whether to measure the layers.
            checkpoints: What unfinished trials go on from, bit by bit, and where they are saved.
        """

    def close(self) -> None:
        """Give back what it has kept from one stage of a sweep to the next."""


@dataclass(frozen=True)
class Assignment:
    """Trials that one engine trains for one reason."""

    engine: Engine
    reason: str
    trials: tuple[Trial, ...]


def build_engines(
    requested: str = "auto",
    cohort_size: int | None = None,
    finals: Sequence[Trial] = (),
    search: SearchPlan = NO_SEARCH,
    executor: ExecutorParameters = LOCAL,
) -> list[Engine]:
    """Build the engines that may be used, once for all stages of a sweep; the fastest come first.

    ``requested`` is an engine's name, or ``auto`` for all; ``cohort_size`` how many trials
    ``stacked`` trains together, by default chosen by network and machine; ``finals`` the trials
    of the stage that most of the sweep is trained in, none for a sweep of one stage. Programs are
    made for whatever a ``search`` may propose; ``executor`` says where trials train.

    >>> [engine.name for engine in build_engines()]
    ['stacked', 'keras']
    """
    # Engines subclass Keras's classes, so that importing them loads TensorFlow.
    from dnn_sweep.core.training.keras_engine import KerasFitEngine
    from dnn_sweep.core.training.stacked import StackedEngine, Varied

    varied = None
    if search:
        activations = {each for names in search.activations.values() for each in names}
        arguments = tuple(search.settings.factors.arguments)
        varied = Varied(tuple(activations), arguments, search.together, search.shapes)
    stacked = StackedEngine(cohort_size, finals, varied)
    rest = [each for each in finals if requested == KerasFitEngine.name or stacked.refuses(each)]
    engines: list[Engine] = [stacked, KerasFitEngine(rest)]
    engines = [engine for engine in engines if requested in ("auto", engine.name)]
    if executor.kind == "local":
        return engines
    from dnn_sweep.core.training.cluster.engine import ClusterEngine
    from dnn_sweep.core.training.cluster.fleet import Fleet

    fleet = Fleet(executor)
    return [ClusterEngine(engine, fleet) for engine in engines]


def assign_engines(
    trials: Sequence[Trial],
    requested: str,
    *,
    engines: Sequence[Engine] | None = None,
) -> list[Assignment]:
    """Assign every trial to an engine; return the trials grouped by engine and reason.

    ``requested`` is an engine's name, or ``auto`` for the fastest that can train the trial;
    ``engines`` come from :func:`build_engines`, by default new ones.

    Raises:
        SweepError: If the requested engine cannot train one of the trials.
    """
    engines = engines or build_engines(requested)
    groups: dict[tuple[Engine, str], list[Trial]] = {}
    for trial in trials:
        groups.setdefault(_choose(trial, engines, requested), []).append(trial)
    return [Assignment(engine, why, tuple(group)) for (engine, why), group in groups.items()]


def _choose(trial: Trial, engines: Sequence[Engine], requested: str) -> tuple[Engine, str]:
    refusals: list[str] = []
    for engine in engines:
        refusal = engine.refuses(trial)
        if refusal is None:
            if requested != "auto":
                return engine, "training.engine asks for it"
            why = "; ".join(refusals) or "the fastest engine that can train it"
            return engine, f"auto: {why}"
        refusals.append(f"{engine.name} cannot: {refusal}")
    raise SweepError(f"training.engine {requested}: {trial.combination}: {'; '.join(refusals)}")
