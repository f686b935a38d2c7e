"""Images in IDX files (MNIST, Fashion-MNIST and their kin) as one table."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import ReadOnlyDataset, State, state_of_path
from dnn_sweep.datasets.idx_file import IdxFile
from dnn_sweep.datasets.user_paths import find_user_path

PARTS = ("train", "test")
DIMENSIONS = {"images": 3, "labels": 1}


class IdxImagesDataset(ReadOnlyDataset[pd.DataFrame]):
    """Four IDX files, downloaded once and checked on every load.

    Args:
        folder: Where downloaded files are kept, and where they may be placed by hand.
        sources: Base URLs of servers that have the files, tried in order.
        files: ``train_images``, ``train_labels``, ``test_images`` and ``test_labels``: each a
            ``name`` and the ``sha256`` of its decompressed content. Either ``name`` or
            ``name.gz`` is read.
        target: Name of the column of labels.
        source_dir: A folder of the user's that holds the files, directly or in a folder named
            like the last part of ``folder``; it is only read, and nothing is downloaded.

    >>> IdxImagesDataset("images", sources=[], files=image_files).load()["label"].tolist()
    [7, 0, 9, 1]
    """

    folder: str
    sources: Sequence[str] = field(repr=False)
    files: Mapping[str, Mapping[str, str]] = field(repr=False)
    target: str = field(default="label", repr=False)
    source_dir: str | None = None

    def __post_init__(self) -> None:
        self._folder = Path(self.folder)
        keys = [f"{part}_{kind}" for part in PARTS for kind in DIMENSIONS]
        self._files = {key: IdxFile(**self.files[key]) for key in keys}
        self._names = ", ".join(file.name for file in self._files.values())

    def load(self) -> pd.DataFrame:
        """Return one row per image: ``pixel_<row>_<column>`` (uint8), the target and ``split``.

        Raises:
            SweepError: If a file is missing and cannot be downloaded, is damaged, or is not the
                one expected.
        """
        paths = self._find_given() if self.source_dir else self._find_or_download()
        images = [self._read(f"{part}_images", paths) for part in PARTS]
        labels = [self._read(f"{part}_labels", paths) for part in PARTS]
        for part, pixels, codes in zip(PARTS, images, labels, strict=True):
            if len(pixels) != len(codes):
                raise SweepError(
                    f"{paths[f'{part}_images']} holds {len(pixels):,} images, "
                    f"{paths[f'{part}_labels']} {len(codes):,} labels: they do not belong together"
                )
        height, width = images[0].shape[1:]
        if images[1].shape[1:] != (height, width):
            raise SweepError(
                f"{paths['test_images']}: images of {images[1].shape[1:]} pixels, "
                f"those in {paths['train_images']} have {(height, width)}"
            )
        # One block of bytes: 70,000 images of 28 x 28 take 55 MB.
        block = np.concatenate(images).reshape(-1, height * width)
        names = [f"pixel_{row}_{column}" for row in range(height) for column in range(width)]
        table = pd.DataFrame(block, columns=names, copy=False)
        table[self.target] = np.concatenate(labels).astype(np.int64)
        table["split"] = np.repeat(PARTS, [len(each) for each in labels])
        return table

    def state(self) -> State:
        """Size and time of the files."""
        root = find_user_path(self.source_dir) if self.source_dir else self._folder
        states = [state_of_path(each) for each in (root, root / self._folder.name)]
        names = {file.name for file in self._files.values()}
        return {
            path: state
            for each in states
            for path, state in each.items()
            if Path(path).name.removesuffix(".gz") in names
        }

    def _read(self, key: str, paths: dict[str, Path]) -> NDArray[np.uint8]:
        try:
            return self._files[key].read(paths[key], DIMENSIONS[key.partition("_")[2]])
        except SweepError as error:
            remedy = (
                "Give another folder with --params=data.source_dir=<folder>."
                if self.source_dir
                else "Delete the file and run again to download a new copy."
            )
            raise SweepError(f"{error}. {remedy}") from None

    def _find_given(self) -> dict[str, Path]:
        root = find_user_path(str(self.source_dir))
        for folder in (root, root / self._folder.name):
            found = {key: file.find_in(folder) for key, file in self._files.items()}
            paths = {key: path for key, path in found.items() if path}
            if len(paths) == len(self._files):
                return paths
            if paths:
                break
        missing = ", ".join(file.name for key, file in self._files.items() if key not in paths)
        raise SweepError(
            f"data.source_dir (or DNN_SWEEP_SOURCE_DIR) is {str(self.source_dir)!r}, "
            + (f"but {folder} lacks {missing}" if root.is_dir() else "which is not a folder")
            + f". It must hold, directly or in a folder {self._folder.name!r}, the four files "
            f"{self._names}, each with or without .gz."
        )

    def _find_or_download(self) -> dict[str, Path]:
        try:
            return {
                key: file.find_in(self._folder) or file.download(self.sources, self._folder)
                for key, file in self._files.items()
            }
        except SweepError as error:
            raise SweepError(
                f"{error}\nTo go on without a download, place {self._names}, each with or "
                f"without .gz, in {self._folder} by hand (published at "
                f"{', '.join(self.sources)}), or name a folder that holds them: "
                "--params=data.source_dir=<folder>"
            ) from None
