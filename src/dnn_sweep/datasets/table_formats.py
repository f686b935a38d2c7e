"""The kinds of files that hold a table, told apart by their content."""

import json
import logging
import warnings
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow.parquet as pq
import rich

from dnn_sweep.core.data.encoding import SAMPLE, guess_encoding
from dnn_sweep.core.data.layout import Layout, find_header, find_layout
from dnn_sweep.core.data.source import NOTES
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import LazyModule
from dnn_sweep.datasets.file_content import (
    check_archive,
    check_size,
    read_content,
    unpack_only_file,
)
from dnn_sweep.parameters import DataParameters

TEXT = (".csv", ".tsv", ".txt", ".data", ".jsonl", ".ndjson", ".json")
SUFFIXES = (*TEXT, *(f"{each}.gz" for each in TEXT), ".parquet", ".xlsx", ".xls", ".zip")
ZIP = b"PK\x03\x04"
WORKBOOKS = (ZIP, b"\xd0\xcf\x11\xe0")
LARGE = 50_000_000  # bytes of text, which take a second or more
HEADER_ROWS = 200  # of a workbook, among which its header is sought

progress = LazyModule("rich.progress")
logger = logging.getLogger(__name__)


def read_table(path: Path, data: DataParameters) -> tuple[pd.DataFrame, str]:
    r"""Read a table by what its file holds, whatever it is called.

    Returns:
        The table, and a few words on how it was read.

    Raises:
        SweepError: If it holds no table with distinct column names.

    >>> _ = Path("my.csv").write_text("width;pet\n1,5;dog\n2,5;cat\n")
    >>> read_table(Path("my.csv"), DataParameters())[1]
    "utf-8, separator ';', decimal comma, header in line 1"
    """
    content, name = read_content(path), path.name.lower()
    if content.startswith(ZIP) and (member := unpack_only_file(content)):
        name, content = member
    if not content.strip():
        raise SweepError("the file is empty")
    if content.startswith(b"PAR1") or name.endswith(".parquet"):
        table, how = _read_parquet(content), "Parquet"
    elif content.startswith(WORKBOOKS):
        table, how = _read_workbook(content, data)
    elif name.endswith((".xlsx", ".xls")):
        raise SweepError("the file is not a workbook, though its name says so")
    else:
        encoding = data.encoding or guess_encoding(content)
        try:
            if name.removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json")):
                table, how = _read_json(content, encoding)
            else:
                usual = "\t" if ".tsv" in name else ","
                table, how = _read_text(content, encoding, usual, data)
        except LookupError:
            raise SweepError(f"data.encoding: there is no encoding {data.encoding!r}") from None
        except UnicodeDecodeError as error:
            raise SweepError(
                f"the text is not {encoding} ({error.reason}, byte "
                f"0x{error.object[error.start]:02x}); set data.encoding, or leave it out to have "
                "it guessed"
            ) from None
    return table, how


def _read_text(
    content: bytes, encoding: str, usual: str, data: DataParameters
) -> tuple[pd.DataFrame, str]:
    if b"\x00" in content[:SAMPLE] and not encoding.startswith("utf-16"):
        raise SweepError(f"the file is not a table; readable are {', '.join(SUFFIXES)}")
    # Cut between lines; UTF-16 writes a line's end as two bytes, of which one may be left over.
    sample = content if len(content) <= SAMPLE else content[: content.rfind(b"\n", 0, SAMPLE) + 1]
    text = sample.decode(encoding, errors="replace" if len(content) > SAMPLE else "strict")
    layout = find_layout(text, usual=usual, separator=data.separator, header=data.header)
    names = _distinct_names(layout)
    table = _parse(content, encoding, layout, names)
    table.attrs[NOTES] = list(layout.notes)
    how = [
        encoding,
        f"separator {'spaces' if len(layout.separator) > 1 else repr(layout.separator)}",
    ]
    how += ['quote "\'"'] if layout.quote == "'" else []
    how += ["decimal comma"] if layout.decimal_comma else []
    how.append(f"header in line {layout.header}" if layout.header else "no header")
    return table, ", ".join(how)


def _parse(content: bytes, encoding: str, layout: Layout, names: list[str]) -> pd.DataFrame:
    try:
        with warnings.catch_warnings(), _shown(content) as file:
            # pandas would cut rows longer than the header, or shift them.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # `low_memory` would decide types piece by piece. The words that pandas takes for gaps
            # may be labels, so they are left to be judged column by column.
            table = pd.read_csv(
                file,
                sep=layout.separator,
                encoding=encoding,
                quotechar=layout.quote,
                header=None,
                names=range(len(names)),
                skiprows=list(layout.skip),
                keep_default_na=False,
                na_values=[""],
                low_memory=False,
                index_col=False,
                dtype=str if layout.decimal_comma else None,
            )
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=range(len(names)))
    except pd.errors.ParserWarning:
        raise SweepError(
            f"there are rows with more fields than the header, which has {len(names)}: "
            "name every column"
        ) from None
    except pd.errors.ParserError as error:
        detail = str(error).removeprefix("Error tokenizing data. C error: ")
        raise SweepError(f"cannot be read as a table: {detail}") from None
    if layout.decimal_comma:  # 1.234 is then no decimal number, but whole numbers are plain
        whole = [n for n, each in table.items() if each.str.fullmatch(r"[+-]?\d{1,15}").all()]
        table = table.astype(dict.fromkeys(whole, "int64"))
    return table.set_axis(names, axis=1)


