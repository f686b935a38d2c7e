import gzip
import hashlib
import os
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DatasetError

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.idx import IdxImagesDataset
from dnn_sweep.settings import CONFIG_LOADER_ARGS

NAMES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
ROOT = Path(__file__).resolve().parents[2]
# Read here: no test sees the variables of the outside.
SHARED = Path(os.environ.get("DNN_SWEEP_SHARED_DATA", ROOT / "../shared/data")).resolve()


def idx(values, magic=None, shape=None):
    values = np.asarray(values, dtype=np.uint8)
    magic = magic if magic is not None else 0x0800 + values.ndim
    shape = shape or values.shape
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + values.tobytes()


@pytest.fixture
def contents():
    pixels = np.random.default_rng(0).integers(0, 256, size=(5, 2, 3), dtype=np.uint8)
    return {
        "train_images": idx(pixels[:3]),
        "train_labels": idx([7, 0, 9]),
        "test_images": idx(pixels[3:]),
        "test_labels": idx([1, 2]),
    }


def write(folder, contents, compress=True):
    folder.mkdir(parents=True, exist_ok=True)
    for key, content in contents.items():
        name = NAMES[key] + (".gz" if compress else "")
        (folder / name).write_bytes(gzip.compress(content) if compress else content)
    return folder


def dataset(contents, folder, *, sources=(), **arguments):
    files = {
        key: {"name": NAMES[key], "sha256": hashlib.sha256(content).hexdigest()}
        for key, content in contents.items()
    }
    return IdxImagesDataset(folder=str(folder), sources=list(sources), files=files, **arguments)


def mistake(data):
    with pytest.raises(DatasetError) as caught:
        data.load()
    assert isinstance(caught.value.__cause__, SweepError)
    return str(caught.value.__cause__)


# ---- reading --------------------------------------------------------------------------------


def test_rows_are_the_train_images_then_the_test_images(tmp_path, contents):
    write(tmp_path, contents)

    table = dataset(contents, tmp_path, target="digit").load()

    assert list(table.columns) == [
        *("pixel_0_0", "pixel_0_1", "pixel_0_2", "pixel_1_0", "pixel_1_1", "pixel_1_2"),
        *("digit", "split"),
    ]
    pixels = np.random.default_rng(0).integers(0, 256, size=(5, 2, 3), dtype=np.uint8)
    np.testing.assert_array_equal(table.iloc[:, :6].to_numpy(), pixels.reshape(5, 6))
    assert (table.dtypes.iloc[:6] == np.uint8).all()
    assert table["digit"].tolist() == [7, 0, 9, 1, 2]
    assert table["split"].tolist() == ["train"] * 3 + ["test"] * 2
    assert isinstance(table.index, pd.RangeIndex)


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_a_folder_that_holds_the_files_is_used_as_it_is(tmp_path, contents, compress, subfolder):
    given = write(tmp_path / "given" / subfolder, contents, compress)
    before = sorted((tmp_path / "given").rglob("*"))

    data = dataset(contents, tmp_path / "raw" / "mnist", source_dir=str(tmp_path / "given"))

    assert len(data.load()) == 5
    assert sorted((tmp_path / "given").rglob("*")) == before
    assert not (tmp_path / "raw").exists()
    assert given.is_dir()


def test_a_given_folder_that_lacks_a_file_is_not_filled_up(tmp_path, contents):
    write(tmp_path, contents)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()

    with serve(contents) as home:
        data = dataset(
            contents, tmp_path / "raw" / "mnist", sources=[home.url], source_dir=str(tmp_path)
        )
        message = mistake(data)

    assert f"{tmp_path} lacks t10k-labels-idx1-ubyte." in message
    assert home.asked == []


def test_a_given_folder_that_is_not_there_is_named(tmp_path, contents):
    message = mistake(dataset(contents, tmp_path, source_dir=str(tmp_path / "no")))

    assert "data.source_dir" in message
    assert "not a folder" in message


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-9],  # ends early
        lambda raw: raw[:10] + b"\xff" * 30,  # not deflated data
        lambda raw: raw[:-8] + b"\x00" * 4 + raw[-4:],  # another check value
    ],
)
def test_a_damaged_gzip_file_is_refused(tmp_path, contents, damage):
    write(tmp_path, contents)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))

    message = mistake(dataset(contents, tmp_path))

    assert f"{path}: the gzip file is damaged (" in message
    assert "Delete the file and run again" in message


