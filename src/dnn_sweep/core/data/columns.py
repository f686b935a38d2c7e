"""One column at a time: what it holds, how it is spelled, and whether a network can use it."""

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Literal

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_float, is_numeric_dtype

from dnn_sweep.core.errors import SweepError

# Text with this share of numbers was meant to be numbers, of distinct values identifies rows.
MOSTLY = 0.9
# What `infer_dtype` calls values without an order.
MIXED = {"mixed", "mixed-integer"}
_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def spell(value: object) -> str:
    """Write a category as text, the same whether a gap has made its column floats or not.

    >>> spell(1), spell(1.0), spell(2.5), spell("1.0")
    ('1', '1', '2.5', '1.0')
    """
    return str(int(value)) if is_float(value) and float(value).is_integer() else str(value)


def refuse_where(wrong: pd.Series, column: pd.Series, problem: str, what: str = "column") -> None:
    """Raise a ``SweepError`` with the first value for which ``wrong`` is true and its row."""
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        value = column.tolist()[at]
        raise SweepError(f"{what} {column.name!r}, row {column.index[at]}: {value!r} {problem}")


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
    mixed = infer_dtype(present) in MIXED and not is_date(present)
    return column.map(spell, na_action="ignore") if mixed else column


def reason_to_drop(column: pd.Series) -> str | None:
    """Reason why a network could learn nothing from a column; ``None`` where it could."""
    present = column.dropna()
    if present.empty:
        return "every value is missing"
    if is_date(present):
        return "dates and times are not used; turn it into numbers first"
    numeric = is_numeric_dtype(column)
    if present.nunique() == 1 and (numeric or len(present) == len(column)):
        gaps = " that is not missing" if len(present) < len(column) else ""
        return f"every value{gaps} is {present.tolist()[0]!r}"
    if numeric or len(present) <= 20 or present.nunique() < MOSTLY * len(present):
        return None
    if _numbers_in(present).notna().mean() >= MOSTLY:
        return None
    # One-hot encoding would give one column per row, and nothing to learn from any of them.
    return "nearly every row has a value of its own, as an identifier does"


def kind_of(column: pd.Series) -> Literal["numeric", "boolean", "categorical"]:
    """Infer from its values what a column holds.

    Raises:
        SweepError: If most values are numbers and some are not; names column and row.
    """
    present = column.dropna()
    if is_bool_dtype(present.infer_objects()):
        return "boolean"
    if is_numeric_dtype(column):
        return "numeric"
    text = present.astype("string").str.strip()
    if set(text.str.lower().unique()) <= {"true", "false"}:
        return "boolean"
    no_number = pd.to_numeric(text, errors="coerce").isna()
    if _numbers_in(present).notna().all():
        separated = "is a number with thousands separators; write it without them"
        refuse_where(no_number, present, separated)
    share = 1 - float(no_number.mean())
    if share < MOSTLY:
        return "categorical"
    refuse_where(
        no_number,
        present,
        f"where numbers are expected ({share:.0%} of the column are numbers); correct it, or name "
        "the column in data.categorical or data.ignore",
    )
    return "numeric"


def as_number(column: pd.Series, *, boolean: bool) -> pd.Series:
    """Convert a column to float64, with gaps and infinities as NaN.

    Raises:
        SweepError: If a value is neither missing nor a number, or true or false; names its row.

    >>> as_number(pd.Series(["1.5", None, "2"]), boolean=False).tolist()
    [1.5, nan, 2.0]
    """
    if pd.api.types.is_numeric_dtype(column):
        numbers = column.astype("float64")
    else:
        text = column.astype("string").str.strip().str.lower()
        numbers = text.map(_BOOLEANS) if boolean else pd.to_numeric(text, errors="coerce")
        numbers = numbers.astype("float64")
        expected = "true or false" if boolean else "a number"
        refuse_where(numbers.isna() & column.notna(), column, f"where {expected} is expected")
    return numbers.replace([np.inf, -np.inf], np.nan)


def is_date(column: pd.Series) -> bool:
    """Whether a column holds dates, times or spans of time."""
    return all(isinstance(value, date | time | timedelta) for value in column)


def _numbers_in(column: pd.Series) -> pd.Series:
    """Numbers, with or without thousands separators; NaN elsewhere."""
    text = column.astype("string").str.strip()
    grouped = text.str.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
    return pd.to_numeric(text.mask(grouped, text.str.replace(",", "")), errors="coerce")
