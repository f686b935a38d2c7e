"""Images in IDX files (MNIST, Fashion-MNIST and their kin) as one table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kedro.io import AbstractDataset, DatasetError
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.idx_download import download
from dnn_sweep.datasets.idx_format import IMAGES_MAGIC, LABELS_MAGIC, IdxFile, parse, read_content
from dnn_sweep.datasets.user_paths import find_user_path

PARTS = ("train", "test")


class IdxImagesDataset(AbstractDataset[None, pd.DataFrame]):
    """Four IDX files, downloaded once and checked on every load.

    Args:
        folder: Where downloaded files are kept, and where they may be placed by hand.
        sources: Base URLs of the files' homes, tried in order.
        files: ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``: each a
            ``name`` and the ``sha256`` of its decompressed content. Either ``name`` or
            ``name.gz`` is read.
        target: What to call the column of labels.
        source_dir: A folder of the user's that holds the files, directly or in a folder named
            like the last part of ``folder``; it is only read, and nothing is downloaded.
        metadata: For plugins such as Kedro-Viz.
    """

    def __init__(
        self,
        folder: str,
        sources: Sequence[str],
        files: Mapping[str, Mapping[str, str]],
        target: str = "label",
        source_dir: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._folder = Path(folder)
        self._sources = list(sources)
        self._files = {
            f"{part}_{kind}": IdxFile(**files[f"{part}_{kind}"])
            for part in PARTS
            for kind in ("images", "labels")
        }
        self._target = target
        self._source_dir = source_dir
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Return a row an image: ``pixel_<row>_<column>`` (uint8), the target and ``split``.

        Raises:
            SweepError: When a file is missing and cannot be downloaded, is damaged, or is not
                the one expected.
        """
        paths = self._find_given() if self._source_dir else self._find_or_download()
        images, labels = {}, {}
        for part in PARTS:
            images[part] = self._read(f"{part}_images", paths, IMAGES_MAGIC)
            labels[part] = self._read(f"{part}_labels", paths, LABELS_MAGIC)
            if len(images[part]) != len(labels[part]):
                raise SweepError(
                    f"{paths[f'{part}_images']} holds {len(images[part]):,} images, "
                    f"{paths[f'{part}_labels']} {len(labels[part]):,} labels: "
                    "they do not belong together"
                )
        height, width = images["train"].shape[1:]
        if images["test"].shape[1:] != (height, width):
            raise SweepError(
                f"{paths['test_images']}: images of {images['test'].shape[1:]} pixels, "
                f"those in {paths['train_images']} have {(height, width)}"
            )
        return self._tabulate(images, labels, height, width)

    def save(self, data: None) -> None:
        """Refuse: the files are an original."""
        raise DatasetError(f"{type(self).__name__} is read-only")

    def _tabulate(
        self,
        images: dict[str, NDArray[np.uint8]],
        labels: dict[str, NDArray[np.uint8]],
        height: int,
        width: int,
    ) -> pd.DataFrame:
        # One block of bytes: 70,000 images of 28 x 28 take 55 MB.
        pixels = np.concatenate([images[part] for part in PARTS]).reshape(-1, height * width)
        names = [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
        table = pd.DataFrame(pixels, columns=names, copy=False)
        table[self._target] = np.concatenate([labels[part] for part in PARTS]).astype(np.int64)
        table["split"] = np.repeat(PARTS, [len(labels[part]) for part in PARTS])
        return table

    def _read(self, key: str, paths: dict[str, Path], magic: int) -> NDArray[np.uint8]:
        file, path = self._files[key], paths[key]
        remedy = (
            "Give another folder with --params=data.source_dir=<folder>."
            if self._source_dir
            else "Delete the file and run again to download it anew."
        )
        try:
            content = read_content(path)
            values = parse(content, magic, path)
        except SweepError as error:
            raise SweepError(f"{error}. {remedy}") from None
        if mismatch := file.mismatch(content):
            raise SweepError(f"{path} is not the published file: {mismatch}. {remedy}")
        return values

    def _find_given(self) -> dict[str, Path]:
        root = find_user_path(str(self._source_dir))
        for folder in (root, root / self._folder.name):
            found = {key: file.find_in(folder) for key, file in self._files.items()}
            paths = {key: path for key, path in found.items() if path}
            if len(paths) == len(self._files):
                return paths
            if paths:
                break
        missing = ", ".join(file.name for key, file in self._files.items() if key not in paths)
        raise SweepError(
            f"data.source_dir (or DNN_SWEEP_SOURCE_DIR) is {str(self._source_dir)!r}, "
            + (f"but {folder} lacks {missing}" if root.is_dir() else "which is not a folder")
            + f". It must hold, directly or in a folder {self._folder.name!r}, the four files "
            f"{self._names()}, each with or without .gz."
        )

    def _find_or_download(self) -> dict[str, Path]:
        try:
            return {
                key: file.find_in(self._folder) or download(file, self._sources, self._folder)
                for key, file in self._files.items()
            }
        except SweepError as error:
            raise SweepError(
                f"{error}\nTo go on without a download, place {self._names()}, each with or "
                f"without .gz, in {self._folder} by hand (their homes: "
                f"{', '.join(self._sources)}), or name a folder that holds them: "
                "--params=data.source_dir=<folder>"
            ) from None

    def _names(self) -> str:
        return ", ".join(file.name for file in self._files.values())

    def _describe(self) -> dict[str, Any]:
        return {"folder": str(self._folder), "source_dir": self._source_dir}
