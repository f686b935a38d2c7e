"""A dataset that may not be there yet."""

from typing import Any

from kedro.io import AbstractDataset

from dnn_sweep.datasets.base import ReadOnlyDataset


class OptionalDataset(ReadOnlyDataset[Any]):
    """Loads another dataset, or ``None`` where that does not exist.

    Args:
        dataset: The other's catalog entry.

    >>> OptionalDataset({"type": "pandas.CSVDataset", "filepath": "leaderboard.csv"}).load()
    """

    dataset: dict[str, Any]

    def __post_init__(self) -> None:
        self._dataset = AbstractDataset.from_config("dataset", self.dataset)

    def load(self) -> Any:
        """Load what is there."""
        return self._dataset.load() if self._dataset.exists() else None

    def _exists(self) -> bool:
        return True
