"""What a column of text holds: numbers as people write them, dates, true and false, or words."""

from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from dnn_sweep.core.data.columns import MOSTLY, SAMPLE, describe_first, is_date, is_text
from dnn_sweep.core.data.date_formats import find_dates
from dnn_sweep.core.data.reading import (
    MARKS,
    PARTS,
    date_part,
    find_marks,
    parse_numbers,
    read_dates,
    read_numbers,
    read_text,
    without_marks,
)
from dnn_sweep.core.data.schema import Column
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters

# Decimal mark, mark of thousands.
POINT = ((".", ""), (".", ","), (".", " "), (".", "'"))
COMMA = ((",", ""), (",", "."), (",", " "))
_WITH_UNIT = r"[+-]?\d[\d., ]*\s*([^\d\s.,+\-*/:()$€£¥₩₹]{1,6})"


def recognise(
    column: pd.Series, data: DataParameters, *, decimal_comma: bool = False
) -> tuple[pd.Series, Column]:
    """Convert a feature column by what it holds.

    Args:
        column: Of any type; text is recognised.
        data: What is given is not guessed.
        decimal_comma: Whether 1,234 is rather a number with three decimals; see
            :func:`uses_decimal_comma`.

    Returns:
        The column's values as they are used, and how they are read.

    Raises:
        SweepError: If most values are numbers or dates and some are not; names column and row.

    >>> prices = pd.Series(["$9,000", "-", "$12,500"], name="price")
    >>> values, how = recognise(prices, DataParameters())
    >>> values.tolist(), how.kind, how.thousands
    ([9000.0, nan, 12500.0], 'numeric', ',')
    """
    name = str(column.name)
    if is_datetime64_any_dtype(column):
        return _as_date(column, "", data)
    if name in data.text:
        if not is_text(column):
            raise SweepError(f"data.text: column {name!r} holds no text")
        return read_text(column, {}, data.missing), Column(name=name, kind="text")
    if name in data.categorical:
        if is_numeric_dtype(column) or is_bool_dtype(column):
            return column, Column(name=name, kind="categorical")
        return _as_text(column, data)
    if is_numeric_dtype(column) or is_bool_dtype(column):
        if is_bool_dtype(column):
            return column, Column(name=name, kind="boolean")
        return without_marks(column, data.missing), Column(name=name, kind="numeric")
    if is_date(column.dropna()):  # times and spans of time, which are left out
        return column, Column(name=name, kind="categorical")
    marks = find_marks(column, data.missing, MARKS).fillna(False).astype(bool)
    present = column[column.notna() & ~marks]
    if is_bool_dtype(present.infer_objects()):
        return column, Column(name=name, kind="boolean")
    text = present.astype("string").str.strip()
    if text.empty or set(text.str.lower().unique()) <= {"true", "false"}:
        return column.mask(marks), Column(name=name, kind="boolean")
    how, share = find_numbers(text, data, decimal_comma=decimal_comma)
    if share == 1:
        return read_numbers(column, how, data.missing), Column(name=name, kind="numeric", **how)
    if share >= MOSTLY:
        wrong = parse_numbers(text, **how).isna()
        raise SweepError(
            f"column {name!r}: {describe_first(wrong, present, 'numbers')}. If it stands for a "
            "gap, add it to data.missing; otherwise correct it, or leave the column out with "
            "data.ignore"
        )
    if (written := find_dates(text, data)) is not None:
        return _as_date(column, written, data)
    if unit := _unit_of(text):
        raise SweepError(
            f"column {name!r} holds numbers with a unit, such as {present.iloc[0]!r}: name it in "
            f"data.numeric to read them as numbers of {unit!r}, or in data.categorical to keep "
            "each as a category"
        )
    return _as_text(column, data)


