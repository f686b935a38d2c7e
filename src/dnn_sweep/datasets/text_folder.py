"""Named texts, a file each, in one folder."""

from html import escape
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import HTMLPreview

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.outputs import missing_output, write_atomically


class TextFolderDataset(AbstractDataset[dict[str, str], dict[str, str]]):
    """Saves a dictionary of texts; the folder then holds these and no others of its suffix.

    Args:
        filepath: The folder. Called so because Kedro makes this key absolute, and
            kedro-mlflow's ``MlflowArtifactDataset`` logs what it names.
        suffix: Of every file, such as ``.txt``.
        metadata: For plugins such as Kedro-Viz.
        written_by: The pipeline that saves it, for the error when it is missing.
    """

    def __init__(
        self,
        filepath: str,
        suffix: str,
        metadata: dict[str, Any] | None = None,
        written_by: str | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self._suffix = suffix
        self._written_by = written_by
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Return the texts by name, in the order of their names."""
        if not self._exists():
            raise missing_output(self._filepath, self._written_by)
        return {
            path.name.removesuffix(self._suffix): path.read_text(encoding="utf-8")
            for path in self._files()
        }

    def save(self, data: dict[str, str]) -> None:
        """Write a file a text, and remove the files of texts that are no more.

        Raises:
            SweepError: When a name is not a plain file name.
        """
        for name in data:
            if Path(name).name != name or name.startswith(".") or not name or "\\" in name:
                raise SweepError(f"{name!r} cannot be a file's name in {self._filepath}")
        self._filepath.mkdir(parents=True, exist_ok=True)
        for name, text in data.items():
            write_atomically(self._filepath / f"{name}{self._suffix}", text.encode())
        for path in self._files():
            if path.name.removesuffix(self._suffix) not in data:
                path.unlink()

    def preview(self) -> HTMLPreview:
        """Return the texts one below the other, each under its name, for Kedro-Viz."""
        parts = [
            f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>"
            for name, text in self.load().items()
        ]
        return HTMLPreview("".join(parts))

    def _files(self) -> list[Path]:
        return sorted(self._filepath.glob(f"[!.]*{self._suffix}"))

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "suffix": self._suffix}
