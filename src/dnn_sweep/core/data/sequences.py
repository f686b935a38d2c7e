"""Sequences: from a long table, with one row per step, to one row per sequence."""

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from dnn_sweep.core.data.columns import refuse_where
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters


def join_steps(long: pd.DataFrame, data: DataParameters) -> tuple[pd.DataFrame, int, bool]:
    """Join the rows of each sequence into one row.

    Returns:
        One row per sequence, indexed by its id: the columns that do not change within a sequence
        (target, split, weight), and ``<feature>_<step>``, steps from 1; the number of steps; and
        whether some sequences are shorter, in which case the cells of missing steps are empty.

    Raises:
        SweepError: If steps cannot be ordered, a feature is no number, or the target changes
            within a sequence.

    >>> steps = pd.DataFrame({"who": [1, 1, 2], "day": [2, 1, 1], "x": [5, 4, 7], "y": [0, 0, 1]})
    >>> data = DataParameters(target="y", sequence={"id": "who", "order": "day"})
    >>> join_steps(steps, data)[0].to_dict("list")
    {'y': [0, 1], 'x_1': [4.0, 7.0], 'x_2': [5.0, nan]}
    """
    key, order = str(data.sequence.id), str(data.sequence.order)
    moments = _read_order(long, key, order)
    beside = [each for each in (data.target, data.split_column, data.sample_weight) if each]
    for name in beside:
        _check_constant(long, key, name)
    left_out = {key, order, *beside, *data.ignore}
    features = [name for name in long.columns if name not in left_out]
    if not features:
        raise SweepError("no feature column is left beside id, order and target")
    for name in features:
        if not is_numeric_dtype(long[name]) and not is_bool_dtype(long[name]):
            raise SweepError(
                f"column {name!r}: the features of a sequence must be numbers or true/false; "
                "replace categories by one column of 0 and 1 for each, or leave the column out "
                "with data.ignore"
            )
    ordered = long.assign(**{order: moments}).sort_values([key, order], kind="stable")
    groups = ordered.groupby(key, sort=True)
    lengths = groups.size()
    steps = data.sequence.steps or int(lengths.max())
    # Of longer sequences the last steps are kept.
    at = groups.cumcount().to_numpy() - np.maximum(
        groups[order].transform("size").to_numpy() - steps, 0
    )
    kept = ordered[at >= 0]
    cells = np.full((len(lengths), steps, len(features)), np.nan)
    who = lengths.index.get_indexer(kept[key])
    cells[who, at[at >= 0]] = kept[features].to_numpy(dtype=np.float64)
    names = [f"{name}_{step}" for step in range(1, steps + 1) for name in features]
    wide = pd.DataFrame(cells.reshape(len(lengths), -1), index=lengths.index, columns=names)
    constant = groups[beside].first() if beside else pd.DataFrame(index=lengths.index)
    return constant.join(wide), steps, bool((lengths < steps).any())


def features_of_steps(cells: list[str], features: int) -> list[str]:
    """The names of the features, from those of the cells that :func:`join_steps` makes of them.

    >>> features_of_steps(["heat_1", "awake_1", "heat_2", "awake_2"], features=2)
    ['heat', 'awake']
    """
    return [name.rpartition("_")[0] for name in cells[:features]]


def _read_order(long: pd.DataFrame, key: str, order: str) -> pd.Series:
    """The column that orders the steps, as numbers or moments."""
    for where, name in (("id", key), ("order", order)):
        if (gaps := long[name].isna()).any():
            row = long.index[gaps][0]
            raise SweepError(f"data.sequence.{where}: column {name!r} is empty in row {row}")
    moments = long[order]
    if not is_numeric_dtype(moments):
        moments = pd.to_datetime(moments, errors="coerce", format="ISO8601", utc=True)
        problem = "where data.sequence.order needs a number or a date such as 2026-01-31"
        refuse_where(moments.isna(), long[order], problem)
    if (twice := long.duplicated([key, order])).any():
        row = long.index[twice][0]
        raise SweepError(
            f"data.sequence: row {row} repeats step {long[order].loc[row]} of the sequence "
            f"{long[key].loc[row]}"
        )
    return moments


def _check_constant(long: pd.DataFrame, key: str, name: str) -> None:
    different = long.groupby(key)[name].nunique(dropna=False) > 1
    if different.any():
        who = different.index[different][0]
        found = long.loc[long[key] == who, name].unique()[:3]
        raise SweepError(
            f"column {name!r} must not change within a sequence, but it holds "
            f"{', '.join(map(repr, found.tolist()))} in the sequence {who}"
        )
