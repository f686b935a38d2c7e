"""How much each factor of a search decides who is among the best."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dnn_sweep.core.lazy import optuna
from dnn_sweep.core.plan.search_plan import SearchPlan
from dnn_sweep.core.plan.search_record import Proposal, SearchRecord, tabulate_search
from dnn_sweep.core.training.sampling import distribution_of, quietly

RESAMPLES = 50
FEWEST_GROUPS = 5  # with fewer, an interval would say little
CONFIDENCE = 0.95
COLUMNS = ["factor", "importance", "ci_low", "ci_high", "groups"]


def measure_importances(
    plan: SearchPlan, record: SearchRecord, resamples: int = RESAMPLES
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tabulate a search's proposals, and the importance of each factor.

    Proposals are compared by the number of epochs that they reached and then by their scores, as
    the search compared them. The importance of a factor is how much its values differ between
    the best tenth and all proposals (PED-ANOVA), as a share of the sum over the factors.

    The intervals come from a bootstrap over the groups of proposals that share what a compiled
    program is made for: within a group, neither width nor optimizer vary, so its proposals are no
    independent evidence on them.

    Returns:
        The table of :func:`~dnn_sweep.core.plan.search_record.tabulate_search`; and one row per
        factor that varied, the most important first: ``factor``, ``importance`` from 0 to 1,
        ``ci_low`` and ``ci_high`` (95 %, empty with fewer than five groups) and ``groups``. Both
        have no rows without a search.

    References:
        Watanabe, Bansal & Hutter 2023, PED-ANOVA: Efficiently Quantifying Hyperparameter
        Importance in Arbitrary Subspaces.

    >>> [table.empty for table in measure_importances(search_plan, search_record)]
    [True, True]
    """
    table = tabulate_search(record)
    if not record.proposals:
        return table, pd.DataFrame(columns=COLUMNS)
    shared = [each.name for each in plan.factors if each.of_program]
    groups: dict[str, list[Proposal]] = {}
    for each in record.proposals:
        apart = each.number if plan.draws_apart else None
        key = repr((each.batch, apart, [each.values.get(name) for name in shared]))
        groups.setdefault(key, []).append(each)
    trials = _trials(plan, record)
    found = _importances(list(trials.values()))
    random, clusters = np.random.default_rng(plan.settings.seed), list(groups.values())
    drawn = []
    for _ in range(resamples if len(clusters) >= FEWEST_GROUPS else 0):
        chosen = random.integers(len(clusters), size=len(clusters))
        drawn.append(_importances([trials[p.number] for at in chosen for p in clusters[at]]))
    tail = 100 * (1 - CONFIDENCE) / 2
    rows = []
    for name, importance in sorted(found.items(), key=lambda each: -each[1]):
        own = [each.get(name, 0.0) for each in drawn] or [np.nan]
        low, high = np.percentile(own, [tail, 100 - tail])
        rows.append((name, importance, low, high, len(clusters)))
    return table, pd.DataFrame(rows, columns=COLUMNS)


def _trials(plan: SearchPlan, record: SearchRecord) -> dict[int, "optuna.trial.FrozenTrial"]:
    """Each proposal as Optuna knows it, with its place in the search's ranking as its value."""
    distributions = {each.name: distribution_of(each) for each in plan.factors}
    return {
        each.number: optuna.trial.create_trial(
            params=dict(each.values),
            distributions={name: distributions[name] for name in each.values},
            value=float(place),
        )
        for place, each in enumerate(record.ranked)
    }


def _importances(trials: Sequence["optuna.trial.FrozenTrial"]) -> dict[str, float]:
    """The share of each factor; nothing where no factor has more than one value."""
    with quietly():
        study = optuna.create_study(direction="minimize")
        study.add_trials(trials)
        varied = {n for each in trials for n, d in each.distributions.items() if not d.single()}
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        own = evaluator.evaluate(study, params=sorted(varied))
    total = sum(own.values())
    return {name: value / total if total else 0.0 for name, value in own.items()}
