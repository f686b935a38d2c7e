"""One plain verdict per combination: what kept it from training well."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.scores import TrialScorer
from dnn_sweep.core.comparison.time_to_target import trial_key
from dnn_sweep.core.data.folds import divide_folds
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.diagnosis.fit import BEST, FIT_SYMPTOMS, Attainable, gap
from dnn_sweep.core.diagnosis.layer_tables import FIGURES, collect_diagnostics
from dnn_sweep.core.diagnosis.reference import REFERENCE, reference_score
from dnn_sweep.core.diagnosis.symptoms import TRAINING_SYMPTOMS, TrialCurves, finite
from dnn_sweep.core.diagnosis.thresholds import THRESHOLDS
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult

UNEXPLAINED, HEALTHY = "unexplained", "healthy"
SYMPTOMS = (*TRAINING_SYMPTOMS, *FIT_SYMPTOMS)  # the most upstream cause first
VERDICTS = (*SYMPTOMS, UNEXPLAINED, HEALTHY)


def add_verdicts(ranking: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return the leaderboard: the ranking with each combination's verdict; baselines have none.

    >>> add_verdicts(leaderboard.drop(columns="verdict"), verdicts)["verdict"].dropna().tolist()
    ['healthy', 'learning rate too low']
    """
    verdict = ranking["combination"].map(verdicts.set_index("combination")["verdict"])
    leaderboard = ranking.copy()
    leaderboard.insert(ranking.columns.tolist().index("seconds"), "verdict", verdict)
    return leaderboard


def diagnose_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    histories: pd.DataFrame,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    fold_matrices: pd.DataFrame | None = None,
    seed_scores: pd.DataFrame | None = None,
    objective: Objective | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Collect every trial's diagnostics and judge every combination.

    With folds both matrices hold the same rows. The learner of another kind then takes those of
    the first fold (see :func:`~dnn_sweep.core.data.folds.scale_folds`), which are divided. Where
    epochs do not measure the ``objective``, a trial is judged by its score in ``seed_scores``.

    Returns:
        The diagnostics (:func:`~dnn_sweep.core.diagnosis.layer_tables.collect_diagnostics`) and
        the verdicts (:func:`judge_combinations`).

    >>> rows = train_matrix, validation_matrix, target_scaling
    >>> _, verdicts = diagnose_combinations(finals_plan, trial_results, histories, *rows)
    >>> verdicts[["combination", "verdict"]].to_numpy().tolist()
    [['relu + sgd', 'learning rate too low'], ['relu + adam', 'healthy']]
    """
    diagnostics, first_trial = collect_diagnostics(plan, results), plan.trials[0]
    train_target, true = train_matrix[TARGET].to_numpy(), validation_matrix[TARGET].to_numpy()
    judge = TrialScorer.of(objective, first_trial, train_target, true, target_scaling)
    objective, no_skill = judge.scorer.objective, judge.scorer.row_scores(judge.constant)
    rows, scored = (train_matrix, validation_matrix, target_scaling), len(no_skill)
    if fold_matrices is not None and len(fold_matrices):
        first = divide_folds(fold_matrices, inner=0.0)[0]
        rows = first.train, first.scored, first.scaling
        # The best epoch of a trial is chosen on the rows of its fold alone.
        scored = max(round(scored * len(first.scored) / len(validation_matrix)), 1)
    verdicts = judge_combinations(
        histories,
        diagnostics,
        objective,
        float(no_skill.mean()),
        chance=THRESHOLDS["chance"] * float(no_skill.std() / np.sqrt(scored)),
        reference=reference_score(*rows[:2], first_trial.task, rows[2], objective),
        scores=None if objective == objective.by_epoch else seed_scores,
    )
    return diagnostics, verdicts


@dataclass(frozen=True)
class CombinationVerdict:
    """A row of the table of verdicts."""

    combination: str
    verdict: str  # one of ``VERDICTS``
    evidence: str  # figures and thresholds, of the first trial with that verdict
    agreeing: int  # how many trials have the verdict
    trials: int  # of how many
    symptoms: str  # of any trial, harmful or not, separated by commas


def judge_combinations(
    histories: pd.DataFrame,
    diagnostics: pd.DataFrame,
    objective: Objective,
    no_skill: float,
    *,
    chance: float = 0.0,
    reference: float = np.nan,
    scores: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Judge every combination by the verdicts on its trials, with :class:`CombinationVerdict`.

    Args:
        histories: Of all trials, from
            :func:`~dnn_sweep.core.comparison.histories.collect_histories`.
        diagnostics: Sorted by trial, measured epoch and layer; trials without measurements may be
            missing.
        objective: The metric that judges the trials.
        no_skill: The objective's value on the validation rows for predictions made without looking
            at a row.
        chance: How far from ``no_skill`` chance alone may lead.
        reference: The objective's value for a learner of another kind; NaN if it is not known.
        scores: ``combination``, ``seed`` and the objective of the kept networks, where epochs do
            not measure it.
    """
    kept: dict[tuple[str, int], float] = {}
    if scores is not None:
        columns = ["combination", "seed", objective.validation_metric]
        kept = {(str(name), seed): value for name, seed, value in scores[columns].to_numpy()}
    trials: dict[str, list[TrialCurves]] = {}
    for combination, curves in _curves(histories, diagnostics, objective, no_skill, kept):
        trials.setdefault(combination, []).append(curves)
    means = [float(np.mean([each.best for each in group])) for group in trials.values()]
    best = max(means, key=lambda mean: objective.sign * mean)
    attainable = Attainable(best, reference, chance)
    return pd.DataFrame([_judge(name, group, attainable) for name, group in trials.items()])


