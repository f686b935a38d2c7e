"""Images to score become rows of pixels."""

import numpy as np
import pytest
from kedro.io import DatasetError

from dnn_sweep.datasets.image_files import ImageFilesDataset
from dnn_sweep.datasets.image_folder import ImageFolderDataset
from tests.datasets.test_image_folder import write


@pytest.fixture
def pets(tmp_path):
    for name, colour in {"cat/c.jpeg": (255, 0, 0), "dog/b.JPG": (0, 0, 255)}.items():
        write(tmp_path / name, colour)
    return tmp_path


def load(path):
    return ImageFilesDataset(str(path), image_size=2, channels=3).load()


def test_images_are_read_as_for_training(pets):
    trained = ImageFolderDataset(str(pets), image_size=2, channels=3).load()
    write(pets / "dog" / "pups" / "z.png")
    (pets / "dog" / "notes.txt").write_text("")
    table = load(pets)
    assert table.index.tolist() == [*trained.index, "dog/pups/z.png"]
    np.testing.assert_array_equal(table.iloc[:2], trained.drop(columns="label"))


def test_one_image_may_be_given(pets):
    assert load(pets / "dog" / "b.JPG").index.tolist() == ["b.JPG"]


def test_what_is_no_image_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"--params=inference\.filepath=new_images"):
        ImageFilesDataset().load()
    with pytest.raises(DatasetError, match="there is no folder no/such"):
        load("no/such")
    with pytest.raises(DatasetError, match=r"has no \.png, \.jpg, \.jpeg image"):
        load(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"inference\.filepath: 1 of 1 images.*\n  a\.png"):
        load(tmp_path)
