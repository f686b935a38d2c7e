"""Which combinations did not train well, in a sentence."""

import pandas as pd

from dnn_sweep.core.diagnosis.verdicts import HEALTHY
from dnn_sweep.core.formatting import count

NAMED = 2  # combinations of each verdict


def describe_failures(verdicts: pd.DataFrame, leaderboard: pd.DataFrame) -> str:
    """Say how many combinations did not train well, and why; empty where all did.

    Args:
        verdicts: ``combination`` and ``verdict``.
        leaderboard: Has each combination's ``activation``.

    >>> print(describe_failures(verdicts, leaderboard))
    1 of 2 combinations did not train well: learning rate too low (relu + sgd).
    """
    ill = verdicts[verdicts["verdict"] != HEALTHY]
    if ill.empty:
        return ""
    activations = leaderboard.set_index("combination")["activation"]
    reasons = [
        f"{verdict} ({_listed(names.map(str).tolist(), activations)})"
        for verdict, names in ill.groupby("verdict", sort=False)["combination"]
    ]
    return (
        f"{len(ill)} of {count(len(verdicts), 'combination')} did not train well: "
        f"{'; '.join(reasons)}."
    )


def _listed(names: list[str], activations: pd.Series) -> str:
    """Name a few, and an activation instead of its combinations if all of them are meant."""
    named: list[str] = []
    for activation, own in activations.groupby(activations, sort=False):
        if len(own) > 1 and set(own.index) <= set(names):
            named.append(f"all {len(own)} with {activation}")
            names = [name for name in names if name not in own.index]
    few = [*named, *names[:NAMED]]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(few)}{more}"
