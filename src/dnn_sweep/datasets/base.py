"""What dataset classes share: one direction, or a file that a pipeline writes."""

from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from kedro.io import AbstractDataset, DatasetError

from dnn_sweep.core.errors import SweepError

Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


class ProjectDataset(AbstractDataset[Saved, Loaded], Generic[Saved, Loaded]):
    """Keeps what Kedro shows of a dataset and what plugins read.

    Args:
        metadata: For plugins such as Kedro-Viz; ignored by Kedro.
        description: What identifies the dataset in Kedro's messages.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None, **description: Any) -> None:
        self.metadata = metadata
        self._description = description

    def _describe(self) -> dict[str, Any]:
        return self._description


class ReadOnlyDataset(ProjectDataset[Any, Loaded], Generic[Loaded]):
    """A dataset that is only loaded."""

    def save(self, data: Any) -> NoReturn:
        """Raise a ``DatasetError``."""
        raise DatasetError(f"{type(self).__name__} is read-only")


class WriteOnlyDataset(ProjectDataset[Saved, Any], Generic[Saved]):
    """A dataset that is only saved to."""

    def load(self) -> NoReturn:
        """Raise a ``DatasetError``."""
        raise DatasetError(f"{type(self).__name__} is write-only")


class OutputDataset(ProjectDataset[Saved, Saved], Generic[Saved]):
    """A file or folder that one pipeline writes and later ones read.

    Args:
        filepath: Where it is. Named so because Kedro makes this key absolute, and kedro-mlflow's
            ``MlflowArtifactDataset`` logs what it names.
        written_by: The pipeline that saves it, for the error when it is missing.
        metadata: For plugins such as Kedro-Viz; ignored by Kedro.
        description: What else identifies the dataset in Kedro's messages.
    """

    def __init__(
        self,
        filepath: str,
        written_by: str | None = None,
        metadata: dict[str, Any] | None = None,
        **description: Any,
    ) -> None:
        super().__init__(metadata=metadata, filepath=filepath, **description)
        self._filepath = Path(filepath)
        self._written_by = written_by or "train"

    def _require(self) -> None:
        """Raise a ``SweepError`` where no earlier pipeline has written it."""
        if not self._filepath.exists():
            raise SweepError(
                f"There is no {self._filepath} yet. The pipeline {self._written_by!r} writes it: "
                f"run `kedro run --pipeline={self._written_by}` first, with the same --env and "
                "--params."
            )

    def _exists(self) -> bool:
        return self._filepath.exists()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; make its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
