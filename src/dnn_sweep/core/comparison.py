"""What a leaderboard's evidence supports, for machines and in plain sentences."""

from typing import Any

import pandas as pd

from dnn_sweep.core.leaderboard import ScoredSweep
from dnn_sweep.core.paired_tests import pairs_among, seeds_needed, smallest_p
from dnn_sweep.core.wording import count, format_value
from dnn_sweep.parameters import EvaluationParameters


def describe_comparison(
    sweep: ScoredSweep, leaderboard: pd.DataFrame, evaluation: EvaluationParameters
) -> dict[str, Any]:
    """Say what was compared, on how much evidence, and what follows from it.

    Args:
        sweep: The scored combinations.
        leaderboard: Their ranking.
        evaluation: Confidence, margin, rule of the champion.

    Returns:
        ``metric``, ``combinations``, ``comparisons`` (the pairs that were allowed for), ``seeds``,
        ``rows``, ``confidence``, ``resamples``; ``margin`` (``given``, and ``value`` in the
        metric's unit), ``best``, ``tied_with_best`` (names, without the best), ``first_worse``
        (the first that is not tied, or none); of the exact test ``smallest_p`` before and
        ``smallest_p_holm`` after correction, ``seeds_needed`` and ``seeds_suffice``;
        ``champion_rule``; and ``sentences`` that can be printed as they are.
    """
    combinations, seeds, rows = sweep.scores.shape
    comparisons, alpha = pairs_among(combinations), 1 - evaluation.confidence
    best, others = leaderboard.iloc[0], leaderboard.iloc[1:]
    tied = others["tied_with_best"].astype(bool)
    worse = others.loc[~tied, "combination"]
    corrected = min(1.0, smallest_p(seeds) * max(comparisons, 1))
    record: dict[str, Any] = {
        "metric": sweep.objective.validation_metric,
        "combinations": combinations,
        "comparisons": comparisons,
        "seeds": list(sweep.seeds),
        "rows": rows,
        "confidence": evaluation.confidence,
        "resamples": evaluation.resamples,
        "margin": {"given": evaluation.equivalence_margin, "value": sweep.margin(evaluation)},
        "best": str(best["combination"]),
        "tied_with_best": [
            str(name) for name in others.loc[others["tied_with_best"], "combination"]
        ],
        "first_worse": str(worse.iloc[0]) if len(worse) else None,
        "smallest_p": smallest_p(seeds),
        "smallest_p_holm": corrected,
        "seeds_needed": seeds_needed(combinations, alpha),
        "seeds_suffice": corrected <= alpha,
        "champion_rule": evaluation.champion,
    }
    sentences = [_compared(record)]
    if combinations > 1:
        sentences += [_tied(record), _stable(record, best), _tested(record)]
    return record | {"sentences": [*sentences, *_cautions(record), _chosen(record)]}


def _compared(record: dict[str, Any]) -> str:
    combinations = count(record["combinations"], "combination")
    seeds, rows = count(len(record["seeds"]), "seed"), count(record["rows"], "validation row")
    return f"{combinations} with {seeds} each, all scored on the same {rows}."


def _tied(record: dict[str, Any]) -> str:
    tied, others = len(record["tied_with_best"]), record["combinations"] - 1
    margin = record["margin"]["value"]
    beyond = f" by more than {format_value(margin)} in {record['metric']}" if margin else ""
    level = (
        f"({record['confidence']:.0%} for all {count(record['comparisons'], 'pair')} together)"
        if record["comparisons"] > 1
        else f"({record['confidence']:.0%})"
    )
    if tied == others:
        whom = "None of the others" if others > 1 else "The other one"
        verb = "is shown" if others > 1 else "is not shown"
        return f"{whom} {verb} to be worse than {record['best']}{beyond} {level}."
    told = f"{others - tied} of the {others} others" if others > 1 else "The other one"
    verb = "are" if others - tied > 1 else "is"
    return (
        f"{told} {verb} shown to be worse than {record['best']}{beyond} {level}; "
        f"{tied or 'none'} cannot be told apart from it."
    )


def _stable(record: dict[str, Any], best: "pd.Series[Any]") -> str:
    drawn = "seeds and rows are" if len(record["seeds"]) > 1 else "rows are"
    return (
        f"When {drawn} drawn again, {record['best']} is first in {best['share_first']:.0%} of "
        f"{record['resamples']:,} resamples, and its rank lies between {best['rank_low']} and "
        f"{best['rank_high']} in {record['confidence']:.0%} of them."
    )


def _tested(record: dict[str, Any]) -> str:
    seeds, needed = len(record["seeds"]), record["seeds_needed"]
    if record["seeds_suffice"]:
        return (
            f"The exact sign-flip test over {count(seeds, 'seed')} can tell combinations apart: "
            f"its smallest p-value is {record['smallest_p_holm']:.2g} after Holm's correction."
        )
    corrected = (
        f" ({record['smallest_p_holm']:.2g} after Holm's correction for "
        f"{record['comparisons']} pairs)"
        if record["comparisons"] > 1
        else ""
    )
    return (
        f"An exact test over {count(seeds, 'seed')} makes no claim here: its p-value cannot go "
        f"below {record['smallest_p']:.4g}{corrected}; {needed} seeds would do."
    )


def _cautions(record: dict[str, Any]) -> list[str]:
    """What the intervals leave out."""
    if len(record["seeds"]) == 1:
        return [
            "With one seed the intervals tell of the validation rows alone: they compare these "
            "trained networks, and another seed may reorder the table."
        ]
    if len(record["seeds"]) == 2:
        return ["Two seeds say little about seeds: the intervals may still be too narrow."]
    return []


def _chosen(record: dict[str, Any]) -> str:
    if record["champion_rule"] == "best":
        return f"The champion is the best by {record['metric']}."
    return (
        "The champion is the one that trains fastest among the best and those tied with it "
        "that never diverged."
    )
