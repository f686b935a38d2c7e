"""Which networks need not be kept: those of combinations that are far from the best."""

import pandas as pd

from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.parameters import SweepParameters


def choose_spare_networks(
    leaderboard: pd.DataFrame, finals: TrialPlan, served: TrialPlan, sweep: SweepParameters
) -> TrialPlan:
    """List the trials whose networks are let go: neither served nor of the best combinations.

    Their histories, outputs and measurements stay, so nothing is lost of what was found out. Where
    such a network is needed after all, it is trained again.

    Args:
        leaderboard: The combinations, best first.
        finals: The trials that it ranks.
        served: The trials whose networks are served.
        sweep: ``keep_networks`` is the number of combinations whose networks stay.

    >>> one = SweepParameters(keep_networks=1)
    >>> spare = choose_spare_networks(leaderboard, finals_plan, served_plan, one)
    >>> {trial.combination for trial in spare.trials}
    {'relu + sgd'}
    """
    if sweep.keep_networks is None:
        return TrialPlan(trials=())
    best = set(combinations_of(leaderboard)["combination"].head(sweep.keep_networks))
    # Combinations at the same rate may be the same trials under several names.
    kept = {trial.id for trial in finals.trials if trial.combination in best}
    kept |= {trial.id for trial in served.trials}
    return TrialPlan(trials=tuple(trial for trial in finals.trials if trial.id not in kept))
