"""The leaderboard's evidence and what it supports, as figures and in sentences."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.against_baselines import answer_whether_it_pays
from dnn_sweep.core.comparison.holm import seeds_needed, smallest_p
from dnn_sweep.core.comparison.record import AgainstBaseline, Comparison, Margin
from dnn_sweep.core.comparison.scores import ScoredSweep
from dnn_sweep.core.comparison.separation import (
    describe_separation,
    estimate_separations,
    seeds_to_try,
)
from dnn_sweep.core.comparison.tied_set import pairs_among
from dnn_sweep.core.data.splitting import FEW_VALIDATION_ROWS
from dnn_sweep.core.formatting import count, format_value, percent
from dnn_sweep.parameters import EvaluationParameters

WIDE = 3  # times the median half-width of a difference's interval


def describe_comparison(
    sweep: ScoredSweep,
    leaderboard: pd.DataFrame,
    evaluation: EvaluationParameters,
    baselines: Sequence[AgainstBaseline] = (),
    *,
    folds: bool = False,
) -> Comparison:
    """Describe what was compared, on how much evidence, and what follows from it.

    The leaderboard has the combinations alone; ``folds`` says whether the rows are validated in
    folds.
    """
    combinations = len(sweep.scores)
    groups, rows = sweep.groups, sweep.validation_rows
    comparisons = pairs_among(combinations)
    names, tied = leaderboard["combination"].map(str), leaderboard["tied_with_best"]
    diverged = ~tied & (leaderboard["diverged"] > 0)
    dropped = ~tied & ~diverged & ~leaderboard["shown_worse"]
    answer = answer_whether_it_pays(baselines, names[0], sweep, evaluation)
    margin = sweep.margin(evaluation)
    places = {name: place for place, name in enumerate(sweep.combinations["combination"].map(str))}
    looks = sweep.looks(np.array([places[name] for name in names]))
    alpha = 1 - looks.confidence(evaluation.confidence)
    # Those that were not dropped: more seeds are theirs, and so is the exact test.
    last, seeds = looks.last, looks.last.shape[1]
    separations = estimate_separations(last, leaderboard[: len(last)], margin, groups or rows)
    corrected = min(1.0, smallest_p(seeds) * max(pairs_among(len(last)), 1) * looks.judging)
    record = Comparison(
        metric=sweep.objective.validation_metric,
        combinations=combinations,
        comparisons=comparisons,
        seeds=tuple(sweep.seeds),
        rows=rows,
        groups=groups,
        one_seed_per_fold=bool(np.isnan(last[0]).any()),
        confidence=evaluation.confidence,
        resamples=evaluation.resamples,
        margin=Margin(given=evaluation.equivalence_margin, value=margin),
        best=names[0],
        tied_with_best=tuple(names[tied][1:]),
        undecided=_undecided(leaderboard) if seeds > 1 else (),
        diverged=tuple(names[diverged]),
        dropped=tuple(names[dropped]),
        looks=len(looks.arrays),
        first_worse=next(iter(names[~tied & ~diverged & ~dropped]), None),
        smallest_p=smallest_p(seeds),
        smallest_p_holm=corrected,
        seeds_needed=seeds_needed(len(last), alpha),
        seeds_suffice=corrected <= 1 - evaluation.confidence,
        champion_rule=evaluation.champion,
        baselines=tuple(baselines),
        deep_network=answer and answer.verdict,
        reservation=answer and answer.reservation,
        separations=separations,
        next_seeds=seeds_to_try(separations, seeds, int(tied.sum())),
        to_decide=describe_separation(
            names[0],
            separations,
            seeds,
            groups or rows,
            len(last),
            int(tied.sum()),
            unit="group of validation rows" if groups else "validation row",
            folds=folds,
        ),
    )
    sentences = [*_sentences(record, leaderboard)]
    if answer:  # that no skill was learned matters more than which combination leads
        sentences.insert(0 if answer.verdict == "no_skill" else 1, answer.sentence)
    return record.model_copy(update={"sentences": tuple(sentences)})


def _sentences(record: Comparison, leaderboard: pd.DataFrame) -> Iterator[str]:
    combinations = count(record.combinations, "combination")
    seeds, rows = count(len(record.seeds), "seed"), count(record.rows, "validation row")
    grouped = f" in {count(record.groups, 'group')}" if record.groups else ""
    by_seed = ", each row by the network of one seed" if record.one_seed_per_fold else ""
    compared = f"{combinations} with {seeds} each, all scored on the same {rows}{grouped}{by_seed}."
    if (record.groups or record.rows) < FEW_VALIDATION_ROWS:
        units = "groups of validation rows" if record.groups else "validation rows"
        yield f"Fewer than {FEW_VALIDATION_ROWS} {units} tell hardly anything apart."
    if record.looks > 1:
        fewest = count(int(leaderboard["seeds"].min()), "seed")
        stayed = int((leaderboard["rounds"] == record.looks).sum())
        compared = (
            f"{combinations} with {fewest} or more, the {stayed} that stayed to the end with "
            f"{seeds}, all scored on the same {rows}{grouped}. A claim about one that was dropped "
            "rests on the seeds that it has, and allows for a look at the scores after every round."
        )
    if record.combinations == 1:
        yield from (f"{record.best} was compared with no other combination.", compared)
    else:
        one_seed = len(record.seeds) == 1
        if len(record.diverged) < record.combinations - 1:
            yield _answer_for_one_seed(record) if one_seed else _answer(record)
        yield compared
        yield from _diverged(record)
        yield from _dropped(record)
        yield from _too_few_seeds(record)
        yield from (_rank(record, leaderboard), _exact_test(record))
    if len(record.seeds) == 2:
        yield "Two seeds say little about seeds: the intervals may still be too narrow."
    if record.champion_rule == "best":
        yield f"The champion is the best by {record.metric}."
    else:
        yield (
            "The champion is the one that trains fastest among the best and those tied with it "
            "that never diverged."
        )


def _answer(record: Comparison) -> str:
    others, tied, open_ = _compared(record), len(record.tied), len(record.undecided)
    beyond, level = _beyond(record), _level(record)
    worse = others - tied - open_ - len(record.dropped)
    if record.dropped and worse:
        are = "are" if worse > 1 else "is"
        return (
            f"{worse} of the {others} others {are} shown to be worse than {record.best}{beyond} "
            f"{level}; {tied or 'none'} of those that stayed to the end cannot be told apart from "
            "it."
        )
    if not worse:
        subject = "None of the others is" if others > 1 else "The other one is not"
        return f"{subject} shown to be worse than {record.best}{beyond} {level}."
    if not tied and not open_:
        return f"{record.best} is shown to be better{beyond} than {_all_of(others)} {level}."
    are = "are" if worse > 1 else "is"
    undecided = f", {open_} {'are' if open_ > 1 else 'is'} undecided" if open_ else ""
    return (
        f"{tied or 'None'} of the {others} others cannot be told apart from {record.best}"
        f"{undecided}; {worse} {are} shown to be worse{beyond} {level}."
    )


def _answer_for_one_seed(record: Comparison) -> str:
    best, others = record.best, _compared(record)
    worse = others - len(record.tied_with_best)
    if worse:
        whole = _all_of(others) if worse == others else f"{worse} of the {others} others"
        answer = f"{best}'s network is shown to be better{_beyond(record)} than {whole}"
    elif others > 1:
        answer = f"none of the other networks is shown to be worse than {best}'s"
    else:
        answer = f"the other network is not shown to be worse than {best}'s"
    return (
        f"On these rows {answer} {_level(record)}. With one seed that is about these trained "
        "networks alone: how much another seed changes was not measured, and it may reorder the "
        "table."
    )


def _compared(record: Comparison) -> int:
    """Number of the others that trained with every seed."""
    return record.combinations - 1 - len(record.diverged)


def _diverged(record: Comparison) -> Iterator[str]:
    if record.diverged:
        names, several = ", ".join(record.diverged), len(record.diverged) > 1
        yield (
            f"{names} diverged with at least one seed and {'are' if several else 'is'} not counted "
            "among the tied, whatever the other seeds reach."
        )


def _dropped(record: Comparison) -> Iterator[str]:
    if few := len(record.dropped):
        yield (
            f"{few} {'were' if few > 1 else 'was'} dropped to save time and "
            f"{'are' if few > 1 else 'is'} undecided: neither shown to be worse nor trained with "
            "enough seeds to be counted among the tied."
        )


def _all_of(others: int) -> str:
    return f"each of the {others} others" if others > 1 else "the other one"


def _beyond(record: Comparison) -> str:
    margin = record.margin.value
    return f" by more than {format_value(margin)} in {record.metric}" if margin else ""


def _level(record: Comparison) -> str:
    together = f" for all {count(record.comparisons, 'pair')} together"
    return f"({percent(record.confidence)}{together if record.comparisons > 1 else ''})"


def _undecided(leaderboard: pd.DataFrame) -> tuple[str, ...]:
    """The combinations that are tied only because their intervals are so wide."""
    tied = leaderboard[leaderboard["tied_with_best"]].iloc[1:]
    half = (tied["difference_ci_high"] - tied["difference_ci_low"]) / 2
    return tuple(tied.loc[half > WIDE * half.median(), "combination"].map(str))


def _too_few_seeds(record: Comparison) -> Iterator[str]:
    if record.undecided:
        yield (
            f"Undecided: too few seeds to tell whether {', '.join(record.undecided)} "
            f"{'are' if len(record.undecided) > 1 else 'is'} worse. The scores differ so much "
            "between seeds that the interval of the difference is more than "
            f"{WIDE} times as wide as usual."
        )


def _rank(record: Comparison, leaderboard: pd.DataFrame) -> str:
    drawn = "seeds and rows" if len(record.seeds) > 1 else "rows"
    share, low, high = leaderboard.iloc[0][["share_first", "rank_low", "rank_high"]]
    rank = f"is {low}" if low == high else f"lies between {low} and {high}"
    return (
        f"Of {record.resamples:,} draws of how far chance in {drawn} may have misled, "
        f"{record.best} is first in {percent(share)}, and its rank {rank} in "
        f"{percent(record.confidence)} "
        "of them."
    )


def _exact_test(record: Comparison) -> str:
    if len(record.seeds) == 1:
        return f"An exact test over seeds takes several of them: {record.seeds_needed} would do."
    seeds = count(len(record.seeds), "seed")
    corrected = f"{record.smallest_p_holm:.2g} after Holm's correction"
    if record.seeds_suffice:
        return (
            f"The exact sign-flip test over {seeds} can tell combinations apart: its smallest "
            f"p-value is {corrected}."
        )
    several = f" ({corrected} for {record.comparisons} pairs)" if record.comparisons > 1 else ""
    if record.looks > 1:
        several = f" ({corrected}, at {record.looks} looks)"
    return (
        f"An exact test over {seeds} makes no claim here: its p-value cannot go below "
        f"{record.smallest_p:.4g}{several}; {record.seeds_needed} seeds would do."
    )
