"""Named texts, one file per text, in one folder."""

from html import escape
from pathlib import Path

from kedro_datasets._typing import HTMLPreview

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import OutputDataset, write_atomically


class TextFolderDataset(OutputDataset[dict[str, str]]):
    """Saves a dictionary of texts; the folder then holds no others of its suffix.

    Unlike Kedro's ``PartitionedDataset`` it leaves other files alone and has a preview.

    Args:
        suffix: Of every file, such as ``.txt``.

    >>> dataset = TextFolderDataset("notes", ".txt")
    >>> dataset.save({"first": "one"})
    >>> dataset.load()
    {'first': 'one'}
    """

    suffix: str

    def load(self) -> dict[str, str]:
        """Return the texts by name, in the order of their names."""
        self._require()
        return {name: path.read_text(encoding="utf-8") for name, path in self._files()}

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
            write_atomically(self._filepath / f"{name}{self.suffix}", text.encode())
        for name, path in self._files():
            if name not in data:
                path.unlink()

    def preview(self) -> HTMLPreview:
        """Return the texts one below the other, each under its name, for Kedro-Viz."""
        texts = self.load().items()
        return HTMLPreview("".join(f"<h3>{escape(n)}</h3><pre>{escape(t)}</pre>" for n, t in texts))

    def _files(self) -> list[tuple[str, Path]]:
        found = sorted(self._filepath.glob(f"[!.]*{self.suffix}"))
        return [(path.name.removesuffix(self.suffix), path) for path in found]
