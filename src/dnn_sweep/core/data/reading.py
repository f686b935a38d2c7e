"""What the text in a column means: numbers, dates, categories and gaps, by what was recorded.

A copy of this file lies beside every registered model, so that a server reads as training did. It
therefore imports NumPy and pandas only.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_float, is_numeric_dtype

MISSING = "missing"  # the category that stands for a gap
# Text that is no value: in every column as written, where numbers or dates belong in any case.
NO_TEXT = frozenset(
    {"", "NA", "N/A", "n/a", "#NA", "#N/A", "#N/A N/A", "<NA>", "NaN", "nan", "-NaN", "-nan"}
    | {"NULL", "null", "None", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"}
)
MARKS = frozenset(map(str.casefold, NO_TEXT)) | {"?", "-", "--", ".", "..", "*", "nil", "missing"}
_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
_CURRENCY = r"[$€£¥₩₹]"
_ALIKE = str.maketrans("\u00a0\u2009\u202f\u2212", "   -")  # other blanks, the minus sign
PARTS = ("year", "month", "day", "weekday", "hour", "elapsed")  # elapsed: days since 1970


class UnreadableError(ValueError):
    """A value is not of its column's kind; the message names column and row."""


def read_features(
    rows: pd.DataFrame,
    columns: Iterable[Mapping[str, Any]],
    missing: Collection[str] | None = None,
) -> pd.DataFrame:
    """Convert the feature columns of raw rows to one type per kind.

    Numeric and boolean columns become float64 with gaps (and infinities) as NaN, the parts of a
    date such columns of their own, categorical ones text with ``missing`` for a gap, and free text
    stays text, empty for a gap.

    Args:
        rows: Raw rows, or rows that were read before; further columns are ignored.
        columns: Of each feature its ``name``, its ``kind`` and how it was read, as in
            :class:`~dnn_sweep.core.data.schema.Column`; of a category perhaps its known ``values``.
        missing: The marks of gaps; ``None`` for :data:`MARKS`.

    Raises:
        UnreadableError: If a value is not of its column's kind; names column and row.

    >>> age = {"name": "age", "kind": "numeric", "decimal": ","}
    >>> read_features(pd.DataFrame({"age": ["3,5", "?"]}), [age])["age"].tolist()
    [3.5, nan]
    """
    read: dict[str, pd.Series] = {}
    for column in columns:
        values, name = rows[column["name"]], column["name"]
        if column["kind"] == "categorical":
            read[name] = _spelled(read_text(values, column, missing), column.get("values", ()))
        elif column["kind"] == "text":
            read[name] = read_text(values, column, missing).map(spell, na_action="ignore")
            read[name] = read[name].astype(object).where(read[name].notna(), "")
        elif column["kind"] == "date":
            moments = read_dates(values, column, missing)
            read |= {part_name(name, part): date_part(moments, part) for part in column["parts"]}
        elif column["kind"] == "boolean":
            read[name] = read_booleans(values, missing)
        else:
            read[name] = read_numbers(values, column, missing)
    return pd.DataFrame(read, index=rows.index)


def spell(value: object) -> str:
    """Write a category as text, the same whether a gap has made its column floats or not.

    >>> spell(1), spell(1.0), spell(2.5), spell("1.0")
    ('1', '1', '2.5', '1.0')
    """
    return str(int(value)) if is_float(value) and float(value).is_integer() else str(value)


def find_marks(
    column: pd.Series, missing: Collection[str] | None, usual: Collection[str]
) -> pd.Series:
    """Where the text of a column stands for a gap; ``missing`` replaces the usual marks."""
    text = column.astype("string").str.strip()
    if missing is None:
        return text.isin(usual) | text.str.casefold().isin(usual)
    return text.isin(["", *missing])


