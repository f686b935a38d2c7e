"""The networks that a search has found, for the report."""

import pandas as pd

from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.networks.build import summarize_network
from dnn_sweep.core.plan.trial import TrialPlan


def summarize_finalists(
    search: pd.DataFrame, finals_plan: TrialPlan, leaderboard: pd.DataFrame
) -> dict[str, str]:
    """Describe the networks of a search's finalists layer by layer.

    Args:
        search: One row per proposal; none without a search.
        finals_plan: The trials of the finals.
        leaderboard: One row per combination and baseline, best first.

    Returns:
        The descriptions by combination, in the order of the leaderboard; none without a search,
        whose networks are those of the plan.

    >>> summarize_finalists(pd.DataFrame(), finals_plan, leaderboard)
    {}
    """
    if search.empty:
        return {}
    networks = {trial.combination: trial.network for trial in finals_plan.trials}
    ranked = combinations_of(leaderboard)["combination"]
    return {name: summarize_network(networks[name]) for name in ranked}
