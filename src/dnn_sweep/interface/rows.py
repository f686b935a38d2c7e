"""The rows that a user hands over: a table, arrays, or a path."""

from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import write_atomically

TARGET = "target"  # where neither an argument nor a series names it
Kind = Literal["table", "image", "sequence"]
SEQUENCE = {"id": "row", "order": "step"}  # columns of a long table
RAGGED = "the rows have different lengths: give each one the same number of cells"
PIXELS = {"numeric": "minmax", "per": "channel"}  # scaling that keeps the contrast of an image


def frame_of(x: Any, kind: Kind | None = None) -> pd.DataFrame:
    """Write features as a table: one row per example and one column per cell.

    Args:
        x: A table, or an array whose first axis counts the examples: of two axes for a table, of
            three or four for images (height, width and channels) and of three for sequences
            (steps and features).
        kind: What an array with three axes holds, ``image`` or ``sequence``.

    Raises:
        SweepError: If it is neither.

    >>> frame_of(np.zeros((2, 3))).columns.tolist()
    ['x1', 'x2', 'x3']
    >>> frame_of(np.zeros((2, 8, 8))).columns[-1]
    'pixel64'
    >>> frame_of(np.zeros((2, 5, 3)), "sequence").columns.tolist()
    ['row', 'step', 'x1', 'x2', 'x3']
    """
    if isinstance(x, pd.DataFrame):
        table = x.set_axis([str(name) for name in x.columns], axis=1)
        unnamed = all(name is None for name in table.index.names)
        return table.reset_index(drop=unnamed)
    array = _array(x)
    if array.dtype == object and array.ndim == 1 and kind != "sequence":
        raise SweepError(RAGGED)
    if array.ndim == 2 and kind in (None, "table"):
        return _columns(array, "x")
    if array.ndim == 3 and kind == "sequence":
        rows, steps, _ = array.shape
        table = _columns(array.reshape(rows * steps, -1), "x")
        table.insert(0, SEQUENCE["order"], np.tile(np.arange(steps), rows))
        table.insert(0, SEQUENCE["id"], np.repeat(np.arange(rows), steps))
        return table
    if array.ndim in (3, 4) and kind != "sequence":
        return _columns(array.reshape(len(array), -1), "pixel")
    raise SweepError(
        f"the rows have the shape {array.shape}. Allowed: a pandas table; arrays of the shape "
        "(rows, columns), (images, height, width[, channels]), or with sequences=True "
        "(sequences, steps, features)"
    )


def labelled(x: Any, y: Any, target: str | None, kind: Kind | None) -> tuple[pd.DataFrame, str]:
    """Join features and labels to one table; return it with the name of its target.

    Raises:
        SweepError: If there is not one label for each example, or the target's name is taken.
    """
    table = frame_of(x, kind)
    labels = _array(y, "the labels have different lengths: give one for each row")
    series = y.name if isinstance(y, pd.Series) else None
    name = str(target or (TARGET if series is None else series))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (len(x),):
        raise SweepError(
            f"y has the shape {labels.shape}, but there are {len(x)} rows: give one label for each"
        )
    if name in table:
        raise SweepError(f"the rows have a column {name!r} already: name the labels with target=")
    if kind == "sequence":
        labels = np.repeat(labels, len(table) // len(labels))
    return table.assign(**{name: labels}), name


def settings_of(x: Any, kind: Kind | None) -> dict[str, dict[str, Any]]:
    """The parameters that say what the cells of an array are."""
    if isinstance(x, pd.DataFrame):
        return {}
    if kind == "sequence":
        return {"data": {"sequence": dict(SEQUENCE)}}
    shape = _array(x).shape[1:]
    if len(shape) < 2:
        return {}
    return {"data": {"image_shape": list(shape)}, "scaling": dict(PIXELS)}


def store_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table to a Parquet file, unless the file has just these rows.

    What is up to date does not run again, which is told by the file's time.

    Raises:
        SweepError: If two columns have the same name, or a column's values cannot be stored.
    """
    if table.columns.has_duplicates:
        twice = table.columns[table.columns.duplicated()][0]
        raise SweepError(f"more than one column is called {twice!r}: rename them")
    mixed = [name for name in table if table[name].dtype == object]
    stored = table.assign(**{str(each): _as_text(table[each]) for each in mixed})
    stored.attrs = {}
    content = _parquet(stored)
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)


def _array(x: Any, ragged: str = RAGGED) -> Any:
    try:
        return np.asarray(x)
    except ValueError as error:  # lists of different lengths
        raise SweepError(ragged) from error


def _parquet(table: pd.DataFrame) -> bytes:
    content = BytesIO()
    try:
        table.to_parquet(content, index=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        if len(table.columns) > 1:
            for name in table:
                _parquet(table[[name]])  # the column that fails is told
        (name,) = table.columns
        kind = getattr(table.dtypes[name], "categories", table[name]).dtype
        raise SweepError(
            f"the column {name!r} holds values of the type {kind}, which no Parquet file can "
            "store: leave it out, or make it numbers or text"
        ) from error
    return content.getvalue()


def _columns(cells: Any, name: str) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=[f"{name}{i}" for i in range(1, cells.shape[1] + 1)])


def _as_text(column: pd.Series) -> pd.Series:
    """Write what is no text as text, since a column of a file holds values of one type."""
    return column.map(str, na_action="ignore")