def test_labels_in_the_place_of_images_are_recognised_by_the_magic_number(tmp_path, contents):
    contents["train_images"] = contents["train_labels"]
    write(tmp_path, contents)

    message = mistake(dataset(contents, tmp_path))

    assert r"not an IDX file of images: it begins with b'\x00\x00\x08\x01'" in message


@pytest.mark.parametrize("content", [b"", b"\x00\x00", b"<html>not found</html>"])
def test_a_file_of_another_kind_is_refused(tmp_path, contents, content):
    contents["test_labels"] = content
    write(tmp_path, contents, compress=False)

    assert "not an IDX file of labels" in mistake(dataset(contents, tmp_path))


@pytest.mark.parametrize(("count", "promised"), [(4, "4 x 2 x 3 bytes"), (2, "2 x 2 x 3 bytes")])
def test_a_header_that_promises_another_number_of_bytes_is_refused(
    tmp_path, contents, count, promised
):
    contents["train_images"] = idx(np.zeros((3, 2, 3)), shape=(count, 2, 3))
    write(tmp_path, contents)

    message = mistake(dataset(contents, tmp_path))

    assert promised in message
    assert "holds 18" in message


def test_a_file_of_no_images_is_refused(tmp_path, contents):
    contents["train_images"] = idx(np.zeros((0, 2, 3)), shape=(0, 2**31, 2**31))
    write(tmp_path, contents)

    assert "holds nothing but its header" in mistake(dataset(contents, tmp_path))


def test_a_file_that_ends_inside_its_header_is_refused(tmp_path, contents):
    contents["train_images"] = contents["train_images"][:10]
    write(tmp_path, contents)

    assert "the header promises 3 bytes" in mistake(dataset(contents, tmp_path))


def test_counts_of_images_and_labels_that_differ_are_refused(tmp_path, contents):
    contents["train_labels"] = idx([1, 2])
    write(tmp_path, contents)

    message = mistake(dataset(contents, tmp_path))

    assert "holds 3 images" in message
    assert "2 labels" in message


def test_train_and_test_images_of_two_sizes_are_refused(tmp_path, contents):
    contents["test_images"] = idx(np.zeros((2, 3, 3)))
    write(tmp_path, contents)

    assert "(3, 3) pixels" in mistake(dataset(contents, tmp_path))


def test_a_users_file_with_another_checksum_is_refused_and_kept(tmp_path, contents):
    write(tmp_path, contents | {"test_labels": idx([1, 3])})

    message = mistake(dataset(contents, tmp_path / "raw", source_dir=str(tmp_path)))

    assert f"expected {hashlib.sha256(contents['test_labels']).hexdigest()}" in message
    assert f"found {hashlib.sha256(idx([1, 3])).hexdigest()}" in message
    assert (tmp_path / "t10k-labels-idx1-ubyte.gz").exists()


def test_a_file_damaged_after_its_download_is_noticed_on_the_next_load(tmp_path, contents):
    with serve(contents) as home:
        data = dataset(contents, tmp_path, sources=[home.url])
        data.load()
        write(tmp_path, {"test_labels": idx([1, 3])}, compress=False)

        assert "is not the published file" in mistake(data)


# ---- downloading ----------------------------------------------------------------------------


