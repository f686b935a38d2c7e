"""Time to target: how long each combination takes to become good enough."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.formatting import format_value, percent
from dnn_sweep.core.objectives import Objective

# Not its id: combinations with equal content share their trials.
TRIAL = ["combination", "seed"]
# Which share of the best combination's figure is good enough; an error is divided by it.
SHARE_OF_BEST = {"max": 0.98, "min": 0.9}


def trial_key(table: pd.DataFrame) -> list[str]:
    """Columns that identify a trial in a table: with folds, there is one per seed and fold."""
    return [*TRIAL, "fold"] if "fold" in table else TRIAL


@dataclass(frozen=True)
class Target:
    """The validation figure that counts as good enough."""

    value: float  # in the objective's unit
    rule: str  # where it comes from, in words

    def describe(self, objective: Objective) -> str:
        """Write such as ``validation accuracy 0.9604 (98 % of the best combination's)``."""
        return f"validation {objective.label} {format_value(self.value)} ({self.rule})"


def default_target(histories: pd.DataFrame, objective: Objective) -> Target:
    """98 % of the best combination's accuracy, or its mean absolute error over 0.9.

    A combination's figure is the mean over its seeds of the best epoch's.
    """
    reached = histories[objective.validation_metric].replace([np.inf, -np.inf], np.nan)
    per_trial = (objective.sign * reached).groupby(
        [histories[name] for name in trial_key(histories)]
    )
    best = objective.sign * float(per_trial.max().groupby("combination").mean().max())
    share = SHARE_OF_BEST[objective.mode]
    if objective.mode == "max":
        return Target(share * best, f"{percent(share)} of the best combination's")
    return Target(best / share, f"{percent(1 / share - 1)} above the best one's")


def time_to_target(
    histories: pd.DataFrame, objective: Objective, training_rows: int, target: float
) -> pd.DataFrame:
    """Find for every trial when its validation figure first reached the target.

    A trial that diverged never reached it, even if it did before.

    Returns:
        One row per trial, in the order of the histories: ``combination``, ``activation``,
        ``optimizer``, ``seed`` (with folds also ``fold``), ``target``, ``reached``, and
        ``epochs``, ``steps`` (of the optimizer) and ``seconds`` of training until then, infinite
        where it was not reached.
    """
    key = trial_key(histories)
    ordered = histories.sort_values("epoch", kind="stable")
    ordered = ordered.assign(so_far=ordered.groupby(key)["seconds"].cumsum())
    good = objective.sign * ordered[objective.validation_metric] >= objective.sign * target
    first = ordered[good & ordered["status"].ne("diverged")].drop_duplicates(key)
    trials = histories.drop_duplicates(key).set_index(key, drop=False)
    found = first.set_index(key).reindex(trials.index)
    epochs = found["epoch"].astype(float).fillna(np.inf)
    times = trials[["combination", "activation", "optimizer", *key[1:]]].assign(
        target=target,
        reached=np.isfinite(epochs),
        epochs=epochs,
        steps=epochs * np.ceil(training_rows / trials["batch_size"]),
        seconds=found["so_far"].fillna(np.inf),
    )
    return times.reset_index(drop=True)


def summarize_times(times: pd.DataFrame) -> pd.DataFrame:
    """Summarize the times of :func:`time_to_target` by combination, the fastest first.

    Returns:
        ``combination``, ``seeds``, ``reached`` (how many of them), and the medians ``epochs``,
        ``steps`` and ``seconds`` over all seeds, infinite where half of them or more never
        reached the target.
    """
    medians = {name: (name, "median") for name in ("epochs", "steps", "seconds")}
    summary = times.groupby("combination", sort=False).agg(
        seeds=("seed", "size"), reached=("reached", "sum"), **medians
    )
    by = ["seconds", "reached"]
    return summary.sort_values(by, ascending=[True, False], kind="stable").reset_index()


@dataclass(frozen=True)
class Profile:
    """One combination's performance profile: a step function that starts at ``factors[0]``."""

    combination: str
    factors: NDArray[np.float64]  # multiples of the fastest time, rising from 1
    shares: NDArray[np.float64]  # share of seeds within each factor


def performance_profiles(times: pd.DataFrame) -> list[Profile]:
    """Compare the epochs of :func:`time_to_target` with the fastest combination's on the same seed.

    A seed poses the same problem to all: the same initial weights where shapes allow, the same
    order of rows. A seed on which no combination reached the target stays in the denominator.

    Returns:
        One profile per combination, the largest area first. Each ends at the largest factor of
        all, where it is level.

    >>> times = pd.DataFrame({"combination": list("aabb"), "seed": [0, 1, 0, 1]})
    >>> times["epochs"] = [1.0, 6.0, 2.0, 2.0]
    >>> [(each.combination, each.shares.tolist()) for each in performance_profiles(times)]
    [('b', [0.5, 1.0, 1.0]), ('a', [0.5, 1.0, 1.0])]

    References:
        Dolan & Moré 2002, Benchmarking optimization software with performance profiles;
        Dahl et al. 2023, Benchmarking Neural Network Training Algorithms (AlgoPerf).
    """
    problem = trial_key(times)[1:]
    epochs, fastest = times["epochs"], times.groupby(problem)["epochs"].transform("min")
    # Where no combination reached the target, infinity over infinity is no ratio.
    factors = (epochs / fastest).where(np.isfinite(epochs), np.inf)
    last = max([2.0, *factors[np.isfinite(factors)]])
    profiles = []
    for name, of_combination in factors.groupby(times["combination"], sort=False):
        own = of_combination.to_numpy()
        steps = np.append(np.unique([1.0, *own[np.isfinite(own)]]), last)
        profiles.append(Profile(str(name), steps, (own <= steps[:, np.newaxis]).mean(axis=1)))
    return sorted(profiles, key=_area, reverse=True)


def _area(profile: Profile) -> float:
    """Area under a profile, over the factor's logarithm."""
    return float(np.sum(np.diff(np.log(profile.factors)) * profile.shares[:-1]))
