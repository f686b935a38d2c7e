"""The user's own table: a text file, a workbook, JSON lines or a Parquet file."""

import logging
from dataclasses import field
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from dnn_sweep.core.data.source import HOW
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import ReadOnlyDataset, State, state_of_path
from dnn_sweep.datasets.table_formats import SUFFIXES, read_table
from dnn_sweep.datasets.user_paths import find_user_path
from dnn_sweep.parameters import DataParameters

logger = logging.getLogger(__name__)


class TableFileDataset(ReadOnlyDataset[pd.DataFrame]):
    """The user's table, read by what the file holds; what was guessed is logged.

    Args:
        filepath: A file of one of the kinds in ``table_formats.SUFFIXES``, relative to the project
            or to the current folder; ``None`` for the one that ``data`` names.
        key: The parameter through which the user gives ``filepath``, for the error.
        data: How to read the file (``params:data``); what it leaves open is guessed.

    >>> pd.DataFrame({"age": [31], "label": ["no"]}).to_csv("my.csv", index=False)
    >>> TableFileDataset("my.csv").load().columns.tolist()
    ['age', 'label']
    """

    filepath: str | None = None
    key: str = field(default="data.filepath", repr=False)
    data: DataParameters = field(default=DataParameters(), repr=False)

    def load(self) -> pd.DataFrame:
        """Return the table with the file's columns and a fresh index.

        Numbers that are written plainly are numbers, everything else is text.

        Raises:
            SweepError: If there is no such file, or it is not a table with distinct column names
                and at least one row.
        """
        path = self._find()
        try:
            table, how = read_table(path, self.data)
        except SweepError as error:
            raise SweepError(f"{path}: {error}") from error
        if table.empty:
            raise SweepError(f"{path}: the file has a header but no rows")
        table.attrs[HOW] = how
        rows, columns = table.shape
        logger.info("Read %s: %s rows × %d columns; %s", path, f"{rows:,}", columns, how)
        return table

    def state(self) -> State | None:
        """Size and time of the file."""
        return state_of_path(find_user_path(str(self._given))) if self._given else None

    @property
    def _given(self) -> str | None:
        return self.filepath or (self.data.filepath if self.key == "data.filepath" else None)

    def _find(self) -> Path:
        if not self._given:
            target = ",data.target=label" if self.key == "data.filepath" else ""
            raise SweepError(
                f"{self.key} is not given: name your file with --params={self.key}=my.csv{target}"
            )
        path = find_user_path(str(self._given))
        if path.is_dir():
            raise SweepError(f"{self.key}: {path} is a folder, not a file")
        if not path.exists():
            raise SweepError(f"{self.key}: there is no file {path}.{_nearest_file(path)}")
        return path

    def _exists(self) -> bool:
        return bool(self._given) and find_user_path(str(self._given)).is_file()


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f" Nor is there a folder {path.parent}."
    names = sorted(each.name for each in path.parent.iterdir() if each.is_file())
    if close := get_close_matches(path.name, names, n=1, cutoff=0.5):
        return f" Did you mean {close[0]!r}?"
    tables = [name for name in names if name.lower().endswith(SUFFIXES)]
    return f" Tables in that folder: {', '.join(tables[:10])}." if tables else ""
