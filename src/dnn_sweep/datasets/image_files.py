"""Images without labels, to be scored, as one table."""

import pandas as pd

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import ReadOnlyDataset
from dnn_sweep.datasets.image_folder import SUFFIXES, is_shown, read_images
from dnn_sweep.datasets.user_paths import find_user_path


class ImageFilesDataset(ReadOnlyDataset[pd.DataFrame]):
    """All PNG and JPEG images in a folder and its subfolders, or a single one.

    Args:
        filepath: The user's folder or image, relative to the project or to the current folder;
            ``None``, if not given, is an error on loading.
        image_size: Height and width that every image is resized to.
        channels: 1 for grey, 3 for colour.

    >>> from pathlib import Path
    >>> from PIL import Image
    >>> Path("new").mkdir()
    >>> Image.new("L", (9, 7), 200).save("new/a.png")
    >>> ImageFilesDataset("new", image_size=1).load()
           pixel_0_0
    a.png        200
    """

    filepath: str | None = None
    image_size: int = 32
    channels: int = 1

    def load(self) -> pd.DataFrame:
        """Return one row per image, indexed by its path below the folder.

        Raises:
            SweepError: If there is no such folder, it has no images, or an image cannot be read.
        """
        key = "inference.filepath"
        if not self.filepath:
            raise SweepError(
                f"{key} is not given: name a folder of images with --params={key}=new_images"
            )
        given = find_user_path(str(self.filepath))
        if not given.exists():
            raise SweepError(f"{key}: there is no folder {given}")
        root = given if given.is_dir() else given.parent
        found = sorted(root.rglob("*")) if given.is_dir() else [given]
        images = [path for path in found if path.suffix.lower() in SUFFIXES and is_shown(path)]
        if not images:
            raise SweepError(f"{key}: {given} has no {', '.join(SUFFIXES)} image")
        return read_images(images, root, self.image_size, self.channels, key)

    def _exists(self) -> bool:
        return bool(self.filepath) and find_user_path(str(self.filepath)).exists()