def without_marks(column: pd.Series, missing: Collection[str] | None) -> pd.Series:
    """A column of numbers with gaps where a number, such as -999, is a given mark of gaps."""
    numbers = pd.to_numeric(pd.Series(list(missing or ()), dtype=object), errors="coerce").dropna()
    marked = column.isin(numbers.tolist()) if len(numbers) else None
    return column.mask(marked) if marked is not None and marked.any() else column


def read_numbers(
    column: pd.Series, how: Mapping[str, Any], missing: Collection[str] | None = None
) -> pd.Series:
    """Convert a column to float64, with gaps and infinities as NaN.

    >>> read_numbers(pd.Series(["$1,200", "(35)", "-"]), {"thousands": ","}).tolist()
    [1200.0, -35.0, nan]
    """
    if is_numeric_dtype(column):
        numbers = column.astype("float64")
    else:
        # A number among text is that number, whatever marks the text has.
        typed = column.map(is_float) if column.dtype == object else None
        text = column if typed is None else column.mask(typed)
        numbers = parse_numbers(text, **_pick(how, "decimal", "thousands", "unit"))
        if typed is not None:
            numbers = numbers.where(~typed, column.where(typed).astype("float64"))
        unread = numbers.isna() & ~find_marks(column, missing, MARKS) & column.notna()
        _refuse(unread, column, "a number")
    return without_marks(numbers, missing).replace([np.inf, -np.inf], np.nan)


def read_booleans(column: pd.Series, missing: Collection[str] | None = None) -> pd.Series:
    """Convert true and false to 1.0 and 0.0, with gaps as NaN."""
    if is_numeric_dtype(column):
        numbers = column.astype("float64").replace([np.inf, -np.inf], np.nan)
        _refuse(~numbers.isin([0, 1]) & numbers.notna(), column, "true or false")
        return numbers
    read = column.astype("string").str.strip().str.lower().map(_BOOLEANS).astype("float64")
    unread = read.isna() & ~find_marks(column, missing, MARKS) & column.notna()
    _refuse(unread, column, "true or false")
    return read


def read_dates(
    column: pd.Series, how: Mapping[str, Any], missing: Collection[str] | None = None
) -> pd.Series:
    """Convert a column to moments without a time zone, with gaps as NaT.

    >>> how = {"format": "%d/%m/%Y"}
    >>> read_dates(pd.Series(["01/03/2024", "2024-03-02"]), how).dt.day.tolist()
    [1, 2]
    """
    moments = parse_dates(column, how.get("format", ""))
    unread = moments.isna() & column.notna()
    if how.get("format") and unread.any():
        # A program that sends dates writes them as ISO 8601 does.
        moments = moments.fillna(parse_dates(column.where(unread), ""))
    unread = moments.isna() & ~find_marks(column, missing, MARKS) & column.notna()
    _refuse(unread, column, f"a date {how.get('format') or 'such as 2026-01-31'}".rstrip())
    return moments


def read_text(
    column: pd.Series, how: Mapping[str, Any], missing: Collection[str] | None = None
) -> pd.Series:
    """Return a column of text without blanks at its ends, spelled as in training."""
    if is_numeric_dtype(column) or is_bool_dtype(column):
        return column
    spellings = how.get("spellings") or {}
    if column.dtype == object:
        _refuse(column.map(lambda each: isinstance(each, (list, dict))), column, "one value")

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        return spellings.get(text.casefold(), text)

    text = column.map(read, na_action="ignore")
    return text.mask(find_marks(column, missing, NO_TEXT).fillna(False).astype(bool))


