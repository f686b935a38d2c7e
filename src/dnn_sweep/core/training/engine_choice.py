"""Which engine trains which trial, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.engine import Engine
from dnn_sweep.parameters import LoggingParameters


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
    diagnostics: bool = False,
) -> list[Engine]:
    """Build the engines that may be used.

    What an engine compiled for one set of rows it uses again, so one list serves all stages of
    a sweep.

    Args:
        requested: An engine's name, or ``auto`` for all.
        cohort_size: Trials that the engine ``stacked`` trains together; ``None`` for what suits
            network and machine.
        finals: The trials of the stage that most of the sweep is trained in; none for a sweep of
            one stage.
        diagnostics: Whether the layers of trials are measured.

    Returns:
        The engines, the fastest first.
    """
    # Imported here: an engine imports TensorFlow.
    from dnn_sweep.core.training.keras_engine import KerasFitEngine
    from dnn_sweep.core.training.stacked import StackedEngine

    engines: list[Engine] = [
        StackedEngine(cohort_size, finals, diagnostics=diagnostics),
        KerasFitEngine(diagnostics=diagnostics),
    ]
    return [engine for engine in engines if requested in ("auto", engine.name)]


def assign_engines(
    trials: Sequence[Trial],
    requested: str,
    *,
    engines: Sequence[Engine] | None = None,
    logs: LoggingParameters | None = None,
) -> list[Assignment]:
    """Give every trial to an engine.

    Args:
        trials: What to train, in order.
        requested: An engine's name, or ``auto`` for the first that can train the trial, the
            fastest engines asked first.
        engines: From :func:`build_engines`; ``None`` for new ones.
        logs: Which log files are to be written; not every engine writes all of them.

    Returns:
        The trials, those with the same engine and reason together.

    Raises:
        SweepError: If the engine asked for cannot train one of the trials.
    """
    engines = engines or build_engines(requested)
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        name, reason = _choose(trial, engines, requested, logs)
        groups.setdefault((name, reason), []).append(trial)
    by_name = {engine.name: engine for engine in engines}
    return [Assignment(by_name[name], why, tuple(group)) for (name, why), group in groups.items()]


def _choose(
    trial: Trial, engines: Sequence[Engine], requested: str, logs: LoggingParameters | None
) -> tuple[str, str]:
    refusals: list[str] = []
    for engine in engines:
        refusal = engine.refuses(trial, logs)
        if refusal is None:
            if requested != "auto":
                return engine.name, "training.engine asks for it"
            why = "; ".join(refusals) or "the fastest engine that can train it"
            return engine.name, f"auto: {why}"
        refusals.append(f"{engine.name} cannot: {refusal}")
    raise SweepError(f"training.engine {requested}: {trial.combination}: {'; '.join(refusals)}")
