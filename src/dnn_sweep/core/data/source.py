"""A source as it was read: its layout, and of each column the kind, examples and gaps."""

from typing import Any, Literal

import pandas as pd
from pandas.api.types import is_scalar
from pydantic import BaseModel

from dnn_sweep.core.data.columns import is_text
from dnn_sweep.core.data.date_formats import is_ambiguous
from dnn_sweep.core.data.names import find_columns
from dnn_sweep.core.data.reading import spell
from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.parameters import DataParameters, SplitParameters

BY_USER = "named in data.ignore"
EXAMPLES = 3  # of each column
SAMPLE = 200  # rows among which examples are sought
LONGEST = 40  # characters of an example
# Where a dataset says in a table's attributes how it read the file, and what may be wrong in that.
HOW, NOTES = "how", "notes"

Kind = Literal[
    "numeric", "boolean", "categorical", "date", "text", "target", "split", "weight", "group",
    "time", "sequence", "left out",
]  # fmt: skip


class SourceColumn(BaseModel, frozen=True, extra="forbid"):
    """A column of the source, and what became of it.

    Args:
        name: In the source; of several columns the first and the last.
        kind: What it is read as, or what it is for.
        examples: A few values as written and, where they differ, as read.
        gaps: Rows without a value.
        note: How it is read beside that, or why it is left out.
        ambiguous: Whether its dates could also be read with day and month exchanged.
        columns: How many columns this stands for.
    """

    name: str
    kind: Kind
    examples: tuple[str, ...] = ()
    gaps: int = 0
    note: str = ""
    ambiguous: bool = False
    columns: int = 1


class Source(BaseModel, frozen=True, extra="forbid"):
    """A source as it was read.

    Args:
        how: Encoding, separator and header of a file; empty for other sources.
        rows: Of the source, before any are drawn or joined.
        columns: All of them, in the source's order.
        notes: Sentences about guesses that may be wrong.

    >>> source.rows, source.columns[0].name, source.columns[0].examples
    (150, 'sepal length (cm)', ('5.1', '4.9', '4.7'))
    """

    how: str = ""
    rows: int
    columns: tuple[SourceColumn, ...]
    notes: tuple[str, ...] = ()


def describe_source(
    raw: pd.DataFrame,
    table: pd.DataFrame,
    schema: Schema,
    data: DataParameters,
    split: SplitParameters,
) -> Source:
    """Describe a raw table by what :func:`~dnn_sweep.core.data.validation.validate_table` made.

    Args:
        raw: As the dataset gave it.
        table: The validated table.
        schema: Its schema.
        data: How the columns were to be read.
        split: Names columns as well.

    >>> raw = pd.DataFrame({"price": ["1,5", "2,5"] * 9, "pet": ["dog", "cat"] * 9})
    >>> given = DataParameters(target="pet"), SplitParameters()
    >>> from dnn_sweep.core.data.validation import validate_table
    >>> described = describe_source(raw, *validate_table(raw, *given), *given)
    >>> described.columns[0].kind, described.columns[0].examples
    ('numeric', ('1,5 → 1.5', '2,5 → 2.5'))
    """
    data, split = find_columns(data, split, list(raw.columns))
    special: dict[str | None, tuple[Kind, str]] = {
        **dict.fromkeys(data.ignore, ("left out", BY_USER)),
        **{name: ("left out", reason) for name, reason in schema.dropped.items()},
        data.split_column: ("split", ""),
        schema.sample_weight: ("weight", ""),
        schema.group: ("group", "its rows stay together"),
        schema.time: ("time", "orders the rows"),
        schema.target: ("target", ""),
    }
    if schema.sequence:
        key, order = schema.sequence
        special |= {key: ("sequence", "its id"), order: ("sequence", "orders the steps")}
    known, gaps = {each.name: each for each in schema.features}, table.isna().sum()
    first = table.head(SAMPLE)
    drawn = not schema.sequence and len(table) < len(raw)
    rows = raw.loc[table.index] if drawn else raw
    columns = []
    for label in raw.columns:
        name = str(label)
        kind, note = special.get(name, ("numeric", ""))  # the steps of sequences are numbers
        ambiguous = False
        read = first[name] if name in table and not schema.sequence else None
        if (how := known.get(name)) and read is not None:
            kind, note = how.kind, _note(rows[label], table[name], how, int(gaps[name]))
            ambiguous = _is_ambiguous(raw[label], how, data)
        columns.append(
            SourceColumn(
                name=name,
                kind=kind,
                examples=_examples(rows[label], read),
                gaps=int(raw[label].isna().sum() if read is None else gaps[name]),
                note=note,
                ambiguous=ambiguous,
            )
        )
    how_read, notes = str(raw.attrs.get(HOW, "")), tuple(raw.attrs.get(NOTES, ()))
    return Source(how=how_read, rows=len(raw), columns=tuple(columns), notes=notes)


def _examples(raw: pd.Series, read: pd.Series | None) -> tuple[str, ...]:
    """A few values as written and, where that is another text, as read; these come first."""
    written = raw.head(SAMPLE).tolist()
    used_for = [None] * len(written) if read is None else read.tolist()
    found: dict[str, None] = {}
    for value, used in zip(written, used_for, strict=True):
        if not _is_gap(value):
            found[_example(value, used)] = None
    return tuple(sorted(found, key=lambda each: "→" not in each)[:EXAMPLES])


def _is_gap(value: Any) -> bool:
    return is_scalar(value) and bool(pd.isna(value))


def _example(value: Any, read: Any) -> str:
    written = f"{value:.6g}" if isinstance(value, float) else _shorten(spell(value))
    if not isinstance(value, str) or read is None:
        return written
    if pd.isna(read):
        return f"{written!r} → gap"
    if isinstance(read, pd.Timestamp):
        midnight = read == read.normalize()
        return f"{written} → {read:%-d %B %Y}" + ("" if midnight else f"{read: %H:%M:%S}")
    used = f"{read:.10g}" if isinstance(read, float) else _shorten(spell(read))
    return written if used == value.strip() else f"{written} → {used}"


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _note(raw: pd.Series, read: pd.Series, how: Column, gaps: int) -> str:
    said = []
    if how.kind == "numeric":
        comma = is_text(raw) and raw.astype("string").str.contains(",", regex=False).any()
        said += [f"decimal {how.decimal!r}"] if how.decimal == "," and comma else []
        said += [f"thousands {how.thousands!r}"] if how.thousands else []
        said += [f"unit {how.unit!r}"] if how.unit else []
    elif how.kind == "categorical":
        said.append(f"{read.nunique():,} categories")
    elif how.kind == "text":
        words = read.dropna().map(lambda text: len(text.split()))
        said.append(f"by its words, {words.median():g} in the median row")
    elif how.kind == "date":
        said.append(f"becomes {', '.join(how.parts)}")
    if gaps and is_text(raw):
        marks = raw[read.isna().to_numpy() & raw.notna()].map(spell).unique().tolist()
        said += [f"gaps written {', '.join(map(repr, marks[:EXAMPLES]))}"] if marks else []
    return "; ".join(said)


def _is_ambiguous(raw: pd.Series, how: Column, data: DataParameters) -> bool:
    if how.kind != "date" or not how.format or data.day_first is not None or not is_text(raw):
        return False
    return is_ambiguous(raw.dropna().astype("string").str.strip(), how.format)
