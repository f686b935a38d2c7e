"""Rows that belong together and therefore lie on the same side of every split."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.schema import Schema

# Rows that repeat others are copies, unless they are many and columns of few values explain them:
# fewer than this share of the rows are distinct, or independent columns would give this share of
# the pairs of equal rows. (Columns depend on each other, so that there are more in any case.)
MANY, DISTINCT, BY_CHANCE = 0.1, 0.1, 0.01

Draw = Callable[[pd.DataFrame, pd.Series | None], tuple[pd.DataFrame, pd.DataFrame]]


def groups_of(rows: pd.DataFrame, schema: Schema) -> NDArray[np.int64] | None:
    """Number the groups of rows that must not be divided, by their first row.

    Groups are those of ``split.group`` or, without it, rows that are equal in all features and in
    the target.

    Args:
        rows: Raw rows; a whole table, or a part that no group leaves.
        schema: Names the column of groups, or counts the rows that repeat another one.

    Returns:
        Shape ``(rows,)``; ``None`` where every row is alone.

    >>> schema.repeated, len(train_rows), len(set(groups_of(train_rows, schema)))
    (1, 90, 89)
    """
    if schema.group:
        return np.asarray(pd.factorize(rows[schema.group])[0], dtype=np.int64)
    return _number_equal(rows, schema) if schema.repeated else None


def count_repeated(rows: pd.DataFrame, schema: Schema) -> tuple[int, bool]:
    """Count the rows that repeat an earlier one in all features and in the target.

    Returns:
        The count, and whether these rows are copies. They are not where the columns have so few
        values that rows of a class, whose columns vary independently, are often equal by chance.
    """
    if schema.rank != "table":
        return 0, False
    numbers = _number_equal(rows, schema)
    counts = np.bincount(numbers)
    repeated = len(rows) - len(counts)
    if repeated <= MANY * len(rows):
        return repeated, repeated > 0
    if len(counts) < DISTINCT * len(rows):
        return repeated, False
    regression = schema.task == "regression"
    names = [*schema.feature_names, *([schema.target] if regression else [])]
    distinct = rows.iloc[first_rows(numbers)]
    # Within classes, since they differ in what is frequent.
    classes = pd.Series(0, index=rows.index) if regression else rows[schema.target]
    expected = sum(
        _pairs(size) * _share_of_equal(distinct.loc[classes[distinct.index] == label, names])
        for label, size in classes.value_counts().items()
    )
    return repeated, bool(expected < BY_CHANCE * _pairs(counts).sum())


def divide_groups(
    rows: pd.DataFrame, groups: NDArray[np.int64] | None, labels: pd.Series | None, draw: Draw
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide rows in two, group by group: ``draw`` divides one row for each of them.

    A group's label is the most frequent one of its rows.
    """
    if groups is None:
        return draw(rows, labels)
    first, of_groups = first_rows(groups), labels
    if labels is not None:
        of_groups = labels.iloc[first].copy()
        of_groups[:] = most_frequent(labels, groups)
        if of_groups.value_counts().min() < 2:  # too few groups to keep the shares of the classes
            of_groups = None
    chosen, _ = draw(rows.iloc[first], of_groups)
    inside = np.isin(groups, groups[rows.index.get_indexer(chosen.index)])
    return rows[inside], rows[~inside]


def first_rows(groups: NDArray[np.int64]) -> NDArray[np.intp]:
    """Positions of the first row of each group, in the order of the groups' numbers."""
    return np.unique(groups, return_index=True)[1]


def most_frequent(labels: pd.Series, groups: NDArray[np.int64]) -> NDArray[np.generic]:
    """The most frequent label of each group, in the order of the groups' numbers."""
    return np.asarray(labels.groupby(groups).agg(lambda own: own.mode().iloc[0]).to_numpy())


def _number_equal(rows: pd.DataFrame, schema: Schema) -> NDArray[np.int64]:
    hashes = pd.util.hash_pandas_object(rows[[*schema.feature_names, schema.target]], index=False)
    return np.asarray(pd.factorize(hashes)[0], dtype=np.int64)


def _pairs(rows: Any) -> Any:
    return rows * (rows - 1) / 2


def _share_of_equal(rows: pd.DataFrame) -> float:
    """The share of pairs of rows that are equal if columns vary independently of each other."""
    counts = (rows[name].value_counts(dropna=False).to_numpy() for name in rows)
    return math.prod(float(_pairs(each).sum() / max(1, _pairs(each.sum()))) for each in counts)
