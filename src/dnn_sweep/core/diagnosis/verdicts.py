"""One plain verdict a combination: what kept it from training well."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import pandas as pd

from dnn_sweep.core.diagnosis.layer_tables import FIGURES
from dnn_sweep.core.diagnosis.symptoms import SYMPTOMS, TrialCurves
from dnn_sweep.core.diagnosis.thresholds import limit
from dnn_sweep.core.objectives import Objective

Verdict = Literal[
    "diverged",
    "dead units",
    "learning rate too high",
    "saturated",
    "vanishing gradient",
    "learning rate too low",
    "overfitting",
    "healthy",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)  # the most upstream first
HEALTHY: Verdict = "healthy"


def judge_combinations(
    histories: pd.DataFrame, diagnostics: pd.DataFrame, objective: Objective, no_skill: float
) -> pd.DataFrame:
    """Give every combination its verdict: that of most of its trials.

    Args:
        histories: One row a trial and epoch.
        diagnostics: One row a trial, measured epoch and layer, in the order of epochs and layers;
            trials may be missing.
        objective: What combinations are ranked by.
        no_skill: Its value on the validation rows for predictions that look at no row.

    Returns:
        One row a combination, in the order of the histories: ``combination``, ``verdict`` (one of
        ``VERDICTS``; of equally many, the most upstream), ``evidence`` (a sentence with figures
        and thresholds, of the first trial with that verdict), ``agreeing`` and ``trials`` (how
        many trials have the verdict, of how many) and ``symptoms`` (every symptom that any of its
        trials shows, whether it did harm or not).
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
    """Each trial's combination and curves. As arrays: a sweep has hundreds of small tables."""
    names = ("loss", "val_loss", objective.metric, objective.validation_metric)
    columns = {name: histories[name].to_numpy(dtype=np.float64) for name in names}
    figures = {name: diagnostics[name].to_numpy(dtype=np.float64) for name in FIGURES}
    layers, activations, epochs = (
        diagnostics[name].to_numpy() for name in ("layer", "layer_activation", "epoch")
    )
    combinations, statuses = (histories[name].to_numpy() for name in ("combination", "status"))
    # Not by its id: combinations with equal content share their trials.
    trial = ["combination", "seed"]
    measured = diagnostics.groupby(trial, sort=False).indices
    nothing = np.empty(0, dtype=np.intp)
    for key, rows in histories.groupby(trial, sort=False).indices.items():
        own = measured.get(key, nothing)
        width = len(set(layers[own]))
        yield (
            str(combinations[rows[0]]),
            TrialCurves(
                status=str(statuses[rows[0]]),
                history={name: values[rows] for name, values in columns.items()},
                layers=[str(each) for each in layers[own[:width]]],
                activations=[str(each) for each in activations[own[:width]]],
                figures={
                    name: values[own].reshape(-1, max(width, 1)) for name, values in figures.items()
                },
                epochs=epochs[own[:: max(width, 1)]].astype(np.int64),
                objective=objective,
                no_skill=no_skill,
            ),
        )


def _judge(combination: str, trials: list[TrialCurves], best: float) -> dict[str, object]:
    examined = [_examine(trial, best) for trial in trials]
    counts = Counter(verdict for verdict, _, _ in examined)
    chosen = max(VERDICTS, key=lambda verdict: (counts[verdict], -VERDICTS.index(verdict)))
    evidence = next(evidence for verdict, evidence, _ in examined if verdict == chosen)
    shown = {symptom for _, _, symptoms in examined for symptom in symptoms}
    return {
        "combination": combination,
        "verdict": chosen,
        "evidence": evidence,
        "agreeing": counts[chosen],
        "trials": len(trials),
        "symptoms": ", ".join(name for name in SYMPTOMS if name in shown),
    }


def _examine(trial: TrialCurves, best: float) -> tuple[Verdict, str, list[str]]:
    """A trial's verdict, the evidence for it, and all of its symptoms."""
    found = {name: said for name, look in SYMPTOMS.items() if (said := look(trial)) is not None}
    harm = _harm(trial, best)
    for verdict in VERDICTS:
        if verdict in found and (harm is not None or verdict == "diverged"):
            told = found[verdict] if harm is None else f"{found[verdict]}; {harm}"
            return verdict, told, list(found)
    if harm is not None:
        return HEALTHY, f"no symptom among those looked for, but {harm}", list(found)
    return HEALTHY, f"{_reached(trial)}, against {best:.3g} of the best combination", list(found)


def _harm(trial: TrialCurves, best: float) -> str | None:
    """What a trial has lost, in words; ``None`` where it is about as good as the best.

    A symptom becomes a verdict only where it did harm: a network that reaches the top with half
    of its units dead is not sick. Harm is to be clearly worse than the best combination, or to
    have learned nothing, be the others as they may.
    """
    top, own = trial.skill(best), trial.skill(trial.best)
    if top > 0 and (top - own) / top > limit("worse"):
        return f"{_reached(trial)}, against {best:.3g} of the best combination"
    if own < limit("nothing_learned"):
        return f"{_reached(trial)}, against {trial.no_skill:.3g} without looking at a row"
    loss = trial.curve("loss")
    if own < limit("half_way") and len(loss) and loss.min() > (1 - limit("loss_moved")) * loss[0]:
        return f"the training loss went from {loss[0]:.3g} to {loss.min():.3g} at best"
    return None


def _reached(trial: TrialCurves) -> str:
    return f"validation {trial.objective.label} reached {trial.best:.3g}"
