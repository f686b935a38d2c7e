"""One column at a time: what it holds, how it is spelled, and whether a network can use it."""

from datetime import date, time
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd

from dnn_sweep.core.errors import SweepError

MOSTLY_NUMBERS = 0.9  # text with this share of numbers was meant to be numbers
MIXED = ("mixed", "mixed-integer")  # as pandas calls values without an order
MOSTLY_DISTINCT = 0.9  # text with this share of distinct values identifies rows


def spell(value: object) -> str:
    """Write a category as text, the same whether a gap has made its column floats or not.

    Example:
        >>> spell(1), spell(1.0), spell(2.5), spell("1.0")
        ('1', '1', '2.5', '1.0')
    """
    return str(int(value)) if pd.api.types.is_float(value) and value % 1 == 0 else str(value)


def plain_values(column: pd.Series) -> pd.Series:
    """Replace decimals by floats, and values of mixed types by text (see :func:`spell`).

    Text has an order, can be stored in Parquet, and is what a CSV file would have given.

    Raises:
        SweepError: If a row holds a list or another collection; names column and row.
    """
    if column.dtype != object:
        return column
    present = column.dropna()
    nested = present.map(lambda value: isinstance(value, list | dict | set | np.ndarray))
    if nested.any():
        at = int(nested.to_numpy().argmax())
        raise SweepError(
            f"column {column.name!r}, row {present.index[at]}: a {type(present.iloc[at]).__name__} "
            "where one value is expected; take it apart first, or name the column in data.ignore"
        )
    if len(present) and present.map(lambda value: isinstance(value, Decimal)).all():
        return column.astype("float64")
    if pd.api.types.infer_dtype(present) in MIXED:
        return column.map(spell, na_action="ignore")
    return column


def reason_to_drop(column: pd.Series) -> str | None:
    """Reason why a network could learn nothing from a column; ``None`` where it could."""
    present = column.dropna()
    if present.empty:
        return "every value is missing"
    if is_date(present):
        return "dates and times are not used; turn it into numbers first"
    numeric = pd.api.types.is_numeric_dtype(column)
    if present.nunique() == 1 and (numeric or len(present) == len(column)):
        gaps = " that is not missing" if len(present) < len(column) else ""
        return f"every value{gaps} is {present.tolist()[0]!r}"
    if numeric or len(present) <= 20 or present.nunique() < MOSTLY_DISTINCT * len(present):
        return None
    if _numbers_in(present).notna().mean() >= MOSTLY_NUMBERS:
        return None
    # One-hot encoding would give one column per row, and nothing to learn from any of them.
    return "nearly every row has a value of its own, as an identifier does"


def kind_of(column: pd.Series) -> Literal["numeric", "boolean", "categorical"]:
    """Infer from its values what a column holds.

    Raises:
        SweepError: If most values are numbers and some are not; names column and row.
    """
    present = column.dropna()
    if pd.api.types.is_bool_dtype(present.infer_objects()):
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "numeric"
    text = present.astype("string").str.strip()
    if set(text.str.lower().unique()) <= {"true", "false"}:
        return "boolean"
    numbers = pd.to_numeric(text, errors="coerce")
    if numbers.isna().any() and _numbers_in(present).notna().all():
        at = int(numbers.isna().to_numpy().argmax())
        raise SweepError(
            f"column {column.name!r}, row {present.index[at]}: {present.iloc[at]!r} is a number "
            "with thousands separators; write it without them"
        )
    share = float(numbers.notna().mean())
    if share == 1:
        return "numeric"
    if share >= MOSTLY_NUMBERS:
        at = int(numbers.isna().to_numpy().argmax())
        raise SweepError(
            f"column {column.name!r}, row {present.index[at]}: {present.iloc[at]!r} "
            "where numbers are expected "
            f"({share:.0%} of the column are numbers); correct it, or name the column in "
            "data.categorical or data.ignore"
        )
    return "categorical"


def is_date(column: pd.Series) -> bool:
    """Whether a column holds dates, times or spans of time."""
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return True
    return column.dtype == object and bool(
        column.dropna().map(lambda value: isinstance(value, date | time)).all()
    )


def _numbers_in(column: pd.Series) -> pd.Series:
    """Numbers, with or without thousands separators; NaN elsewhere."""
    text = column.astype("string").str.strip()
    grouped = text.str.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
    return pd.to_numeric(text.mask(grouped, text.str.replace(",", "")), errors="coerce")
