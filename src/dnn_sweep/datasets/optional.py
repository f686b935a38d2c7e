"""A dataset that may not be there yet."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from dnn_sweep.datasets.base import ReadOnlyDataset


class OptionalDataset(ReadOnlyDataset[Any]):
    """Loads another dataset, or ``None`` where that does not exist.

    Args:
        dataset: The other's catalog entry.
        newer_than: A file; what is older than it counts as not there.

    >>> OptionalDataset({"type": "pandas.CSVDataset", "filepath": "leaderboard.csv"}).load()
    """

    dataset: dict[str, Any]
    newer_than: str | None = None

    def __post_init__(self) -> None:
        self._dataset = AbstractDataset.from_config("dataset", self.dataset)

    def load(self) -> Any:
        """Load what is there."""
        return self._dataset.load() if self._dataset.exists() and self._is_new() else None

    def _is_new(self) -> bool:
        if self.newer_than is None:
            return True
        file, before = Path(self.dataset["filepath"]), Path(self.newer_than)
        return file.stat().st_mtime >= before.stat().st_mtime

    def _exists(self) -> bool:
        return True
