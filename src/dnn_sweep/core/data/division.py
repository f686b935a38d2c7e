"""Into how many folds the rows outside the test split are divided, and their division."""

from typing import Any

import pandas as pd

from dnn_sweep.core.data.folds import assign_folds
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters, SplitParameters, TrainingParameters

FEW_ROWS = 5000  # ``split.folds: auto`` cross-validates tables with fewer
AUTO_FOLDS = 4  # where each seed trains in all of them
FEWEST_FOLDS, USUAL_FOLDS, MOST_FOLDS = 4, 5, 20  # where each seed trains in one of them


def divide_rows(
    clean_table: pd.DataFrame,
    schema: Schema,
    data: DataParameters,
    split: SplitParameters,
    seeds: Any = 1,
    minutes: float | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Divide validated rows into parts, and those that are not test rows into folds.

    Args:
        clean_table: The validated table.
        schema: Its schema.
        data: Whether the source has a test split of its own.
        split: How the rows are divided.
        seeds: ``training.seeds``, a list or a number.
        minutes: ``budget.minutes``, with which combinations get unequal numbers of seeds.

    Returns:
        What :func:`~dnn_sweep.core.data.splitting.split_rows` returns, and the folds of
        :func:`~dnn_sweep.core.data.folds.assign_folds`. Where ``split.folds`` is ``auto`` and a
        class or the groups have too few rows for as many folds, there is one split.

    Raises:
        SweepError: If the rows cannot be divided so.

    >>> auto = SplitParameters(folds="auto")
    >>> train, _, test, _, folds = divide_rows(clean_table, schema, data, auto, seeds=5)
    >>> len(train), len(test), folds["repeat_1"].nunique()
    (120, 30, 5)
    """
    count = len(TrainingParameters(seeds=seeds).seeds)
    chosen = choose_folds(split, data, schema.rows, count, budget=bool(minutes))
    try:
        return _divide(clean_table, schema, data, chosen)
    except SweepError:
        if split.folds != "auto" or not chosen.folds:
            raise
        once = chosen.model_copy(update={"folds": None, "repeats": 1})
        return _divide(clean_table, schema, data, once)


def choose_folds(
    split: SplitParameters,
    data: DataParameters,
    rows: int,
    seeds: int,
    *,
    budget: bool = False,
) -> SplitParameters:
    """Choose the number of folds, and of repeats where these follow from the seeds.

    Args:
        split: As it is given.
        data: Whether the source has a test split of its own.
        rows: Of the table.
        seeds: Number of seeds.
        budget: Whether combinations get unequal numbers of seeds.

    Raises:
        SweepError: If the seeds cannot be dealt to the folds.

    >>> auto = SplitParameters(folds="auto")
    >>> chosen = [choose_folds(auto, DataParameters(), 1797, seeds) for seeds in (3, 5, 9, 20)]
    >>> [(each.folds, each.repeats) for each in chosen]
    [(None, 1), (5, 1), (9, 1), (5, 4)]
    """
    if split.folds is None:
        return split
    folds: int | None
    if split.folds == "auto":
        folds = None
        if rows < FEW_ROWS and not (data.split_column or split.time):
            folds = AUTO_FOLDS
            if split.one_seed_per_fold:
                folds = None if budget else _divisor_of(seeds)
    else:
        folds = split.folds
        if split.one_seed_per_fold and budget:
            raise SweepError(
                "split.seeds_per_fold: one gives each seed rows of its own, but budget.minutes "
                "gives combinations unequal numbers of seeds, so they would be compared on unequal "
                "rows; set split.seeds_per_fold: all, or split.folds: null"
            )
        if split.one_seed_per_fold and seeds % folds:
            raise SweepError(
                f"split.seeds_per_fold: one deals the {seeds} training.seeds to {folds} folds; "
                f"take a multiple of {folds} seeds, such as {-(-seeds // folds) * folds}, or "
                "another split.folds"
            )
    repeats = split.repeats if folds else 1
    if folds and split.one_seed_per_fold:
        repeats = seeds // folds
    return split.model_copy(update={"folds": folds, "repeats": repeats})


def _divisor_of(seeds: int) -> int | None:
    """The number of folds to which so many seeds can be dealt evenly: about five."""
    fitting = [n for n in range(FEWEST_FOLDS, MOST_FOLDS + 1) if seeds % n == 0]
    return min(fitting, key=lambda n: abs(n - USUAL_FOLDS), default=None)


def _divide(
    clean_table: pd.DataFrame, schema: Schema, data: DataParameters, split: SplitParameters
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    parts = split_rows(clean_table, schema, data, split)
    return *parts, assign_folds(parts[0], schema, split)
