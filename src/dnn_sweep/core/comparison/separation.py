"""What it would take to tell the best combination from those tied with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.mean_errors import draw_mean_errors
from dnn_sweep.core.comparison.record import Separation
from dnn_sweep.core.comparison.tied_set import OWN_LEVEL
from dnn_sweep.core.formatting import count, format_seconds, format_value

DRAWS = 4_000
NORMAL = float(scipy.special.ndtri((1 + OWN_LEVEL) / 2))
MOST_COMPARED = 3  # tied combinations, from the top of the leaderboard
MOST_SEEDS = 1_000  # beyond which nobody would train
ENOUGH_TO_ESTIMATE = 5  # seeds, where one says nothing about seeds
OF_NOISE = 2 / 3  # the part of a row's that is noise of one network, as among those of digits


def estimate_separations(
    scores: Floats, leaderboard: pd.DataFrame, margin: float = 0.0, rows: int | None = None
) -> tuple[Separation, ...]:
    """Estimate how many seeds or rows would tell the best combination from the next ones tied.

    A difference is told apart once it exceeds the half-width of its simultaneous interval. The
    square of that half-width has two parts. On the same rows, the part of the seeds and of noise
    shrinks in proportion to the number of seeds, and the part of the rows remains. The estimate
    takes the difference as it was observed, so it is right on average over the chance of new
    seeds, and uncertain where the difference is much smaller than its interval.

    Args:
        scores: Shape ``(combinations, seeds, rows)``, in the order of the leaderboard.
        leaderboard: The combinations alone.
        margin: A difference up to this counts as none; in the scores' unit.
        rows: How many there are, where the scores are of groups of rows.

    Returns:
        One estimate for each of the first three combinations tied with the best; none with a
        single seed, which does not show how much seeds matter.

    >>> rng = np.random.default_rng(0)
    >>> moved = rng.normal(scale=0.1, size=(2, 5, 1)) + [[[0.0]], [[0.2]]]
    >>> errors = 1 + moved + rng.normal(scale=0.1, size=(2, 5, 400))
    >>> board = pd.DataFrame({"combination": ["a", "b"], "tied_with_best": True, "seconds": 2.0,
    ...                       "difference_to_best": errors.mean(axis=(1, 2)) - errors[0].mean()})
    >>> board["difference_ci_low"] = board["difference_to_best"] - 0.3
    >>> board["difference_ci_high"] = board["difference_to_best"] + 0.3
    >>> (found,) = estimate_separations(errors, board)
    >>> 5 < found.seeds < 50, found.rows
    (True, None)
    """
    tied = [place for place in np.flatnonzero(leaderboard["tied_with_best"]) if place > 0]
    if scores.shape[1] == 1 or not tied:
        return ()
    drawn = draw_mean_errors(scores, DRAWS)
    own = np.quantile(np.abs(drawn[tied] - drawn[0]), OWN_LEVEL, axis=1)
    shares = _shares(scores[tied] - scores[0], own)
    seconds = float(leaderboard["seconds"].sum())  # of one more seed for every combination
    shape = scores.shape[1], rows or scores.shape[2], _in_each_division(scores)
    return tuple(
        _estimate(leaderboard.iloc[place], shape, shares, margin, seconds)
        for place in tied[:MOST_COMPARED]
    )


@dataclass(frozen=True)
class _Shares:
    """Shares of a squared half-width; they add up to 1."""

    rows: float  # shrinks with more rows
    noise: float  # of single networks on single rows: shrinks with more of either
    seeds: float  # shrinks with more seeds


def _shares(differences: Floats, own: Floats) -> _Shares:
    """The median shares over all that are tied, since those of one pair are uncertain.

    ``differences`` to the best have the shape ``(combinations, seeds, rows)``; ``own`` are the 95 %
    quantiles of the errors of their means.
    """
    _, seeds, rows = differences.shape
    if np.isnan(differences).any():
        return _shares_of_folds(differences, own)
    by_row, by_seed = differences.mean(axis=1, keepdims=True), differences.mean(axis=2)[:, :, None]
    left = differences - by_row - by_seed + differences.mean(axis=(1, 2), keepdims=True)
    noise = (left**2).sum(axis=(1, 2)) / max((seeds - 1) * (rows - 1), 1) / seeds
    both = by_row.var(axis=(1, 2), ddof=1) if rows > 1 else noise
    unit = rows * np.maximum(own, np.finfo(float).tiny) ** 2 / NORMAL**2
    of_noise = min(float(np.median(noise / unit)), 1.0)
    of_rows = float(np.clip(np.median((both - noise) / unit), 0.0, 1.0 - of_noise))
    return _Shares(of_rows, of_noise, max(1.0 - of_rows - of_noise, 0.0))


def _in_each_division(scores: Floats) -> int:
    """How many seeds score every row once together: 1 where each scores all."""
    scored = ~np.isnan(scores[0])
    return int(np.ceil(len(scored) / scored.sum(axis=0).max()))


def _shares_of_folds(differences: Floats, own: Floats) -> _Shares:
    """As :func:`_shares`, where each seed scores the rows of its own fold.

    One network on each row does not show how much of its part is noise; ``OF_NOISE`` is.
    """
    scored = ~np.isnan(differences)
    left = np.where(scored, differences - np.nanmean(differences, axis=2)[:, :, None], 0.0)
    rows = int(scored[0].any(axis=0).sum())
    free = max(rows - int(scored[0].sum(axis=1).size / scored[0].sum(axis=0).max()), 1)
    by_row = left.sum(axis=1) / np.maximum(scored.sum(axis=1), 1)
    unit = rows * np.maximum(own, np.finfo(float).tiny) ** 2 / NORMAL**2
    both = float(np.clip(np.median((by_row**2).sum(axis=1) / free / unit), 0.0, 1.0))
    return _Shares(both * (1 - OF_NOISE), both * OF_NOISE, 1.0 - both)


def _estimate(
    row: pd.Series, shape: tuple[int, ...], shares: _Shares, margin: float, seconds: float
) -> Separation:
    seeds, rows, step = shape
    difference = float(row["difference_to_best"])
    # The end on the far side of the best: the possible range of scores never cuts it.
    far = "difference_ci_low" if difference <= 0 else "difference_ci_high"
    half, gap = abs(float(row[far]) - difference), abs(difference) - margin
    found = Separation(
        combination=str(row["combination"]),
        difference=difference,
        least_told=half + margin,
        rows_alone=half * math.sqrt(shares.rows) + margin,
    )
    if gap <= 0 or not half:
        return found
    allowed = (gap / half) ** 2  # of the squared half-width
    if allowed > shares.rows:
        needed = math.ceil(seeds * (1 - shares.rows) / (allowed - shares.rows))
        if needed <= MOST_SEEDS:
            needed = max(-(-needed // step) * step, seeds + step)
            return found.model_copy(update={"seeds": needed, "seconds": (needed - seeds) * seconds})
    # More rows, and so many seeds that their part takes at most half of what is allowed.
    with_rows = max(seeds, math.ceil(2 * seeds * shares.seeds / allowed / step) * step)
    if with_rows > MOST_SEEDS:
        return found
    fewer = seeds / with_rows
    enough = rows * (shares.rows + shares.noise * fewer) / (allowed - shares.seeds * fewer)
    return found.model_copy(
        update={"rows": max(math.ceil(enough), rows + 1), "rows_seeds": with_rows}
    )


def seeds_to_try(separations: Sequence[Separation], seeds: int, tied: int) -> int | None:
    """Say how many seeds, in all, to train next; ``None`` where more seeds would not decide.

    ``tied`` counts the best combination and those tied with it.

    >>> seeds_to_try((), seeds=1, tied=3)
    5
    """
    if separations:
        return separations[0].seeds
    return ENOUGH_TO_ESTIMATE if seeds == 1 and tied > 1 else None


def describe_separation(
    best: str,
    separations: Sequence[Separation],
    seeds: int,
    rows: int,
    combinations: int,
    tied: int,
    unit: str = "validation row",
    *,
    folds: bool = False,
) -> str | None:
    """Say in a sentence what would tell the best combination from the next one tied with it.

    ``tied`` counts the best combination and those tied with it; ``None`` where it is alone.
    ``rows`` are counted in ``unit``, which may be groups of rows; with ``folds`` they are all.

    >>> found = Separation(combination="tanh + rmsprop", difference=-0.0111, least_told=0.0250,
    ...                    rows_alone=0.0052, seeds=45, seconds=180.0)
    >>> describe_separation("elu + adam", [found], 5, 360, 30, 2)
    'If their difference stays 0.0111, about 40 more seeds of all 30 combinations
    (3 min 0 s of training) would tell elu + adam from tanh + rmsprop.'
    """
    if not separations:
        if seeds > 1 or tied == 1:
            return None
        return (
            f"One seed does not show how many would tell {best} from those tied with it; "
            f"{ENOUGH_TO_ESTIMATE} seeds give an estimate."
        )
    first = separations[0]
    pair, difference = f"{best} from {first.combination}", format_value(abs(first.difference))
    stays = f"If their difference stays {difference}, "
    units = unit.replace("group", "groups") if unit.startswith("group") else f"{unit}s"
    where = f"{rows:,} {units if rows != 1 else unit}"
    if first.seeds:
        more = count(_about(first.seeds - seeds), "more seed")
        every = f"all {combinations}" if combinations > 2 else "both"
        return (
            f"{stays}about {more} of {every} combinations "
            f"({format_seconds(first.seconds or 0)} of training) would tell {pair}."
            f"{_third(separations, seeds)}"
        )
    if first.rows is None:
        return (
            f"More seeds or rows are hardly worth their cost here: {best} and {first.combination} "
            f"differ by {difference}, and this sweep tells differences apart from "
            f"{format_value(first.least_told)}. Take either."
        )
    with_seeds = f" and {_about(first.rows_seeds):,} seeds" if first.rows_seeds != seeds else ""
    needed = f"About {_about(first.rows):,} {units}{with_seeds} would: "
    needed += "more data." if folds else "more data, or cross-validation."
    if first.rows_alone < abs(first.difference):
        return (
            f"{stays}even {MOST_SEEDS:,} seeds would hardly tell {pair} on these {where}. {needed}"
        )
    return (
        f"{stays}no number of seeds can tell {pair} on these {where}: the rows alone may make a "
        f"difference of {format_value(first.rows_alone)}. {needed}"
    )


def _third(separations: Sequence[Separation], seeds: int) -> str:
    """What it takes to tell the next but one as well, where more seeds can."""
    if len(separations) < 2 or not (separations[1].seeds and separations[0].seeds):
        return ""
    needed = max(separations[1].seeds, separations[0].seeds) - seeds
    third = separations[1].combination
    return f" About {_about(needed):,} would tell it from {third} as well."


def _about(number: int | None) -> int:
    """Round to two significant digits, upwards."""
    number = number or 0
    unit = int(10 ** max(len(str(number)) - 2, 0))
    return math.ceil(number / unit) * unit