def uses_decimal_comma(columns: pd.DataFrame, data: DataParameters) -> bool:
    """Whether some column can only be numbers with a decimal comma."""
    if data.decimal:
        return data.decimal == ","
    for name in columns:
        column = columns[name]
        if is_numeric_dtype(column) or is_datetime64_any_dtype(column):
            continue
        text = column.dropna().astype("string").str.strip()
        if text.str.fullmatch(r"[+-]?\d+,(\d{1,2}|\d{4,})").any():
            how, share = find_numbers(text, data, decimal_comma=False)
            if share >= MOSTLY and how.get("decimal") == ",":
                return True
    return False


def find_numbers(
    text: pd.Series, data: DataParameters, *, decimal_comma: bool
) -> tuple[dict[str, Any], float]:
    """How most values of a column can be read as numbers, and the share of those.

    >>> find_numbers(pd.Series(["45%", "7%"]), DataParameters(), decimal_comma=False)
    ({'unit': '%'}, 1.0)
    """
    text = text[~find_marks(text, data.missing, MARKS).fillna(False).astype(bool)]
    marks = COMMA + POINT if decimal_comma else POINT + COMMA
    allowed = [
        (decimal, thousands)
        for decimal, thousands in marks
        if data.decimal in (None, decimal)
        and (not thousands or data.thousands in (None, thousands))
    ]
    if data.decimal and data.thousands:
        allowed.append((data.decimal, data.thousands))
    unit = "%" if len(text) and text.str.endswith("%").all() else ""
    if text.name in data.numeric:
        unit = _unit_of(text) or unit
    best: dict[str, Any] = {}
    most = 0.0
    for decimal, thousands in allowed:
        how = {"decimal": decimal, "thousands": thousands, "unit": unit}
        how = {k: v for k, v in how.items() if v and (k, v) != ("decimal", ".")}
        # Most columns of words are known by their first rows.
        if len(text) > SAMPLE and parse_numbers(text.head(SAMPLE), **how).notna().mean() < MOSTLY:
            continue
        share = float(parse_numbers(text, **how).notna().mean())
        if share > most:
            best, most = how, share
        if share == 1:
            break
    return best, most


def _as_date(column: pd.Series, written: str, data: DataParameters) -> tuple[pd.Series, Column]:
    name = str(column.name)
    if data.dates == "text":
        if is_datetime64_any_dtype(column):
            column = column.dt.strftime("%Y-%m-%dT%H:%M:%S")
        return _as_text(column, data)
    moments = read_dates(column, {"format": written}, data.missing)
    parts = tuple(part for part in PARTS if date_part(moments, part).nunique() > 1)
    return moments, Column(name=name, kind="date", format=written, parts=parts)


def _as_text(column: pd.Series, data: DataParameters) -> tuple[pd.Series, Column]:
    """Text without blanks at its ends; spellings that differ in letter case alone become one."""
    name = str(column.name)
    read = read_text(column, {}, data.missing)
    spellings = join_spellings(read) if data.letter_case == "join" else {}
    if spellings:
        read = read_text(read, {"spellings": spellings}, data.missing)
    return read, Column(name=name, kind="categorical", spellings=spellings)


def join_spellings(column: pd.Series) -> dict[str, str]:
    """The most frequent spelling of each text that is spelled in several ways, by lower case.

    >>> join_spellings(pd.Series(["Cat", "cat", "cat", "dog"]))
    {'cat': 'cat'}
    """
    counts = column[column.map(lambda value: isinstance(value, str))].value_counts()
    groups: dict[str, list[str]] = {}
    for spelling in sorted(counts.index, key=lambda each: (-counts[each], each)):
        groups.setdefault(spelling.casefold(), []).append(spelling)
    return {folded: each[0] for folded, each in groups.items() if len(each) > 1}


def _unit_of(text: pd.Series) -> str | None:
    """What follows the number in nearly every value, if it is the same."""
    found = text.str.extract(rf"^{_WITH_UNIT}$")[0].dropna()
    if len(found) < MOSTLY * len(text) or found.empty:
        return None
    return str(found.iloc[0]) if found.nunique() == 1 else None
