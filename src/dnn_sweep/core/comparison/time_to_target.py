"""How long each combination takes to become good enough: time as a result."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.formatting import format_value
from dnn_sweep.core.objectives import Objective

Unit = Literal["epochs", "steps", "seconds"]

# Not its id: combinations with equal content share their trials.
TRIAL = ["combination", "seed"]
# What share of the best combination's figure is good enough. An error is divided by it.
SHARE_OF_BEST = {"max": 0.98, "min": 0.9}


@dataclass(frozen=True)
class Target:
    """The validation figure that counts as good enough.

    Args:
        value: In the objective's unit.
        rule: Where it comes from, in words; empty where the user chose it.
    """

    value: float
    rule: str = ""

    def describe(self, objective: Objective) -> str:
        """Write such as ``validation accuracy 0.9604 (98 % of the best combination's)``."""
        words = f"validation {objective.label} {format_value(self.value)}"
        return f"{words} ({self.rule})" if self.rule else words


def default_target(histories: pd.DataFrame, objective: Objective) -> Target:
    """Take a share of what the best combination reaches, so that a target exists for any data.

    Args:
        histories: One row a trial and epoch.
        objective: Which metric is meant.

    Returns:
        98 % of the best combination's accuracy, or its mean absolute error over 0.9. A
        combination's figure is the mean over its seeds of the best epoch's.
    """
    reached = histories[objective.validation_metric].replace([np.inf, -np.inf], np.nan)
    per_trial = (objective.sign * reached).groupby([histories[name] for name in TRIAL])
    best = objective.sign * float(per_trial.max().groupby("combination").mean().max())
    share = SHARE_OF_BEST[objective.mode]
    if objective.mode == "max":
        return Target(share * best, f"{share:.0%}".replace("%", " % of the best combination's"))
    return Target(best / share, f"{1 / share - 1:.0%}".replace("%", " % above the best one's"))


def time_to_target(
    histories: pd.DataFrame,
    objective: Objective,
    training_rows: int,
    target: float,
) -> pd.DataFrame:
    """Find for every trial when its validation figure first reached the target.

    A trial that diverged counts as one that never got there, also if it did before.

    Args:
        histories: One row a trial and epoch, ``seconds`` being those of the epoch.
        objective: Which metric is meant.
        training_rows: How many rows an epoch has.
        target: The validation figure to reach, in the objective's unit.

    Returns:
        One row a trial, in the order of the histories: ``combination``, ``activation``,
        ``optimizer``, ``seed``, ``target``, ``reached``, and ``epochs``, ``steps`` (updates by
        the optimizer) and ``seconds`` of training until then, infinite where it was not reached.
    """
    ordered = histories.sort_values("epoch", kind="stable")
    ordered = ordered.assign(so_far=ordered.groupby(TRIAL)["seconds"].cumsum())
    good = objective.sign * ordered[objective.validation_metric] >= objective.sign * target
    first = ordered[good & ordered["status"].ne("diverged")].drop_duplicates(TRIAL)
    trials = histories.drop_duplicates(TRIAL).set_index(TRIAL, drop=False)
    found = first.set_index(TRIAL).reindex(trials.index)
    epochs = found["epoch"].astype(float).fillna(np.inf)
    # The last batch of an epoch may be smaller, and is a step, too.
    steps = np.ceil(training_rows / trials["batch_size"])
    return (
        trials[["combination", "activation", "optimizer", "seed"]]
        .assign(
            target=target,
            reached=np.isfinite(epochs),
            epochs=epochs,
            steps=epochs * steps,
            seconds=found["so_far"].fillna(np.inf),
        )
        .reset_index(drop=True)
    )


def summarize_times(times: pd.DataFrame) -> pd.DataFrame:
    """Put the trials of each combination together.

    Args:
        times: From `time_to_target`.

    Returns:
        One row a combination, fastest first: ``combination``, ``seeds``, ``reached`` (how many
        of them), and the medians ``epochs``, ``steps`` and ``seconds`` over all seeds, infinite
        where half of the seeds or more never got there.
    """
    grouped = times.groupby("combination", sort=False)
    summary = grouped.agg(
        seeds=("seed", "size"),
        reached=("reached", "sum"),
        epochs=("epochs", "median"),
        steps=("steps", "median"),
        seconds=("seconds", "median"),
    )
    order = summary.assign(missed=-summary["reached"]).sort_values(
        ["seconds", "missed"], kind="stable"
    )
    return summary.loc[order.index].reset_index()


@dataclass(frozen=True)
class Profile:
    """One combination's performance profile: a step function that starts at ``factors[0]``.

    Args:
        combination: Its name.
        factors: Times as long as the fastest, rising from 1, shape ``(steps,)``.
        shares: Share of seeds within that factor, shape ``(steps,)``.
    """

    combination: str
    factors: NDArray[np.float64]
    shares: NDArray[np.float64]


def performance_profiles(times: pd.DataFrame, unit: Unit = "epochs") -> list[Profile]:
    """Compare each trial with the fastest combination on the same seed.

    A seed is one problem, posed to all alike: the same initial weights where shapes allow, the
    same order of rows. A seed on which nobody reached the target stays in the denominator.

    Args:
        times: From `time_to_target`.
        unit: Which time is compared.

    Returns:
        A profile a combination, the largest area under it (over the factor's logarithm) first.
        Each ends at the largest factor of all, where it is level.

    References:
        Dolan & Moré 2002, Benchmarking optimization software with performance profiles.
        Dahl et al. 2023, Benchmarking Neural Network Training Algorithms (AlgoPerf).
    """
    fastest = times.groupby("seed")[unit].transform("min")
    # Two infinities make no ratio: nobody solved that seed.
    factors = (times[unit] / fastest).where(np.isfinite(times[unit]), np.inf)
    finite = factors[np.isfinite(factors)]
    last = max(2.0, float(finite.max())) if len(finite) else 2.0
    profiles = []
    for name, of_seeds in factors.groupby(times["combination"], sort=False):
        reached, counts = np.unique(of_seeds[np.isfinite(of_seeds)], return_counts=True)
        steps, shares = [1.0], [0.0]
        for factor, many in zip(reached, np.cumsum(counts) / len(of_seeds), strict=True):
            if factor == 1.0:
                shares[0] = float(many)
            else:
                steps.append(float(factor))
                shares.append(float(many))
        profiles.append(
            Profile(str(name), np.array([*steps, last]), np.array([*shares, shares[-1]]))
        )
    return sorted(profiles, key=_area, reverse=True)


def _area(profile: Profile) -> float:
    return float(np.sum(np.diff(np.log(profile.factors)) * profile.shares[:-1]))