class Home:
    """A server of files: records requests, and fails as configured."""

    def __init__(self, contents, status, short_by, header):
        self.asked = []
        files = {f"/{NAMES[key]}.gz": gzip.compress(body) for key, body in contents.items()}
        home = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                home.asked.append(self.path)
                self.send_response(status if self.path in files else 404)
                body = files.get(self.path, b"") if status == 200 else b"sorry"
                if header:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) - short_by])

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def serve(contents, status=200, short_by=0, header=True):
    home = Home(contents, status, short_by, header)
    thread = threading.Thread(target=home.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield home
    finally:
        home.server.shutdown()
        home.server.server_close()
        thread.join()


@pytest.fixture
def closed_url():
    with serve({}) as home:
        pass
    return home.url


def test_missing_files_are_downloaded_once(tmp_path, contents):
    with serve(contents) as home:
        data = dataset(contents, tmp_path / "raw", sources=[home.url + "/"])
        first = data.load()
        asked = list(home.asked)
        second = data.load()

    assert sorted(asked) == sorted(f"/{name}.gz" for name in NAMES.values())
    assert home.asked == asked
    pd.testing.assert_frame_equal(first, second)
    files = list((tmp_path / "raw").iterdir())
    assert {path.name for path in files} == {*NAMES.values()}
    (tmp_path / "plain").touch()  # a download is for as many users as any other file
    assert {path.stat().st_mode for path in files} == {(tmp_path / "plain").stat().st_mode}


def test_only_what_is_missing_is_downloaded(tmp_path, contents):
    write(tmp_path, {"train_images": contents["train_images"]}, compress=False)

    with serve(contents) as home:
        dataset(contents, tmp_path, sources=[home.url]).load()

    assert "/train-images-idx3-ubyte.gz" not in home.asked
    assert len(home.asked) == 3


TROUBLES = {
    "404": {"status": 404},
    "500": {"status": 500},
    "IncompleteRead": {"short_by": 5},
    "Compressed file ended": {"short_by": 5, "header": False},
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_home_that_fails_is_followed_by_the_next(tmp_path, contents, trouble):
    with serve(contents, **trouble) as bad, serve(contents) as good:
        table = dataset(contents, tmp_path, sources=[bad.url, good.url]).load()

    assert len(table) == 5
    assert len(bad.asked) == len(good.asked) == 4


@pytest.mark.parametrize("said", TROUBLES)
def test_a_download_that_fails_leaves_nothing_behind(tmp_path, contents, said):
    with serve(contents, **TROUBLES[said]) as home:
        message = mistake(dataset(contents, tmp_path, sources=[home.url]))

    assert f"{home.url}/train-images-idx3-ubyte.gz: " in message
    assert said in message
    assert list(tmp_path.iterdir()) == []


def test_a_download_with_another_checksum_is_removed_and_the_next_home_asked(tmp_path, contents):
    other = contents | {"train_labels": idx([1, 1, 1])}
    with serve(other) as bad, serve(contents) as good:
        message = mistake(dataset(contents, tmp_path / "a", sources=[bad.url]))
        table = dataset(contents, tmp_path / "b", sources=[bad.url, good.url]).load()

    assert f"expected {hashlib.sha256(contents['train_labels']).hexdigest()}" in message
    assert hashlib.sha256(other["train_labels"]).hexdigest() in message
    assert {path.name for path in (tmp_path / "a").iterdir()} == {NAMES["train_images"]}
    assert table["label"].tolist() == [7, 0, 9, 1, 2]
    assert good.asked == ["/train-labels-idx1-ubyte.gz"]


def test_without_a_network_it_says_how_to_place_the_files_by_hand(tmp_path, contents, closed_url):
    message = mistake(dataset(contents, tmp_path, sources=[closed_url]))

    assert "refused" in message
    for said in (*NAMES.values(), str(tmp_path), closed_url, "--params=data.source_dir="):
        assert said in message


# ---- the published files --------------------------------------------------------------------


@pytest.mark.parametrize("experiment", ["mnist", "fashion_mnist"])
def test_the_published_files_pass_their_checksums_and_load(experiment):
    if not (SHARED / experiment).is_dir():
        pytest.skip(f"no folder {SHARED / experiment}; DNN_SWEEP_SHARED_DATA may name another")
    loader = OmegaConfigLoader(
        conf_source=str(ROOT / "conf"),
        env=experiment,
        runtime_params={"data": {"source_dir": str(SHARED)}},
        **CONFIG_LOADER_ARGS,
    )
    entry = loader["catalog"]["raw_table"]
    del entry["type"]

    table = IdxImagesDataset(**entry).load()

    assert table.shape == (70_000, 786)
    assert table["split"].value_counts().to_dict() == {"train": 60_000, "test": 10_000}
    assert sorted(table["label"].unique()) == list(range(10))
    assert table.filter(like="pixel").to_numpy().max() == 255
    assert table.memory_usage().sum() < 60e6
