"""What a leaderboard's evidence supports, for machines and in plain sentences."""

from typing import Any

import pandas as pd

from dnn_sweep.core.comparison.paired_tests import pairs_among, seeds_needed, smallest_p
from dnn_sweep.core.comparison.record import Comparison, Margin
from dnn_sweep.core.comparison.scores import ScoredSweep
from dnn_sweep.core.formatting import count, format_value
from dnn_sweep.parameters import EvaluationParameters

SCATTERED = 3  # times the usual half-width of a difference


def describe_comparison(
    sweep: ScoredSweep, leaderboard: pd.DataFrame, evaluation: EvaluationParameters
) -> Comparison:
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
        ``champion_rule``; and ``sentences`` that can be printed as they are, first the one that
        says who is told apart from the best.
    """
    combinations, seeds, rows = sweep.scores.shape
    comparisons, alpha = pairs_among(combinations), 1 - evaluation.confidence
    best, others = leaderboard.iloc[0], leaderboard.iloc[1:]
    tied = others["tied_with_best"].astype(bool)
    worse = others.loc[~tied, "combination"]
    corrected = min(1.0, smallest_p(seeds) * max(comparisons, 1))
    record = Comparison(
        metric=sweep.objective.validation_metric,
        combinations=combinations,
        comparisons=comparisons,
        seeds=tuple(sweep.seeds),
        rows=rows,
        confidence=evaluation.confidence,
        resamples=evaluation.resamples,
        margin=Margin(given=evaluation.equivalence_margin, value=sweep.margin(evaluation)),
        best=str(best["combination"]),
        tied_with_best=tuple(
            str(name) for name in others.loc[others["tied_with_best"], "combination"]
        ),
        first_worse=str(worse.iloc[0]) if len(worse) else None,
        smallest_p=smallest_p(seeds),
        smallest_p_holm=corrected,
        seeds_needed=seeds_needed(combinations, alpha),
        seeds_suffice=corrected <= alpha,
        champion_rule=evaluation.champion,
    )
    answer = _tied(record) if combinations > 1 else _alone(record)
    sentences = [_compared(record)]
    if combinations > 1:
        scattered = _scattered(leaderboard) if seeds > 1 else []
        sentences += [*scattered, _stable(record, best), _tested(record)]
    told = (answer, *sentences, *_cautions(record), _chosen(record))
    return record.model_copy(update={"sentences": told})


def _alone(record: Comparison) -> str:
    return f"{record.best} was compared with no other combination."


def _compared(record: Comparison) -> str:
    combinations = count(record.combinations, "combination")
    seeds, rows = count(len(record.seeds), "seed"), count(record.rows, "validation row")
    return f"{combinations} with {seeds} each, all scored on the same {rows}."


def _tied(record: Comparison) -> str:
    best, tied = record.best, len(record.tied_with_best)
    others = record.combinations - 1
    worse = others - tied
    margin = record.margin.value
    beyond = f" by more than {format_value(margin)} in {record.metric}" if margin else ""
    level = (
        f"({record.confidence:.0%} for all {count(record.comparisons, 'pair')} together)"
        if record.comparisons > 1
        else f"({record.confidence:.0%})"
    )
    if len(record.seeds) == 1:
        if not worse:
            whom = "none of the other networks" if others > 1 else "the other network"
            told = f"{whom} is {'' if others > 1 else 'not '}shown to be worse than {best}'s"
        else:
            whom = _all_of(others) if worse == others else f"{worse} of the {others} others"
            told = f"{best}'s network is shown to be better{beyond} than {whom}"
        return (
            f"On these rows {told} {level}. With one seed that is about these trained networks "
            "alone: how much another seed changes was not measured, and it may reorder the table."
        )
    if not worse:
        whom = "None of the others is" if others > 1 else "The other one is not"
        return f"{whom} shown to be worse than {best}{beyond} {level}."
    if not tied:
        return f"{best} is shown to be better{beyond} than {_all_of(others)} {level}."
    return (
        f"{tied} of the {others} others cannot be told apart from {best}; {worse} "
        f"{'are' if worse > 1 else 'is'} shown to be worse{beyond} {level}."
    )


def _all_of(others: int) -> str:
    return f"each of the {others} others" if others > 1 else "the other one"


def _scattered(leaderboard: pd.DataFrame) -> list[str]:
    """Who is tied with the best only because nothing much is known of it."""
    tied = leaderboard.iloc[1:][leaderboard["tied_with_best"].iloc[1:].astype(bool)]
    half = (tied["difference_ci_high"] - tied["difference_ci_low"]) / 2
    wide = tied.loc[half > SCATTERED * half.median(), "combination"]
    if wide.empty:
        return []
    return [
        f"Tied for want of evidence: {', '.join(map(str, wide))}. There seeds differ so much that "
        f"the interval of the difference is more than {SCATTERED} times as wide as is usual."
    ]


def _stable(record: Comparison, best: "pd.Series[Any]") -> str:
    drawn = "seeds and rows are" if len(record.seeds) > 1 else "rows are"
    low, high = best["rank_low"], best["rank_high"]
    rank = f"is {low}" if low == high else f"lies between {low} and {high}"
    return (
        f"When {drawn} drawn again, {record.best} is first in {best['share_first']:.0%} of "
        f"{record.resamples:,} resamples, and its rank {rank} in {record.confidence:.0%} "
        "of them."
    )


def _tested(record: Comparison) -> str:
    seeds, needed = len(record.seeds), record.seeds_needed
    if seeds == 1:
        return f"An exact test over seeds takes several of them: {needed} would do."
    if record.seeds_suffice:
        return (
            f"The exact sign-flip test over {count(seeds, 'seed')} can tell combinations apart: "
            f"its smallest p-value is {record.smallest_p_holm:.2g} after Holm's correction."
        )
    corrected = (
        f" ({record.smallest_p_holm:.2g} after Holm's correction for {record.comparisons} pairs)"
        if record.comparisons > 1
        else ""
    )
    return (
        f"An exact test over {count(seeds, 'seed')} makes no claim here: its p-value cannot go "
        f"below {record.smallest_p:.4g}{corrected}; {needed} seeds would do."
    )


def _cautions(record: Comparison) -> list[str]:
    """What the intervals leave out."""
    if len(record.seeds) == 2:
        return ["Two seeds say little about seeds: the intervals may still be too narrow."]
    return []


def _chosen(record: Comparison) -> str:
    if record.champion_rule == "best":
        return f"The champion is the best by {record.metric}."
    return (
        "The champion is the one that trains fastest among the best and those tied with it "
        "that never diverged."
    )
