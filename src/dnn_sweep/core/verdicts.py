"""One plain verdict a combination: what kept it from training well."""

from collections import Counter
from typing import Literal, get_args

import numpy as np
import pandas as pd

from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.symptoms import SYMPTOMS, Threshold, TrialCurves

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
HEALTHY = "healthy"

# A symptom becomes a verdict only where it did harm: a network that reaches the top with half of
# its units dead is not sick. Harm is to be clearly worse than the best, or to have learned nothing.
CLEARLY_WORSE = Threshold(
    0.05, "a twentieth of what the best combination gained over no skill is missing"
)
NO_SKILL = Threshold(
    0.1, "less than a tenth of the way from no skill to perfection says that nothing was learned"
)
LOSS_MOVED = Threshold(0.05, "a training loss that fell by less than a twentieth hardly moved")
HALF_WAY = 0.5  # a loss may also stand still because a task was learned in the first epoch


def judge_combinations(
    histories: pd.DataFrame, diagnostics: pd.DataFrame, objective: Objective, no_skill: float
) -> pd.DataFrame:
    """Give every combination its verdict: that of most of its trials.

    Args:
        histories: One row a trial and epoch.
        diagnostics: One row a trial, measured epoch and layer; trials may be missing.
        objective: What combinations are ranked by.
        no_skill: Its value on the validation rows for predictions that look at no row.

    Returns:
        One row a combination, in the order of the histories: ``combination``, ``verdict`` (one of
        ``VERDICTS``; of equally many, the most upstream), ``evidence`` (a sentence with figures
        and thresholds, of the first trial with that verdict), ``agreeing`` and ``trials`` (how
        many trials have the verdict, of how many) and ``symptoms`` (every symptom that any of its
        trials shows, whether it did harm or not).
    """
    nothing = diagnostics.iloc[:0]
    measured = dict(iter(diagnostics.groupby("trial_id", sort=False)))
    trials: dict[str, list[TrialCurves]] = {}
    for (combination, trial_id), rows in histories.groupby(["combination", "trial_id"], sort=False):
        curves = TrialCurves(rows, measured.get(trial_id, nothing), objective, no_skill)
        trials.setdefault(str(combination), []).append(curves)
    means = [float(np.mean([each.best for each in group])) for group in trials.values()]
    best = max(means, key=lambda mean: objective.sign * mean)
    return pd.DataFrame([_judge(name, group, best) for name, group in trials.items()])


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
    """What a trial has lost, in words; ``None`` where it is about as good as the best."""
    top, own = trial.skill(best), trial.skill(trial.best)
    if top > 0 and (top - own) / top > CLEARLY_WORSE.value:
        return f"{_reached(trial)}, against {best:.3g} of the best combination"
    if own < NO_SKILL.value:
        return f"{_reached(trial)}, against {trial.no_skill:.3g} without looking at a row"
    loss = trial.curve("loss")
    if own < HALF_WAY and len(loss) and loss.min() > (1 - LOSS_MOVED.value) * loss[0]:
        return f"the training loss went from {loss[0]:.3g} to {loss.min():.3g} at best"
    return None


def _reached(trial: TrialCurves) -> str:
    return f"validation {trial.objective.label} reached {trial.best:.3g}"
