"""Named texts, one file per text, in one folder."""

from html import escape
from pathlib import Path
from typing import Any

from kedro_datasets._typing import HTMLPreview

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import OutputDataset, write_atomically


class TextFolderDataset(OutputDataset[dict[str, str]]):
    """Saves a dictionary of texts; the folder then holds no others of its suffix.

    Unlike Kedro's ``PartitionedDataset`` it leaves other files alone and has a preview.

    Args:
        filepath: The folder.
        suffix: Of every file, such as ``.txt``.
        written_by: The pipeline that saves it, for the error when it is missing.
        metadata: For plugins such as Kedro-Viz; ignored by Kedro.
    """

    def __init__(
        self,
        filepath: str,
        suffix: str,
        written_by: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath, written_by, metadata, suffix=suffix)
        self._suffix = suffix

    def load(self) -> dict[str, str]:
        """Return the texts by name, in the order of their names."""
        self._require()
        return {
            path.name.removesuffix(self._suffix): path.read_text(encoding="utf-8")
            for path in self._files()
        }

    def save(self, data: dict[str, str]) -> None:
        """Write one file per text, and remove the files of earlier texts.

        Raises:
            SweepError: If a name is not a plain file name.
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
