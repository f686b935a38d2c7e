"""One plain verdict per combination: what kept it from training well."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.scores import no_skill_prediction, no_skill_scores
from dnn_sweep.core.comparison.time_to_target import trial_key
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.diagnosis.layer_tables import FIGURES, collect_diagnostics
from dnn_sweep.core.diagnosis.symptoms import SYMPTOMS, TrialCurves, finite
from dnn_sweep.core.diagnosis.thresholds import THRESHOLDS
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult

HEALTHY = "healthy"
VERDICTS = (*SYMPTOMS, HEALTHY)  # the most upstream cause first


def diagnose_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    histories: pd.DataFrame,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Collect every trial's diagnostics and judge every combination.

    Returns:
        The diagnostics (:func:`~dnn_sweep.core.diagnosis.layer_tables.collect_diagnostics`) and
        the verdicts (:func:`judge_combinations`).

    >>> rows = train_matrix, validation_matrix, target_scaling
    >>> _, verdicts = diagnose_combinations(finals_plan, trial_results, histories, *rows)
    >>> verdicts[["combination", "verdict"]].to_numpy().tolist()
    [['relu + sgd', 'learning rate too low'], ['relu + adam', 'healthy']]
    """
    task, diagnostics = plan.trials[0].task, collect_diagnostics(plan, results)
    train_target, true = train_matrix[TARGET].to_numpy(), validation_matrix[TARGET].to_numpy()
    predicted = no_skill_prediction(train_target, task)
    no_skill = float(no_skill_scores(true, predicted, task, target_scaling).mean())
    return diagnostics, judge_combinations(histories, diagnostics, objective_of(task), no_skill)


@dataclass(frozen=True)
class CombinationVerdict:
    """A row of the table of verdicts."""

    combination: str
    verdict: str  # that of most trials, one of ``VERDICTS``; of equally many the most upstream
    evidence: str  # figures and thresholds, of the first trial with that verdict
    agreeing: int  # how many trials have the verdict
    trials: int  # of how many
    symptoms: str  # of any trial, harmful or not, separated by commas


def judge_combinations(
    histories: pd.DataFrame, diagnostics: pd.DataFrame, objective: Objective, no_skill: float
) -> pd.DataFrame:
    """Judge every combination by the verdicts on its trials, with :class:`CombinationVerdict`.

    The diagnostics are sorted by trial, measured epoch and layer; trials without measurements may
    be missing. ``no_skill`` is the objective's value on the validation rows for predictions made
    without looking at a row.
    """
    trials: dict[str, list[TrialCurves]] = {}
    for combination, curves in _curves(histories, diagnostics, objective, no_skill):
        trials.setdefault(combination, []).append(curves)
    means = [float(np.mean([each.best for each in group])) for group in trials.values()]
    best = max(means, key=lambda mean: objective.sign * mean)
    return pd.DataFrame([_judge(name, group, best) for name, group in trials.items()])


def _curves(
    histories: pd.DataFrame, diagnostics: pd.DataFrame, objective: Objective, no_skill: float
) -> Iterator[tuple[str, TrialCurves]]:
    """Each trial's combination and curves; as arrays, since a sweep has hundreds of trials."""
    names = ("loss", "val_loss", objective.metric, objective.validation_metric)
    columns = {name: histories[name].to_numpy(dtype=np.float64) for name in names}
    figures = {name: diagnostics[name].to_numpy(dtype=np.float64) for name in FIGURES}
    layers, activations, epochs = (
        diagnostics[name].to_numpy() for name in ("layer", "layer_activation", "epoch")
    )
    combinations, statuses = (histories[name].to_numpy() for name in ("combination", "status"))
    measured = diagnostics.groupby(trial_key(histories), sort=False).indices
    for key, rows in histories.groupby(trial_key(histories), sort=False).indices.items():
        own = measured.get(key, np.empty(0, dtype=np.intp))
        distinct = len(set(layers[own]))
        width = max(distinct, 1)
        curves = TrialCurves(
            status=str(statuses[rows[0]]),
            history={name: values[rows] for name, values in columns.items()},
            layers=layers[own[:distinct]].tolist(),
            activations=activations[own[:distinct]].tolist(),
            figures={name: values[own].reshape(-1, width) for name, values in figures.items()},
            epochs=epochs[own[::width]].astype(np.int64),
            objective=objective,
            no_skill=no_skill,
        )
        yield str(combinations[rows[0]]), curves


def _judge(combination: str, trials: list[TrialCurves], best: float) -> CombinationVerdict:
    examined = [_examine(trial, best) for trial in trials]
    counts = Counter(verdict for verdict, _, _ in examined)
    chosen = max(VERDICTS, key=lambda verdict: counts[verdict])  # of equals the most upstream
    shown = {symptom for _, _, symptoms in examined for symptom in symptoms}
    return CombinationVerdict(
        combination=combination,
        verdict=chosen,
        evidence=next(evidence for verdict, evidence, _ in examined if verdict == chosen),
        agreeing=counts[chosen],
        trials=len(trials),
        symptoms=", ".join(name for name in SYMPTOMS if name in shown),
    )


def _examine(trial: TrialCurves, best: float) -> tuple[str, str, list[str]]:
    """A trial's verdict, the evidence for it, and all of its symptoms."""
    found = {name: said for name, look in SYMPTOMS.items() if (said := look(trial)) is not None}
    harm, first = _harm(trial, best), next(iter(found), HEALTHY)
    if first == "diverged" or (found and harm is not None):
        return first, "; ".join(filter(None, [found[first], harm])), list(found)
    if harm is not None:
        return HEALTHY, f"no symptom among those looked for, but {harm}", list(found)
    return HEALTHY, f"{_reached(trial)}, against {best:.3g} of the best combination", list(found)


def _harm(trial: TrialCurves, best: float) -> str | None:
    """The shortfall of a trial in words; ``None`` where it is about as good as the best.

    A symptom becomes a verdict only where it did harm: a network that reaches the top with half
    of its units dead is healthy. Harm is to be clearly worse than the best combination, or to
    have learned nothing, however the others do.
    """
    top, own = trial.skill(best), trial.skill(trial.best)
    if top > 0 and (top - own) / top > THRESHOLDS["worse"]:
        return f"{_reached(trial)}, against {best:.3g} of the best combination"
    if own < THRESHOLDS["nothing_learned"]:
        return f"{_reached(trial)}, against {trial.no_skill:.3g} without looking at a row"
    loss = finite(trial.history["loss"])
    stuck = len(loss) and loss.min() > (1 - THRESHOLDS["loss_moved"]) * loss[0]
    if own < THRESHOLDS["half_way"] and stuck:
        return f"the training loss went from {loss[0]:.3g} to {loss.min():.3g} at best"
    return None


def _reached(trial: TrialCurves) -> str:
    return f"validation {trial.objective.label} reached {trial.best:.3g}"
