"""From columns as a source gives them to columns of numbers, dates and words, and what is said."""

import logging
from collections.abc import Iterable

import pandas as pd

from dnn_sweep.core.data.columns import is_text, plain_values
from dnn_sweep.core.data.date_formats import is_ambiguous
from dnn_sweep.core.data.reading import parse_numbers
from dnn_sweep.core.data.recognition import (
    find_numbers,
    recognise,
    uses_decimal_comma,
)
from dnn_sweep.core.data.schema import Column
from dnn_sweep.core.data.targets import read_target
from dnn_sweep.parameters import DataParameters

logger = logging.getLogger(__name__)

SHOWN = 8  # columns in one line of the log
EXAMPLES = 1000  # values that show whether a mark is in doubt


def read_columns(
    raw: pd.DataFrame, data: DataParameters, plain: Iterable[str | None] = ()
) -> tuple[pd.DataFrame, dict[str, Column]]:
    """Convert every column by what it holds, and log what was guessed.

    The columns named in ``plain`` are neither features nor read any further.

    Returns:
        The table with values as they are used, and how each feature column is read, by its name.

    Raises:
        SweepError: If the values of a column do not fit together; names it, the row, and what
            can be done.

    >>> raw = pd.DataFrame({"price": ["$9,000", "-"], "pet": ["dog", " cat"]})
    >>> table, how = read_columns(raw, DataParameters(target="pet"))
    >>> table.to_dict("list"), how["price"].kind
    ({'price': [9000.0, nan], 'pet': ['dog', 'cat']}, 'numeric')
    """
    beside = {data.split_column, data.sample_weight, data.sequence.id, *plain}
    columns = {str(name): plain_values(column) for name, column in raw.items()}
    texts = {name: each for name, each in columns.items() if is_text(each) and name not in beside}
    comma = uses_decimal_comma(pd.DataFrame(texts, index=raw.index), data) if texts else False
    known = {}
    for name, column in columns.items():
        if name == data.target:
            columns[name] = read_target(column, data, decimal_comma=comma)
        elif name == data.sample_weight and is_text(column):
            columns[name] = _read_weights(column, data, decimal_comma=comma)
        elif name == data.split_column and is_text(column):
            columns[name] = column.str.strip()
        elif name not in beside:
            columns[name], known[name] = recognise(column, data, decimal_comma=comma)
    table = pd.DataFrame(columns, index=raw.index)
    _log_gaps(raw, table[list(known)])
    _log_numbers([raw[name] for name in known if name in texts], table, known, data)
    _log_dates(raw, table, known.values(), data)
    for name, how in known.items():
        if how.spellings:
            logger.warning(
                "Column %r: spellings that differ in letter case alone are one category: %s "
                "(data.letter_case: keep tells them apart)",
                name,
                _shorten([repr(each) for each in how.spellings.values()]),
            )
    return table, known


def _read_weights(column: pd.Series, data: DataParameters, *, decimal_comma: bool) -> pd.Series:
    """The numbers of a column of weights that was written as text; the rest is refused later."""
    text = column.dropna().astype("string").str.strip()
    how, share = find_numbers(text, data, decimal_comma=decimal_comma)
    return parse_numbers(column, **how) if share == 1 and how else column


def _log_gaps(raw: pd.DataFrame, read: pd.DataFrame) -> None:
    found = []
    for name, gaps in read.isna().sum().items():
        if gaps:
            column = raw[name]
            marks = column[read[name].isna() & column.notna()].drop_duplicates().tolist()[:4]
            found.append(f"{name} {gaps}" + (f" ({', '.join(map(repr, marks))})" if marks else ""))
    if found:
        logger.info("Gaps, to be filled: %s", _shorten(found))


def _log_numbers(
    columns: Iterable[pd.Series],
    table: pd.DataFrame,
    known: dict[str, Column],
    data: DataParameters,
) -> None:
    found = []
    for column in columns:
        how = known[str(column.name)]
        if how.kind != "numeric" or (how.decimal, how.thousands, how.unit) == (".", "", ""):
            continue
        text = column[table[column.name].notna()].astype("string").str.strip()
        first = next((each for each in text if not each.isdecimal()), text.iloc[0])
        share = 0.0
        if how.thousands == "," and data.decimal is None:
            opposite = data.model_copy(update={"decimal": ","})
            _, share = find_numbers(text.head(EXAMPLES), opposite, decimal_comma=True)
        doubt = f", unless data.decimal is {how.thousands!r}" if share == 1 else ""
        marks = f"decimal {how.decimal!r}" + (
            f", thousands {how.thousands!r}" if how.thousands else ""
        )
        marks += f", unit {how.unit!r}" if how.unit else ""
        found.append(f"{column.name} ({first!r}: {marks}{doubt})")
    if found:
        logger.info("Read as numbers: %s", _shorten(found))


def _log_dates(
    raw: pd.DataFrame, table: pd.DataFrame, known: Iterable[Column], data: DataParameters
) -> None:
    for how in known:
        if how.kind != "date" or not is_text(raw[how.name]):
            continue
        text = raw[how.name][table[how.name].notna()].astype("string").str.strip()
        moment = table[how.name].dropna().iloc[0]
        shown = f"{moment:%-d %B %Y}" if "d" in (how.format or "d") else f"{moment:%H:%M:%S}"
        example = f"{text.iloc[0]!r} is {shown}"
        parts = ", ".join(how.parts)
        if data.day_first is None and is_ambiguous(text, how.format):
            logger.warning(
                "Column %r holds dates; %s, which data.day_first could change. Inputs: %s",
                how.name,
                example,
                parts,
            )
        else:
            logger.info("Column %r holds dates: %s. Inputs: %s", how.name, example, parts)


def _shorten(found: list[str]) -> str:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more
