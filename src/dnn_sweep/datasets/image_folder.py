"""A folder of images, with a subfolder for each class, as one table."""

import logging
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import ReadOnlyDataset, State, state_of_path
from dnn_sweep.datasets.user_paths import find_user_path

SUFFIXES = (".png", ".jpg", ".jpeg")
PARTS = ("train", "test")
MODES = {1: "L", 3: "RGB"}  # of Pillow, by the number of channels
MOST_NAMED = 10
# What Pillow raises for a file that is damaged, no image, or far too large.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)

logger = logging.getLogger(__name__)


class ImageFolderDataset(ReadOnlyDataset[pd.DataFrame]):
    """PNG and JPEG images, resized, grey or in colour.

    The folder has a subfolder for each class. It may instead have the folders ``train`` and
    ``test``, each with a subfolder for each class.

    Args:
        folder: The user's folder, relative to the project or to the current folder; ``None``, if
            not given, is an error on loading.
        image_size: Height and width that every image is resized to.
        channels: 1 for grey, 3 for colour.
        split_column: Name of the column that keeps ``train`` and ``test`` apart.
        target: Name of the column of classes.

    >>> for name in ("cat", "dog"):
    ...     Path("pets", name).mkdir(parents=True)
    ...     Image.new("L", (9, 7)).save(Path("pets", name, "a.png"))
    >>> ImageFolderDataset("pets", image_size=2).load()["label"].tolist()
    ['cat', 'dog']
    """

    folder: str | None = None
    image_size: int = 32
    channels: int = 1
    split_column: str | None = None
    target: str = field(default="label", repr=False)

    def load(self) -> pd.DataFrame:
        """Return one row per image: its pixels (uint8), its class and, if there is one, its split.

        Pixels are called ``pixel_<row>_<column>``, in colour with ``_<channel>`` behind. Rows are
        indexed by the path of the image below the folder.

        Raises:
            SweepError: If there is no such folder, it has fewer than two classes, or an image
                cannot be read; names all of these.
        """
        root = self._find()
        parts = PARTS if all((root / part).is_dir() for part in PARTS) else ("",)
        if parts == PARTS and not self.split_column:
            raise SweepError(
                f"data.folder: {root} has the folders train and test; keep them apart with "
                "--params=data.split_column=split"
            )
        if self.split_column and parts != PARTS:
            raise SweepError(
                f"data.split_column: {root} has no folders train and test to keep apart; leave "
                "data.split_column out, or move the folders of the classes into these two"
            )
        beside = sorted(each.name for each in root.iterdir() if each.is_dir() and is_shown(each))
        if parts == PARTS and (spare := sorted(set(beside) - set(PARTS))):
            raise SweepError(
                f"data.folder: {root} has the folders train and test, and beside them "
                f"{', '.join(spare)}; move the images of these to train or test"
            )
        files = [(part, path) for part in parts for path in _images_below(root / part)]
        classes = sorted({path.parent.name for _, path in files})
        if len(classes) < 2:
            found = f"only {classes[0]!r}" if classes else "none"
            raise SweepError(
                f"data.folder: {root} must have a subfolder of {', '.join(SUFFIXES)} images for "
                f"each of two classes or more, but has {found}"
            )
        paths = [path for _, path in files]
        table = read_images(paths, root, self.image_size, self.channels, "data.folder")
        table[self.target] = [path.parent.name for _, path in files]
        if parts == PARTS:
            table[self.split_column] = [part for part, _ in files]
        return table

    def state(self) -> State | None:
        """Size and time of each file."""
        return state_of_path(find_user_path(self.folder)) if self.folder else None

    def _find(self) -> Path:
        if not self.folder:
            raise SweepError(
                "data.folder is not given: name the folder of your images with "
                "--params=data.folder=my_images"
            )
        root = find_user_path(str(self.folder))
        if not root.is_dir():
            raise SweepError(f"data.folder: there is no folder {root}")
        return root

    def _exists(self) -> bool:
        return bool(self.folder) and find_user_path(str(self.folder)).is_dir()


def read_images(
    paths: Sequence[Path], root: Path, size: int, channels: int, key: str
) -> pd.DataFrame:
    """Read images as rows of pixels (uint8), indexed by their path below a folder.

    Args:
        paths: The images.
        root: The folder that they are in.
        size: Height and width of what is returned.
        channels: 1 for grey, 3 for colour.
        key: The parameter through which the user gives the folder, for the error.

    Raises:
        SweepError: If images cannot be read; names them.
    """
    block = np.empty((len(paths), size * size * channels), np.uint8)
    broken = []
    for position, path in enumerate(paths):
        try:
            block[position] = read_image(path, size, channels).ravel()
        except UNREADABLE as error:
            broken.append(f"{path.relative_to(root)} ({error})")
    if broken:
        more = f"\n  and {len(broken) - MOST_NAMED} more" if len(broken) > MOST_NAMED else ""
        listed = "\n  ".join(broken[:MOST_NAMED])
        raise SweepError(
            f"{key}: {len(broken)} of {len(paths)} images in {root} cannot be read; "
            f"replace or remove them:\n  {listed}{more}"
        )
    names = [path.relative_to(root).as_posix() for path in paths]
    return pd.DataFrame(block, index=names, columns=_pixel_names(size, channels), copy=False)


def read_image(path: Path, size: int, channels: int) -> NDArray[np.uint8]:
    """Read an image upright, in so many channels; shape ``(size, size, channels)``."""
    with Image.open(path, formats=("PNG", "JPEG")) as opened:
        image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I"):  # 16 bits per pixel, which `convert` would cut off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    resized = image.convert(MODES[channels]).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8).reshape(size, size, channels)


def _images_below(folder: Path) -> list[Path]:
    """The images in the folders of a folder, in order; logs how much else lies there."""
    images: list[Path] = []
    others = sum(each.is_file() and is_shown(each) for each in folder.iterdir())
    for each in sorted(each for each in folder.iterdir() if each.is_dir() and is_shown(each)):
        shown = [path for path in sorted(each.iterdir()) if is_shown(path)]
        own = [path for path in shown if path.is_file() and path.suffix.lower() in SUFFIXES]
        if not own:
            raise SweepError(f"data.folder: {each} has no {', '.join(SUFFIXES)} image")
        images += own
        others += len(shown) - len(own)
    if others:
        left_out = "%s: left out %d files and folders that are no images of a class"
        logger.warning(left_out, folder, others)
    return images


def is_shown(path: Path) -> bool:
    """Whether a file or folder is not hidden."""
    return not path.name.startswith(".")


def _pixel_names(size: int, channels: int) -> list[str]:
    ends = [""] if channels == 1 else [f"_{channel}" for channel in range(channels)]
    places = [f"pixel_{row}_{column}" for row in range(size) for column in range(size)]
    return [place + end for place in places for end in ends]
