"""One column at a time: what it holds, how it is spelled, and whether a network can use it."""

from datetime import date, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from dnn_sweep.core.data.reading import (
    UnreadableError,
    parse_dates,
    read_booleans,
    read_numbers,
    spell,
)
from dnn_sweep.core.errors import SweepError

# Text with this share of numbers was meant to be numbers, of distinct values identifies rows.
MOSTLY = 0.9
SAMPLE = 200  # values that are looked at before all are
# What `infer_dtype` calls values without an order.
MIXED = {"mixed", "mixed-integer"}


def refuse_where(wrong: pd.Series, column: pd.Series, problem: str, what: str = "column") -> None:
    """Raise a ``SweepError`` with the first value for which ``wrong`` is true and its row."""
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        value = column.tolist()[at]
        raise SweepError(f"{what} {column.name!r}, row {column.index[at]}: {value!r} {problem}")


def plain_values(column: pd.Series) -> pd.Series:
    """Replace decimals by floats, dates by moments, and values of mixed types by text.

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
    if infer_dtype(present) in {"date", "datetime"}:
        return parse_dates(column, "")
    mixed = infer_dtype(present) in MIXED and not is_date(present)
    return column.map(spell, na_action="ignore") if mixed else column


def reason_to_drop(column: pd.Series, *, unique: bool = True) -> str | None:
    """Reason why a network could learn nothing from a column; ``None`` where it could.

    ``unique`` says whether a text of its own in nearly every row is such a reason.
    """
    present = column.dropna()
    if present.empty:
        return "every value is missing"
    if not is_datetime64_any_dtype(column) and is_date(present):
        return "times and spans of time are not used; turn it into numbers first"
    numeric = is_numeric_dtype(column) or is_datetime64_any_dtype(column)
    if present.nunique() == 1 and (numeric or len(present) == len(column)):
        gaps = " that is not missing" if len(present) < len(column) else ""
        return f"every value{gaps} is {present.tolist()[0]!r}"
    if not unique or numeric or len(present) <= 20 or present.nunique() < MOSTLY * len(present):
        return None
    # One-hot encoding would give one column per row, and nothing to learn from any of them.
    return (
        "nearly every row has a value of its own, as an identifier or free text does; data.text "
        "uses its words, data.keep the most frequent values"
    )


def as_number(column: pd.Series, *, boolean: bool) -> pd.Series:
    """Convert a column to float64, with gaps and infinities as NaN.

    Raises:
        SweepError: If a value is neither missing nor a number, or true or false; names its row.

    >>> as_number(pd.Series(["1.5", None, "2"]), boolean=False).tolist()
    [1.5, nan, 2.0]
    """
    try:
        return read_booleans(column) if boolean else read_numbers(column, {})
    except UnreadableError as error:
        raise SweepError(str(error)) from None


def is_text(column: pd.Series) -> bool:
    """Whether a column holds neither numbers, true and false, nor typed dates."""
    return not (
        is_numeric_dtype(column) or is_bool_dtype(column) or is_datetime64_any_dtype(column)
    )


def is_date(column: pd.Series) -> bool:
    """Whether a column holds dates, times or spans of time."""
    return all(isinstance(value, date | time | timedelta) for value in column)


def describe_first(wrong: pd.Series, column: pd.Series, what: str) -> str:
    """Such as: 399 of 400 values are numbers; row 18 is '?'."""
    at = int(wrong.to_numpy(dtype=bool).argmax())
    return (
        f"{len(wrong) - int(wrong.sum())} of {len(wrong)} values are {what}; row "
        f"{column.index[at]} is {column.tolist()[at]!r}"
    )
