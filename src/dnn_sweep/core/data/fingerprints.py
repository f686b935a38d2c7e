"""Fingerprints of single rows, by which rows are found again in another table."""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_numeric_dtype

from dnn_sweep.core.data.columns import as_number
from dnn_sweep.core.data.reading import MISSING, date_part, read_dates, spell

BYTES = 8  # of a SHA-256: two of a million different rows agree once in 37 million tables
TEXTS = ("categorical", "text")
CHUNK = 4096  # rows at once; bounds the memory of a table of images


def fingerprint_rows(rows: pd.DataFrame, columns: Mapping[str, str]) -> NDArray[np.uint64]:
    """Hash each raw row's features to the first 8 bytes of a SHA-256.

    What is hashed does not depend on the order of rows or columns, on the index, or on whether a
    gap has made whole numbers floats: the columns in alphabetical order, a number, a boolean or a
    date (days since 1970) as the 8 bytes of its float64 (little-endian, one pattern for every gap
    and for both zeros), a category or a free text as the first 8 bytes of its text's SHA-256. The
    target is left out.

    Args:
        rows: Raw rows; further columns are ignored.
        columns: The kind of each feature column (as in a schema) by its name.

    Raises:
        SweepError: If a numeric or boolean column holds something else; names column and row.

    >>> table = pd.DataFrame({"age": [31, 42], "city": ["Oslo", None]})
    >>> kinds = {"age": "numeric", "city": "categorical"}
    >>> found = fingerprint_rows(table[::-1].astype({"age": float}), kinds)
    >>> (found[::-1] == fingerprint_rows(table, kinds)).tolist()
    [True, True]
    """
    names = np.array(sorted(columns), dtype=object)
    # Thousands of pixels are read at once, a column at a time takes seconds.
    plain = np.array([columns[n] not in TEXTS and is_numeric_dtype(rows[n]) for n in names])
    parts = [np.empty(0, "<u8")]
    for start in range(0, len(rows), CHUNK):
        chunk = rows.iloc[start : start + CHUNK]
        table = np.empty((len(chunk), len(names)), "<u8")
        table[:, plain] = _as_bits(chunk[[*names[plain]]].astype("float64").to_numpy("<f8"))
        for place in np.flatnonzero(~plain):
            table[:, place] = _read(chunk[names[place]], columns[names[place]])
        parts.append(np.array([_hash(row.tobytes()) for row in table], "<u8"))
    return np.concatenate(parts)


def _read(column: pd.Series, kind: str) -> NDArray[np.uint64]:
    if kind == "date":
        return _as_bits(date_part(read_dates(column, {}), "elapsed").to_numpy("<f8"))
    if kind not in TEXTS:
        return _as_bits(as_number(column, boolean=kind == "boolean").to_numpy("<f8"))
    text = [MISSING if pd.isna(value) else spell(value) for value in column.array]
    places, known = pd.factorize(pd.Series(text, dtype=object))
    return np.array([_hash(each.encode()) for each in known], "<u8")[places]


def _as_bits(numbers: NDArray[np.float64]) -> NDArray[np.uint64]:
    # Zeros lose their sign; what the network gets as a gap becomes one kind of NaN.
    return np.where(np.isfinite(numbers), numbers + 0.0, np.nan).view("<u8")


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:BYTES], "little")