def _shown(content: bytes) -> AbstractContextManager[BinaryIO]:
    """Open what is to be read; a terminal shows how far a large file has been read."""
    if len(content) < LARGE:
        return nullcontext(BytesIO(content))
    logger.info("Reading %.0f MB of text", len(content) / 1e6)
    elsewhere = not rich.get_console().is_terminal
    shown: AbstractContextManager[BinaryIO] = progress.wrap_file(
        BytesIO(content), len(content), description="reading", transient=True, disable=elsewhere
    )
    return shown


def _read_workbook(content: bytes, data: DataParameters) -> tuple[pd.DataFrame, str]:
    try:
        if content.startswith(ZIP):
            check_archive(content)
        with pd.ExcelFile(BytesIO(content), engine="calamine") as book:
            sheets = book.sheet_names
            cells = book.parse(0, header=None, keep_default_na=False, na_values=[""])
    except SweepError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the reader raises, the file is at fault
        raise SweepError(
            f"cannot be read as a workbook ({error}); readable are {', '.join(SUFFIXES)}"
        ) from None
    first = cells.head(HEADER_ROWS).astype(object).where(cells.head(HEADER_ROWS).notna(), "")
    rows = [(at, [str(cell) for cell in row]) for at, row in enumerate(first.to_numpy())]
    layout = find_header([row for row in rows if any(row[1])], data.header)
    names = _distinct_names(layout)
    table = cells.drop(index=list(layout.skip)).dropna(how="all").reset_index(drop=True)
    table = table.infer_objects().set_axis(names, axis=1)
    table.attrs[NOTES] = list(layout.notes)
    header = f"header in line {layout.header}" if layout.header else "no header"
    others = f"; other sheets are not read: {', '.join(map(str, sheets[1:]))}"
    return table, f"workbook, sheet {sheets[0]!r}, {header}{others if len(sheets) > 1 else ''}"


def _read_json(content: bytes, encoding: str) -> tuple[pd.DataFrame, str]:
    text = content.decode(encoding).strip()
    rows: list[Any] = []
    try:
        if text.startswith("["):
            rows = json.loads(text)
        else:
            for line in filter(str.strip, text.splitlines()):
                rows.append(json.loads(line))
    except (json.JSONDecodeError, RecursionError) as error:
        where = "" if text.startswith("[") else f"row {len(rows) + 1}: "
        raise SweepError(f"{where}not JSON ({error}); each line must be one object") from None
    if not all(isinstance(row, dict) for row in rows):
        raise SweepError("each row must be a JSON object, with a value for each column")
    return pd.DataFrame(rows), "JSON"


def _read_parquet(content: bytes) -> pd.DataFrame:
    try:
        described = pq.read_metadata(BytesIO(content))
        size = 8 * described.num_rows * described.num_columns
        check_size(size, size)  # columns that repeat a value pack as well as anything
        _check_distinct(described.schema.to_arrow_schema().names)
        table = pd.read_parquet(BytesIO(content))
    except SweepError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the reader raises, the file is at fault
        said = " ".join(str(error).split())
        raise SweepError(f"not a Parquet file that can be read ({said})") from None
    # A named index is data, an unnamed one is what is left of filtering.
    unnamed = all(name is None for name in table.index.names)
    return table.reset_index(drop=unnamed)


def _distinct_names(layout: Layout) -> list[str]:
    """The names of the columns without blanks at their ends; warns of what was guessed."""
    for note in layout.notes:
        logger.warning("%s", note[0].upper() + note[1:])
    names = [name.strip() for name in layout.names]
    if trimmed := [name for name in layout.names if name != name.strip() and name.strip()]:
        logger.info(
            "Names are read without blanks at their ends: %s", ", ".join(map(repr, trimmed))
        )
    _check_distinct([name for name in names if name])
    for at, name in enumerate(names):
        if not name:
            names[at] = f"Unnamed: {at}"
            logger.warning(
                "Column %d has no name and is read as 'Unnamed: %d', which is left out if it "
                "numbers the rows",
                at + 1,
                at,
            )
    return names


def _check_distinct(names: list[str]) -> None:
    if twice := ", ".join(repr(name) for name, times in Counter(names).items() if times > 1):
        raise SweepError(f"more than one column is called {twice}: rename them")
