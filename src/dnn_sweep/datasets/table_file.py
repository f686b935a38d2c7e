"""The user's own table: a CSV, TSV or Parquet file."""

import logging
import warnings
import zlib
from dataclasses import field
from difflib import get_close_matches
from gzip import BadGzipFile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import ReadOnlyDataset
from dnn_sweep.datasets.user_paths import find_user_path

SEPARATORS = {".csv": ",", ".csv.gz": ",", ".tsv": "\t", ".tsv.gz": "\t"}
SUFFIXES = (*SEPARATORS, ".parquet")

logger = logging.getLogger(__name__)


class TableFileDataset(ReadOnlyDataset[pd.DataFrame]):
    """The user's table, read by the suffix of its file.

    Args:
        filepath: A ``.csv``, ``.tsv`` (both also ``.gz``) or ``.parquet`` file, relative to the
            project or to the current folder; ``None``, if not given, is an error on loading.
        key: The parameter through which the user gives ``filepath``, for the error.

    >>> pd.DataFrame({"age": [31], "label": ["no"]}).to_csv("my.csv", index=False)
    >>> TableFileDataset("my.csv").load().columns.tolist()
    ['age', 'label']
    """

    filepath: str | None = None
    key: str = field(default="data.filepath", repr=False)

    def load(self) -> pd.DataFrame:
        """Return the table with the file's columns and a fresh index.

        Raises:
            SweepError: If there is no such file, or it is not a table with distinct column names
                and at least one row.
        """
        path = self._find()
        suffix = next((each for each in SUFFIXES if path.name.lower().endswith(each)), None)
        if suffix is None:
            raise SweepError(
                f"{self.key}: {path} is not of a kind that can be read: its name must end in "
                f"one of {', '.join(SUFFIXES)}"
            )
        if path.stat().st_size == 0:
            raise SweepError(f"{path}: the file is empty")
        logger.info("Reading %s", path)
        table = _read_parquet(path) if suffix == ".parquet" else _read_csv(path, SEPARATORS[suffix])
        if table.empty:
            raise SweepError(f"{path}: the file has a header but no rows")
        return table

    def _find(self) -> Path:
        if not self.filepath:
            target = ",data.target=label" if self.key == "data.filepath" else ""
            raise SweepError(
                f"{self.key} is not given: name your file with --params={self.key}=my.csv{target}"
            )
        path = find_user_path(str(self.filepath))
        if path.is_dir():
            raise SweepError(f"{self.key}: {path} is a folder, not a file")
        if not path.exists():
            raise SweepError(f"{self.key}: there is no file {path}.{_nearest_file(path)}")
        return path

    def _exists(self) -> bool:
        return bool(self.filepath) and find_user_path(str(self.filepath)).is_file()


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f" Nor is there a folder {path.parent}."
    names = sorted(each.name for each in path.parent.iterdir() if each.is_file())
    if close := get_close_matches(path.name, names, n=1, cutoff=0.5):
        return f" Did you mean {close[0]!r}?"
    tables = [name for name in names if name.lower().endswith(SUFFIXES)]
    return f" Tables in that folder: {', '.join(tables[:10])}." if tables else ""


def _read_csv(path: Path, separator: str) -> pd.DataFrame:
    try:
        # Read separately, since pandas renames the second of two columns `a` to `a.1`.
        header = pd.read_csv(path, sep=separator, header=None, nrows=1, dtype=str)
        names = header.iloc[0].tolist()
        _check_header(names, separator, path)
        with warnings.catch_warnings():
            # pandas would cut rows longer than the header, or shift them.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # `low_memory` would decide types piece by piece.
            return pd.read_csv(path, sep=separator, low_memory=False, index_col=False)
    except pd.errors.EmptyDataError:
        reason = "the file is empty"
    except pd.errors.ParserWarning:
        reason = (
            f"there are rows with more fields than the header, which has {len(names)}: "
            "name every column"
        )
    except pd.errors.ParserError as error:
        detail = str(error).removeprefix("Error tokenizing data. C error: ")
        reason = f"cannot be read as a table: {detail}"
    except UnicodeDecodeError as error:
        reason = (
            f"the text is not UTF-8 ({error.reason}, byte 0x{error.object[error.start]:02x}): "
            "save the file with UTF-8 encoding"
        )
    except (BadGzipFile, EOFError, zlib.error) as error:
        reason = f"the gzip file is damaged ({error})"
    raise SweepError(f"{path}: {reason}")


def _check_header(names: list[object], separator: str, path: Path) -> None:
    _check_distinct([name for name in names if isinstance(name, str)], path)
    if len(names) == 1 and (other := {each for each in ",;\t|" if each in str(names[0])}):
        raise SweepError(
            f"{path}: the header {names[0]!r} is one column: its fields are separated by "
            f"{' or '.join(map(repr, sorted(other)))}, {separator!r} is expected"
        )
    for position, name in enumerate(names):
        if not isinstance(name, str):
            logger.warning(
                "%s: column %d has no name and is read as 'Unnamed: %d'. If it numbers the "
                "rows, remove it from the file: it is not a feature",
                path,
                position + 1,
                position,
            )


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        _check_distinct(pq.read_schema(path).names, path)
        table = pd.read_parquet(path)
    except pa.ArrowInvalid as error:
        raise SweepError(f"{path}: not a Parquet file that can be read ({error})") from None
    # A named index is data, an unnamed one is what is left of filtering.
    unnamed = all(name is None for name in table.index.names)
    return table.reset_index(drop=unnamed)


def _check_distinct(names: list[str], path: Path) -> None:
    if twice := ", ".join(repr(name) for name in dict.fromkeys(names) if names.count(name) > 1):
        raise SweepError(f"{path}: more than one column is called {twice}: rename them")