def parse_numbers(
    column: pd.Series, decimal: str = ".", thousands: str = "", unit: str = ""
) -> pd.Series:
    """Read numbers as people write them; NaN where there is none.

    A currency sign, a percent sign that is the unit, and brackets for a negative number are read.

    >>> parse_numbers(pd.Series(["1.234,5", "-7"]), decimal=",", thousands=".").tolist()
    [1234.5, -7.0]
    """
    text = column.astype("string").str.strip()
    numbers = pd.Series(np.nan, index=column.index, name=column.name)
    if decimal == "." and thousands != ".":
        numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    unread = (numbers.isna() & text.notna()).to_numpy(dtype=bool)
    if not unread.any():
        return numbers
    d, t = re.escape(decimal), re.escape(thousands)
    digits = rf"(?:\d+(?:{d}\d*)?|{d}\d+)(?:[eE][+-]?\d+)?"
    if thousands:
        digits = rf"(?:[1-9]\d{{0,2}}(?:{t}\d{{3}})+(?:{d}\d*)?|{digits})"
    written = re.compile(
        rf"(?P<open>\()? ?(?P<sign>[+-]?) ?{_CURRENCY}? ?(?P<inner>[+-]?)"
        rf"(?P<digits>{digits}) ?{_CURRENCY}? ?(?:{re.escape(unit)})? ?(?P<close>\))?"
    )

    def read(text: str) -> float:
        found = written.fullmatch(text.translate(_ALIKE))
        if not found or bool(found["open"]) != bool(found["close"]):
            return np.nan
        signs = found["sign"] + found["inner"]
        if len(signs) > 1:
            return np.nan
        plain = found["digits"].replace(thousands, "") if thousands else found["digits"]
        value = float(plain.replace(decimal, "."))
        return -value if (signs == "-") != bool(found["open"]) else value

    values = numbers.to_numpy(copy=True)
    texts = text[unread].tolist()
    known = {each: read(each) for each in set(texts)}
    values[unread] = [known[each] for each in texts]
    return pd.Series(values, index=column.index, name=column.name)


def parse_dates(column: pd.Series, written: str) -> pd.Series:
    """Read moments in a format, of ``strptime`` or (empty) ISO 8601; NaT where there is none."""
    if not is_datetime64_any_dtype(column):
        text = column.astype("string").str.strip()
        if "%p" in written:  # Python knows the halves of the day in English alone
            text = text.str.replace("오전", "AM").str.replace("오후", "PM")
        column = pd.to_datetime(text, format=written or "ISO8601", errors="coerce", utc=True)
    moments = column.dt.tz_localize(None) if column.dt.tz is not None else column
    return moments.astype("datetime64[us]")


def date_part(moments: pd.Series, part: str) -> pd.Series:
    """One of :data:`PARTS` as float64.

    >>> date_part(pd.Series(pd.to_datetime(["1970-01-02T12:00"])), "elapsed").tolist()
    [1.5]
    """
    if part == "elapsed":
        # Nanoseconds, pandas' own choice, would end in 2262.
        return (moments - pd.Timestamp(0).as_unit("us")) / pd.Timedelta(days=1)
    attribute = "day_of_week" if part == "weekday" else part
    return getattr(moments.dt, attribute).astype("float64")  # type: ignore[no-any-return]


def part_name(name: str, part: str) -> str:
    """The name of the input that a part of a date becomes.

    >>> part_name("sold", "month")
    'sold (month)'
    """
    return f"{name} ({part})"


def _spelled(column: pd.Series, known: Collection[str]) -> pd.Series:
    """Categories as text; ``known`` spellings count where a number lost or gained its ``.0``."""
    known = set(known)

    def spelled(value: Any) -> str:
        if pd.isna(value):
            return MISSING
        text = spell(float(value) if known and type(value).__name__ == "Decimal" else value)
        spellings = (text, text.removesuffix(".0"), f"{text}.0")
        return next((each for each in spellings if each in known), text)

    return pd.Series(map(spelled, column.array), index=column.index, name=column.name, dtype=object)


def _pick(how: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: how[key] for key in keys if how.get(key)}


def _refuse(wrong: pd.Series, column: pd.Series, expected: str) -> None:
    wrong = wrong.fillna(False).astype(bool)
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        raise UnreadableError(
            f"column {column.name!r}, row {column.index[at]}: {column.tolist()[at]!r} where "
            f"{expected} is expected"
        )
