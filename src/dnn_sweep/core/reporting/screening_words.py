"""What the screening tried and what it cost, in words."""

import pandas as pd

from dnn_sweep.core.formatting import TIMES, count


def describe_screening(screening: pd.DataFrame) -> str:
    """Describe what the screening trained.

    Args:
        screening: One row per screened trial.

    Example:
        >>> row = {"combination": "relu + adam", "learning_rate": 0.1, "seed": 7, "epochs": 3}
        >>> describe_screening(pd.DataFrame([row, row | {"learning_rate": 0.01}]))
        'screening: 2 learning rates per combination × 1 seed × 3 epochs, 2 trials in all'
    """
    rates = screening.groupby("combination")["learning_rate"].nunique()
    least, most = int(rates.min()), int(rates.max())
    at_least = f"{least} to " if least < most else ""
    epochs = screening["epochs"]
    # A trial that stopped earlier, diverged or not, had as many to spend.
    fewer = "up to " if epochs.min() < epochs.max() else ""
    spans = [
        f"{at_least}{count(most, 'learning rate')} per combination",
        count(int(screening["seed"].nunique()), "seed"),
        fewer + count(int(epochs.max()), "epoch"),
    ]
    return f"screening: {f' {TIMES} '.join(spans)}, {count(len(screening), 'trial')} in all"


def describe_rates(leaderboard: pd.DataFrame, screening: pd.DataFrame) -> str:
    """Describe the learning rates that were tried, on which claims about an optimizer rest.

    Args:
        leaderboard: One row per combination.
        screening: One row per screened trial; no rows where the rates were fixed.
    """
    if screening.empty:
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
