"""What a reader must know of a champion before anything that speaks for it."""

from collections.abc import Iterator

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import count, format_value

MOST_NAMED = 5


def warn_of_champion(
    champion: Champion, leaderboard: pd.DataFrame, class_report: pd.DataFrame
) -> tuple[str, ...]:
    """Warn, in sentences, of classes that are never recognised and of better baselines.

    Args:
        champion: Its record.
        leaderboard: Combinations and baselines.
        class_report: Of the test set; ``class``, ``recall`` and ``support`` count.

    >>> networks = leaderboard[leaderboard["kind"] == "combination"]
    >>> warn_of_champion(champion, networks, class_report)
    ()
    """
    return (*_never_recognised(champion, class_report), *_not_beaten(champion, leaderboard))


def unrecognised_classes(class_report: pd.DataFrame) -> pd.DataFrame:
    """The rows of the classes that occur in the test set and of which no row was recognised."""
    return class_report[(class_report["support"] > 0) & (class_report["recall"] == 0)]


def _never_recognised(champion: Champion, class_report: pd.DataFrame) -> Iterator[str]:
    found = unrecognised_classes(class_report)
    for name, rows in found[["class", "support"]].head(MOST_NAMED).to_numpy():
        yield (
            f"{champion.name} has a recall of 0 for class {name!r}: it recognises none of "
            f"its {count(int(rows), 'test row')}."
        )
    if (more := len(found) - MOST_NAMED) > 0:
        yield f"So it is with {more} more."


def _not_beaten(champion: Champion, leaderboard: pd.DataFrame) -> Iterator[str]:
    if champion.served.baseline:
        return
    column, sign = f"{champion.objective}_mean", champion.metric.sign
    own = leaderboard.loc[leaderboard["combination"] == champion.combination, column].iloc[0]
    baselines = leaderboard[leaderboard["kind"] == "baseline"]
    better = baselines[sign * (baselines[column] - own) >= 0]
    if len(better):
        listed = ", ".join(
            f"{name} ({format_value(score)})"
            for name, score in better[["combination", column]].to_numpy()
        )
        several = "baselines" if len(better) > 1 else "baseline"
        yield (
            f"{champion.combination} does not beat the {several} {listed}: its {champion.objective}"
            f" is {format_value(own)}."
        )
