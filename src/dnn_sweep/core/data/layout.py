"""Where a text file keeps its table: separator, header, and lines that are not rows."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dnn_sweep.core.data.reading import MARKS
from dnn_sweep.core.errors import SweepError

SEPARATORS = (",", ";", "\t", "|")
SPACES = r"\s+"  # as pandas spells runs of blanks
MOSTLY = 0.9  # share of a column that must be numbers for it to be one of numbers
_NUMBER = re.compile(r"\(?[+-]?\W{0,2}\d[\d.,' \u00a0]*([eE][+-]?\d+)?\s*%?\)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,(\d{1,2}|\d{4,})")

Row = tuple[int, list[str]]  # the line it starts in, from 0, and its fields


@dataclass(frozen=True)
class Layout:
    """How to read a text file's table.

    Args:
        separator: One character, or :data:`SPACES`.
        names: The columns' names, made up if there is no header.
        header: The header's line, from 1; ``None`` without one.
        skip: Lines, from 0, that hold no row: header, titles, comments, units.
        quote: The character that encloses fields.
        decimal_comma: Whether numbers are written as in 3,75.
        notes: Sentences about guesses that may be wrong.
    """

    separator: str
    names: tuple[str, ...]
    header: int | None
    skip: tuple[int, ...] = ()
    quote: str = '"'
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()


def find_layout(
    text: str, *, usual: str = ",", separator: str | None = None, header: str | int = "auto"
) -> Layout:
    r"""Guess how a text's table is laid out; what is given is not guessed.

    Args:
        text: The beginning of the file, whole lines.
        usual: The separator that its suffix suggests.
        separator: One character, or :data:`SPACES`; ``None`` to guess.
        header: The header's line, from 1; ``none`` if there is no header, ``auto`` to guess.

    >>> layout = find_layout("width;pet\n0,5;dog\n1,5;cat\n")
    >>> layout.separator, layout.decimal_comma, layout.names
    (';', True, ('width', 'pet'))
    """
    lines = text.splitlines(keepends=True)
    comments = [at for at, line in enumerate(lines) if line.startswith("#")]
    plain = [line for line in lines if line.strip() and not line.startswith("#")]
    quote = "'" if _is_quoted_singly(plain) else '"'
    separator = separator or _guess_separator(plain, usual, quote)
    rows = [row for row in _fields(lines, separator, quote) if row[0] not in comments]
    layout = find_header(rows, header)
    if layout.header is None and header == "auto" and comments and comments[-1] < rows[0][0]:
        line = comments[-1]  # the header may be a comment
        _, names = next(iter(_fields([lines[line].lstrip("# ")], separator, quote)), (line, []))
        if _are_plain_names(names, len(layout.names), rows):
            layout = Layout("", tuple(names), line + 1)
    skip = sorted({*comments, *layout.skip})
    cells = (cell.strip() for line, fields in rows if line not in skip for cell in fields)
    comma = separator != "," and any(map(_DECIMAL_COMMA.fullmatch, cells))
    return replace(layout, separator=separator, skip=tuple(skip), quote=quote, decimal_comma=comma)


def find_header(rows: Sequence[Row], header: str | int = "auto") -> Layout:
    """Find the header among the first rows, and the lines beside it that are not rows.

    Raises:
        SweepError: If a line above the table cannot be told from its header; names it.

    >>> rows = [(0, ["Pets", ""]), (1, ["width", "pet"]), (2, ["1", "dog"]), (3, ["2", "cat"])]
    >>> find_header(rows).header
    2
    """
    if not rows:
        raise SweepError("the file is empty")
    if header == "none":
        return _without_header(rows)
    if header != "auto":
        at = next((at for at, (line, _) in enumerate(rows) if line + 1 == header), None)
        if at is None:
            raise SweepError(f"data.header: line {header} is empty, a comment, or too far down")
        return _below(rows, at)
    width = _usual_width(rows[1:] or rows)
    titles = 0
    while titles + 1 < len(rows) and width > 1 and sum(map(bool, rows[titles][1])) == 1:
        titles += 1
    if titles and _are_plain_names(rows[titles][1], width, rows[titles + 1 :]):
        lines = ", ".join(f"line {line + 1} ({_show(cells)})" for line, cells in rows[:titles])
        return _below(rows, titles, f"{lines} left out: not part of the table")
    if titles and len(rows[titles - 1][1]) < width == len(rows[titles][1]):
        lines = ", ".join(f"line {line + 1} ({_show(cells)})" for line, cells in rows[:titles])
        return _without_header(
            rows[titles:],
            f"{lines} left out, and no line below looks like a header, so the columns are called "
            f"column_1 to column_{width}. If there is one, set data.header to its line",
        )
    line, first = rows[0]
    if len(rows) > 2 and len(first) < width:
        below, names = rows[1]
        if _are_plain_names(names, width, rows[2:]):
            raise SweepError(
                f"line {line + 1} ({_show(first)}) has {len(first)} fields and line {below + 1} "
                f"({_show(names)}) {width}, as most have. If that is the header, set "
                f"data.header: {below + 1}"
            )
    if len(first) == width and not _names_columns(first, rows[1:]):
        return _without_header(
            rows,
            f"line {line + 1} ({_show(first)}) looks like data, so the columns are called "
            f"column_1 to column_{width}. If it is the header, set data.header: {line + 1}; if "
            "there is none, data.header: none",
        )
    return _below(rows, 0)


def _note_short_rows(rows: Sequence[Row], names: list[str]) -> tuple[str, ...]:
    """A sentence if most rows have fewer fields than the header names."""
    if not rows or (width := _usual_width(rows)) >= len(names):
        return ()
    return (
        f"the header has {len(names)} fields and most rows have {width}, so the last columns are "
        "gaps. If the separator was misread, set data.separator",
    )


def _without_header(rows: Sequence[Row], *notes: str) -> Layout:
    names = tuple(f"column_{at + 1}" for at in range(_usual_width(rows)))
    return Layout("", names, None, tuple(range(rows[0][0])), notes=notes)


def _below(rows: Sequence[Row], at: int, *notes: str) -> Layout:
    """The layout of a table whose header is the row ``at``."""
    line, names = rows[at]
    skip = list(range(line + 1))
    if len(rows) > at + 2 and _holds_units(rows[at + 1][1], rows[at + 2 :]):
        units, cells = rows[at + 1]
        skip.append(units)
        notes += (f"line {units + 1} ({_show(cells)}) left out: it holds units",)
    notes += _note_short_rows(rows[at + 1 :], names)
    return Layout("", tuple(names), line + 1, tuple(skip), notes=notes)


def _names_columns(first: list[str], body: Sequence[Row]) -> bool:
    """Whether a row names the columns below it."""
    columns = list(zip(first, _columns(body, len(first)), strict=True))
    above = [name.strip() for name, column in columns if _is_numeric(column)]
    if any(name.casefold() not in MARKS and not _is_number(name) for name in above):
        return True
    words = [name in column for name, column in columns if not _is_numeric(column)]
    if 2 * sum(words) > len(words):
        return False
    if not any(above):
        return True
    # Numbers name columns if they count on: 0, 1, 2 …, or years.
    if len(above) < 2 or not all(map(str.isdecimal, above)):
        return False
    return [int(name) - int(above[0]) for name in above] == list(range(len(above)))


def _are_plain_names(cells: list[str], width: int, body: Sequence[Row]) -> bool:
    plain = len(cells) == width and all(cells) and not any(map(_is_number, cells))
    return plain and _names_columns(cells, body)


def _holds_units(cells: list[str], body: Sequence[Row]) -> bool:
    numeric = [_is_numeric(column) for column in _columns(body, len(cells))]
    beside = [cell for cell, numbers in zip(cells, numeric, strict=True) if not numbers]
    units = [cell.strip() for cell, numbers in zip(cells, numeric, strict=True) if numbers]
    known = [unit for unit in units if unit.casefold() not in MARKS]
    return bool(known) and not any(map(_is_number, known)) and not any(map(str.strip, beside))


def _columns(rows: Sequence[Row], width: int) -> list[list[str]]:
    return [[row[at] for _, row in rows if len(row) > at] for at in range(width)]


def _usual_width(rows: Sequence[Row]) -> int:
    return Counter(len(cells) for _, cells in rows).most_common(1)[0][0]


def _is_numeric(column: list[str]) -> bool:
    present = [cell for cell in column if cell.strip().casefold() not in MARKS]
    return bool(present) and sum(map(_is_number, present)) >= MOSTLY * len(present)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell.strip()) is not None


def _show(fields: list[str]) -> str:
    text = ", ".join(cell.strip() for cell in fields if cell.strip())
    return repr(text if len(text) <= 60 else f"{text[:57]}…")


def _guess_separator(lines: list[str], usual: str, quote: str) -> str:
    """The separator that divides most lines alike, then into most fields, then the usual one."""
    scores = {}
    for each in (usual, *SEPARATORS):
        lengths = Counter(len(fields) for _, fields in _fields(lines, each, quote))
        fields, lines_alike = lengths.most_common(1)[0] if lengths else (1, 0)
        if fields > 1:
            scores[each] = (lines_alike / lengths.total(), fields, each == usual)
    lengths = Counter(len(fields) for _, fields in _fields(lines, SPACES, quote))
    fields, lines_alike = lengths.most_common(1)[0] if lengths else (1, 0)
    # Words of a text are as many in each line only by chance.
    spaces = fields > 1 and lines_alike == len(lines) > 1
    if scores:
        best = max(scores, key=lambda each: scores[each])
        alike, found, _ = scores[best]
        return SPACES if spaces and alike < 1 and fields > found else best
    return SPACES if spaces else usual


def _fields(lines: list[str], separator: str, quote: str) -> Iterator[Row]:
    """The fields of every line that is not blank; one row may go on for several lines."""
    if separator == SPACES:
        for at, whole in enumerate(lines):
            plain = whole.replace("\t", " ").strip()
            read = csv.reader([plain], delimiter=" ", quotechar=quote, skipinitialspace=True)
            yield from ((at, fields) for fields in read if fields)
        return
    reader, line = csv.reader(lines, delimiter=separator, quotechar=quote), 0
    for fields in reader:
        if len(fields) > 1 or any(map(str.strip, fields)):
            yield line, fields
        line = reader.line_num


def _is_quoted_singly(lines: list[str]) -> bool:
    if any('"' in line for line in lines):
        return False
    quoted = sum(bool(re.search(r"(^|[,;\t|])'[^']*'([,;\t|]|\s*$)", line)) for line in lines)
    return quoted > len(lines) / 2
