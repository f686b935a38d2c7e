"""What dataset classes share: one direction, or a file that a pipeline writes."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar, dataclass_transform

from kedro.io import AbstractDataset, DatasetError
from pydantic import JsonValue

from dnn_sweep.core.errors import SweepError

State = dict[str, JsonValue]
Saved = TypeVar("Saved")
Loaded = TypeVar("Loaded")


@dataclass_transform(eq_default=False, field_specifiers=(field,))
@dataclass(repr=False, eq=False)
class ProjectDataset(AbstractDataset[Saved, Loaded], Generic[Saved, Loaded]):
    """A dataset whose fields, as those of a dataclass, are the keys of its catalog entry.

    Args:
        metadata: For plugins such as Kedro-Viz.
    """

    metadata: dict[str, Any] | None = field(default=None, kw_only=True, repr=False)

    def __init_subclass__(cls, **options: Any) -> None:
        dataclass(repr=False, eq=False)(cls)
        super().__init_subclass__(**options)  # last, since Kedro wraps the constructor

    def state(self) -> State | None:
        """What is there now, by name, to tell later whether it has changed.

        Returns:
            For each thing a value that changes with it; nothing for what need not be looked at;
            ``None`` where a node that reads or writes this must always run.
        """
        return None

    def _describe(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self) if each.repr}


class ReadOnlyDataset(ProjectDataset[Any, Loaded]):
    """A dataset that is only loaded.

    >>> class Answer(ReadOnlyDataset[int]):
    ...     def load(self) -> int:
    ...         return 42
    >>> Answer().load()
    42
    """

    def save(self, data: Any) -> NoReturn:
        """Raise a ``DatasetError``."""
        raise DatasetError(f"{type(self).__name__} is read-only")


class WriteOnlyDataset(ProjectDataset[Saved, Any]):
    """A dataset that is only saved to.

    >>> class Shout(WriteOnlyDataset[str]):
    ...     def save(self, data: str) -> None:
    ...         print(data.upper())
    >>> Shout().save("done")
    DONE
    """

    def load(self) -> NoReturn:
        """Raise a ``DatasetError``."""
        raise DatasetError(f"{type(self).__name__} is write-only")


class OutputDataset(ProjectDataset[Saved, Saved]):
    """A file or folder that one pipeline writes and later ones read.

    Args:
        filepath: Where it is. Named so because Kedro makes this key absolute, and kedro-mlflow's
            ``MlflowArtifactDataset`` logs what it names.
        written_by: The pipeline that saves it, for the error when it is missing.

    >>> from dnn_sweep.datasets.text_folder import TextFolderDataset
    >>> TextFolderDataset("notes", ".txt", written_by="model_building").exists()
    False
    """

    filepath: str
    written_by: str = field(default="train", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        self._filepath = Path(self.filepath)

    def state(self) -> State:
        """Size and time of the file, or of each file in the folder."""
        return state_of_path(self._filepath)

    def _require(self) -> None:
        if not self._filepath.exists():
            raise SweepError(
                f"There is no {self._filepath} yet. The pipeline {self.written_by!r} writes it: "
                f"run `kedro run --pipeline={self.written_by}` first, with the same --env and "
                "--params."
            )

    def _exists(self) -> bool:
        return self._filepath.exists()


def state_of_path(path: Path) -> State:
    """Return size and time of modification of a file, or of each file in a folder.

    >>> state_of_path(Path("missing"))
    {'missing': None}
    """
    if path.is_dir():
        return {str(each): _size_and_time(each) for each in path.rglob("*") if each.is_file()}
    return {str(path): _size_and_time(path) if path.exists() else None}


def _size_and_time(path: Path) -> JsonValue:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; make its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