def _curves(
    histories: pd.DataFrame,
    diagnostics: pd.DataFrame,
    objective: Objective,
    no_skill: float,
    kept: Mapping[tuple[str, int], float],
) -> Iterator[tuple[str, TrialCurves]]:
    """Each trial's combination and curves; as arrays, since a sweep has hundreds of trials."""
    watched = objective.by_epoch
    names = ("loss", "val_loss", watched.metric, watched.validation_metric)
    columns = {name: histories[name].to_numpy(dtype=np.float64) for name in names}
    figures = {name: diagnostics[name].to_numpy(dtype=np.float64) for name in FIGURES}
    layers, activations, epochs = (
        diagnostics[name].to_numpy() for name in ("layer", "layer_activation", "epoch")
    )
    combinations, statuses, seeds = (
        histories[name].to_numpy() for name in ("combination", "status", "seed")
    )
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
            kept=kept.get((str(combinations[rows[0]]), int(seeds[rows[0]]))),
        )
        yield str(combinations[rows[0]]), curves


def _judge(
    combination: str, trials: list[TrialCurves], attainable: Attainable
) -> CombinationVerdict:
    """The verdict on most trials; not healthy where the mean is much worse than the best."""
    examined = [_examine(trial, attainable) for trial in trials]
    counts = Counter(verdict for verdict, _, _ in examined)
    skills = [trial.skill(trial.best) for trial in trials]
    top = trials[0].skill(attainable.best)
    fails = np.mean(skills) < top - _shortfall_without_cause(top)
    if 2 * counts[HEALTHY] > len(trials) and not fails:
        chosen = HEALTHY
    else:  # of equals the most upstream
        chosen = max((*SYMPTOMS, UNEXPLAINED), key=lambda verdict: counts[verdict])
    shown = {symptom for _, _, symptoms in examined for symptom in symptoms}
    return CombinationVerdict(
        combination=combination,
        verdict=chosen,
        evidence=next(evidence for verdict, evidence, _ in examined if verdict == chosen),
        agreeing=counts[chosen],
        trials=len(trials),
        symptoms=", ".join(name for name in SYMPTOMS if name in shown),
    )


def _examine(trial: TrialCurves, attainable: Attainable) -> tuple[str, str, list[str]]:
    """A trial's verdict, the evidence for it, and all of its symptoms."""
    training = {name: said for name, look in TRAINING_SYMPTOMS.items() if (said := look(trial))}
    fit = {name: said for name, look in FIT_SYMPTOMS.items() if (said := look(trial, attainable))}
    found = training | fit
    if "diverged" in found:
        return "diverged", f"{found['diverged']}; {_reached(trial, attainable)}", list(found)
    # What hinders the training is no cause where the training rows were fitted well.
    causes = fit if _fits(trial, attainable) else found
    top = trial.skill(attainable.best)
    allowed = THRESHOLDS["worse"] * top if causes else _shortfall_without_cause(top)
    harm = _harm(trial, attainable, fit, allowed)
    if harm is None:
        return HEALTHY, _reached(trial, attainable), list(found)
    if not causes:
        return UNEXPLAINED, f"no symptom explains it, but {harm}", list(found)
    first = next(iter(causes))
    return first, f"{causes[first]}; {harm}", list(found)


def _fits(trial: TrialCurves, attainable: Attainable) -> bool:
    """Whether a trial predicts its training rows about as well as others the validation rows."""
    top = (1 - THRESHOLDS["worse"]) * trial.skill(attainable.top(trial)[0])
    fit = float(np.nanmax([trial.skill(trial.best_fit), trial.skill(trial.best)]))
    return fit >= max(top, THRESHOLDS["half_way"])


def _harm(
    trial: TrialCurves, attainable: Attainable, fit: Container[str], allowed: float
) -> str | None:
    """The shortfall of a trial in words; ``None`` where it is about as good as the best.

    A symptom becomes a verdict only where it did harm: a network that reaches the top with half
    of its units dead is healthy. Harm is to miss more than ``allowed`` of the best combination's
    skill, to be far worse than another learner, to have learned nothing, however the others do, or
    to have learned the training rows by heart.
    """
    own = trial.skill(trial.best)
    if own < trial.skill(attainable.best) - allowed:
        return _reached(trial, attainable)
    if own < (1 - THRESHOLDS["far_worse"]) * trial.skill(attainable.reference):
        return f"{_score(trial)}, against {attainable.reference:.3g} of {REFERENCE}"
    if own < THRESHOLDS["nothing_learned"] or "no signal" in fit:
        return f"{_score(trial)}, against {trial.no_skill:.3g} without looking at a row"
    if "overfitting" in fit and gap(trial) > THRESHOLDS["memorised"]:
        return _score(trial)
    loss = finite(trial.history["loss"])
    stuck = len(loss) and loss.min() > (1 - THRESHOLDS["loss_moved"]) * loss[0]
    if own < THRESHOLDS["half_way"] and stuck:
        return f"the training loss went from {loss[0]:.3g} to {loss.min():.3g} at best"
    return None


def _shortfall_without_cause(top: float) -> float:
    """The skill that may be missing to the best combination's without a symptom."""
    return min(THRESHOLDS["far_worse"] * top, THRESHOLDS["much_worse"])


def _reached(trial: TrialCurves, attainable: Attainable) -> str:
    in_those = "of" if trial.kept is not None else "in those of"
    return f"{_score(trial)}, against {attainable.best:.3g} {in_those} {BEST}"


def _score(trial: TrialCurves) -> str:
    # The ranking has another epoch's score where networks are kept as they are at the end.
    at = "" if trial.kept is not None else " in its best epoch"
    return f"validation {trial.objective.label} reached {trial.best:.3g}{at}"
