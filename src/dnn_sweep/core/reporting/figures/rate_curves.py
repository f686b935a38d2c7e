"""What the screening saw of each combination, and what it spent."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.formatting import TIMES, count
from dnn_sweep.core.objectives import Objective


@dataclass(frozen=True)
class RateCurve:
    """One combination over the learning rates that were tried.

    Args:
        combination: Its name.
        activation: The grid's activation, which gives the colour.
        optimizer: The grid's optimizer, which gives the panel.
        rates: Rising, shape ``(rates,)``.
        values: The validation objective, mean over the screening's seeds, likewise; NaN where
            every trial diverged.
        chosen: The place of the rate that went into the finals.
        edge: The edge of ``rates`` it lies on: empty, ``low`` or ``high``.
    """

    combination: str
    activation: str
    optimizer: str
    rates: NDArray[np.float64]
    values: NDArray[np.float64]
    chosen: int | None
    edge: str


def rate_curves(screening: pd.DataFrame, objective: Objective) -> list[RateCurve]:
    """Average the screening over its seeds.

    Args:
        screening: One row a screened trial.
        objective: Which metric is shown.

    Returns:
        A curve a combination, in the order of the table.
    """
    metric = objective.validation_metric
    kept = screening[metric].where(~screening["diverged"].astype(bool))
    table = screening.assign(value=kept.replace([np.inf, -np.inf], np.nan))
    curves = []
    for name, rows in table.groupby("combination", sort=False):
        by_rate = rows.groupby("learning_rate", sort=True).agg(
            value=("value", "mean"), chosen=("chosen", "any")
        )
        places = np.flatnonzero(by_rate["chosen"].to_numpy(dtype=bool))
        edges = rows.loc[rows["chosen"].astype(bool), "edge"].fillna("")
        curves.append(
            RateCurve(
                combination=str(name),
                activation=str(rows["activation"].iloc[0]),
                optimizer=str(rows["optimizer"].iloc[0]),
                rates=by_rate.index.to_numpy(dtype=np.float64),
                values=by_rate["value"].to_numpy(dtype=np.float64),
                chosen=int(places[0]) if len(places) else None,
                edge=str(edges.iloc[0]) if len(edges) else "",
            )
        )
    return curves


def describe_screening(screening: pd.DataFrame) -> str:
    """Write what the screening spent, such as 3 rates a combination by 1 seed by 10 epochs.

    Args:
        screening: One row a screened trial.
    """
    rates = screening.groupby("combination")["learning_rate"].nunique()
    epochs = screening["epochs"]
    # Who stopped earlier, diverged or not, had as many to spend.
    fewer = "up to " if epochs.min() < epochs.max() else ""
    spans = [
        format_span(int(rates.min()), int(rates.max()), "learning rate") + " a combination",
        count(int(screening["seed"].nunique()), "seed"),
        fewer + count(int(epochs.max()), "epoch"),
    ]
    trials = count(len(screening), "trial")
    return f"screening: {f' {TIMES} '.join(spans)}, {trials} in all"


def describe_rates(leaderboard: pd.DataFrame, screening: pd.DataFrame | None) -> str:
    """Say which learning rates were tried: a claim about an optimizer rests on that.

    Args:
        leaderboard: One row a combination.
        screening: One row a screened trial; ``None``, or no rows, where rates were fixed.

    Returns:
        Such as ``screening: 3 learning rates a combination by 1 seed by 10 epochs``.
    """
    if screening is None or screening.empty:
        return "one learning rate for each combination, set beforehand and not searched for"
    words = describe_screening(screening)
    chosen = screening[screening["chosen"].astype(bool)]
    edges = chosen.loc[chosen["edge"].fillna("").ne(""), "combination"].nunique()
    if edges:
        words += (
            f"; the best rate of {edges} of {count(len(leaderboard), 'combination')} lies on the "
            "edge of what was tried"
        )
    return words


def format_span(least: int, most: int, noun: str) -> str:
    """Write ``3 epochs`` or ``3 to 5 epochs``."""
    return count(most, noun) if least == most else f"{least} to {count(most, noun)}"
