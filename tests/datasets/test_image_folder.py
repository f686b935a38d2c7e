"""A folder of images becomes a table of pixels."""

import logging

import numpy as np
import pytest
from kedro.io import DatasetError
from PIL import Image

from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.datasets.image_folder import ImageFolderDataset
from dnn_sweep.parameters import DataParameters, SplitParameters


def write(path, colour=(255, 0, 0), size=(6, 4), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, **options)


@pytest.fixture
def pets(tmp_path):
    write(tmp_path / "dog" / "b.JPG", (0, 0, 255))
    write(tmp_path / "dog" / "a.png", (0, 0, 255))
    write(tmp_path / "cat" / "c.jpeg")
    return tmp_path


def load(folder, **given):
    return ImageFolderDataset(str(folder), **{"image_size": 2} | given).load()


def test_classes_are_folders_and_rows_are_images_in_order(pets):
    table = load(pets)
    assert table.index.tolist() == ["cat/c.jpeg", "dog/a.png", "dog/b.JPG"]
    assert table["label"].tolist() == ["cat", "dog", "dog"]
    assert table.columns[:4].tolist() == ["pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1"]
    assert (table.dtypes[:4] == np.uint8).all()


def test_colour_has_a_column_for_each_channel_of_each_pixel(pets):
    table = load(pets, channels=3)
    assert table.columns[:4].tolist() == [
        "pixel_0_0_0",
        "pixel_0_0_1",
        "pixel_0_0_2",
        "pixel_0_1_0",
    ]
    assert table.loc["dog/a.png"].tolist()[:3] == [0, 0, 255]


def test_an_image_is_turned_upright(tmp_path):
    for name in ("cat", "dog"):
        write(tmp_path / name / "a.png")
    sideways = Image.fromarray(np.array([[0, 255]], np.uint8).repeat(8, 0).repeat(4, 1))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    sideways.save(tmp_path / "dog" / "b.png", exif=exif)
    row = load(tmp_path).loc["dog/b.png"]
    assert row["pixel_0_0"] == row["pixel_0_1"]
    assert row["pixel_0_0"] != row["pixel_1_0"]


def test_folders_train_and_test_are_kept_apart(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            write(tmp_path / part / name / "a.png")
    table = load(tmp_path, split_column="part")
    assert table["part"].tolist() == ["train", "train", "test", "test"]
    with pytest.raises(DatasetError, match=r"keep them apart with --params=data\.split_col"):
        load(tmp_path)


def test_broken_images_are_named_together(pets):
    (pets / "cat" / "x.png").write_bytes(b"no image")
    whole = (pets / "dog" / "a.png").read_bytes()
    (pets / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetError, match="2 of 5 images") as raised:
        load(pets)
    assert "cat/x.png" in str(raised.value)
    assert "dog/cut.png" in str(raised.value)


def test_hidden_files_and_other_files_are_left_out(pets, caplog):
    (pets / ".cache").mkdir()
    (pets / "cat" / ".DS_Store").write_text("")
    (pets / "cat" / "notes.txt").write_text("")
    write(pets / "cat" / "older" / "a.png")
    write(pets / "loose.png")
    with caplog.at_level(logging.WARNING):
        assert len(load(pets)) == 3
    assert "left out 3 files and folders" in caplog.text


def test_folders_beside_train_and_test_are_refused(tmp_path):
    for part in ("train", "test", "valid"):
        for name in ("cat", "dog"):
            write(tmp_path / part / name / "a.png")
    with pytest.raises(DatasetError, match="and beside them valid; move the images"):
        load(tmp_path, split_column="split")


def test_an_image_of_16_bits_keeps_its_shades(pets):
    shades = np.array([[0, 16384], [32768, 65535]], np.uint16)
    Image.fromarray(shades).save(pets / "dog" / "z.png")
    assert load(pets).loc["dog/z.png"].tolist()[:4] == [0, 64, 128, 255]


def test_an_image_that_is_far_too_large_is_named(pets, monkeypatch):
    write(pets / "cat" / "huge.png", size=(30, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(DatasetError, match=r"1 of 4 images.*\n  cat/huge\.png"):
        load(pets)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda root: write(root / "cat" / "a.png"),
            "two classes or more, but has only 'cat'",
        ),
        (lambda root: write(root / "a.png"), "two classes or more, but has none"),
        (lambda root: (root / "cat").mkdir(), "cat has no .png, .jpg, .jpeg image"),
    ],
)
def test_a_folder_without_classes_is_refused(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(DatasetError, match=message):
        load(tmp_path)


def test_a_folder_that_is_not_given_or_not_there_is_named():
    with pytest.raises(DatasetError, match=r"data\.folder is not given.*--params=data\.folder="):
        ImageFolderDataset().load()
    with pytest.raises(DatasetError, match="there is no folder no/such"):
        load("no/such")


def test_folders_named_by_numbers_are_classes(tmp_path):
    for name in range(25):
        write(tmp_path / str(name) / "a.png", (name, 0, 0))
    data = DataParameters(target="label", image_size=2, folder=str(tmp_path))
    _, schema = validate_table(load(tmp_path), data, SplitParameters())
    assert schema.task == "multiclass"
    assert schema.classes == tuple(sorted(map(str, range(25))))


def test_a_split_without_its_folders_is_refused(pets):
    with pytest.raises(DatasetError, match="has no folders train and test to keep apart"):
        load(pets, split_column="split")
