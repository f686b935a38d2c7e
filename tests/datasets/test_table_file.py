import gzip
import logging
from io import StringIO
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rich
from kedro.io import DatasetError
from rich.console import Console

from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets import file_content, table_formats, user_paths
from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.parameters import DataParameters

TEXT = "size,colour,label\n1.5,red,yes\n,blue,no\n"


@pytest.fixture
def expected():
    return pd.DataFrame({"size": [1.5, None], "colour": ["red", "blue"], "label": ["yes", "no"]})


def mistake(path, **arguments):
    with pytest.raises(DatasetError) as caught:
        TableFileDataset(path if path is None else str(path), **arguments).load()
    assert isinstance(caught.value.__cause__, SweepError)
    return str(caught.value.__cause__)


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.csv", TEXT),
        ("MY.CSV", TEXT),
        ("bom.csv", "\ufeff" + TEXT),
        ("my.csv.gz", gzip.compress(TEXT.encode(), mtime=0)),
        ("my.tsv", TEXT.replace(",", "\t")),
        ("my.tsv.gz", gzip.compress(TEXT.replace(",", "\t").encode(), mtime=0)),
    ],
)
def test_a_text_table_is_read_by_its_suffix(tmp_path, expected, name, content):
    table = TableFileDataset(str(written(tmp_path / name, content))).load()

    pd.testing.assert_frame_equal(table, expected)


def test_a_parquet_table_is_read(tmp_path, expected):
    expected.to_parquet(tmp_path / "my.parquet")

    table = TableFileDataset(str(tmp_path / "my.parquet")).load()

    pd.testing.assert_frame_equal(table, expected)


def test_a_named_index_of_a_parquet_table_is_a_column_and_an_unnamed_one_is_not(tmp_path, expected):
    path = tmp_path / "my.parquet"

    expected.set_index("label").to_parquet(path)
    assert set(TableFileDataset(str(path)).load().columns) == {"size", "colour", "label"}

    expected[expected["colour"] == "blue"].to_parquet(path)
    table = TableFileDataset(str(path)).load()
    assert list(table.columns) == ["size", "colour", "label"]
    assert table.index.tolist() == [0]


@pytest.mark.parametrize("started_in", ["", "sub"])
@pytest.mark.parametrize("kept_in", ["", "sub"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_relative_path_is_found_in_the_project_or_the_current_folder(
    tmp_path, monkeypatch, started_in, kept_in, absolute
):
    monkeypatch.setattr(user_paths, "PROJECT_ROOT", tmp_path)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / started_in)
    written(tmp_path / kept_in / "my.csv", TEXT)
    # Kedro has put the project's folder before what was typed.
    given = str(tmp_path / "my.csv") if absolute else "my.csv"
    data = TableFileDataset(given)

    if kept_in in ("", started_in):
        assert data.exists()
        assert len(data.load()) == 2
    else:
        assert not data.exists()
        assert "there is no file" in mistake(given)


def test_a_path_from_home_is_found_though_kedro_took_it_for_a_relative_one(tmp_path, monkeypatch):
    monkeypatch.setattr(user_paths, "PROJECT_ROOT", tmp_path / "project")
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "my.csv", TEXT)

    assert len(TableFileDataset(str(tmp_path / "project" / "~" / "my.csv")).load()) == 2


def test_a_file_not_given_is_asked_for_with_the_option():
    assert "--params=data.filepath=my.csv,data.target=label" in mistake(None)
    assert "--params=inference.filepath=my.csv" in mistake(None, key="inference.filepath")


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path):
    written(tmp_path / "flowers.csv", TEXT)
    written(tmp_path / "notes.txt", TEXT)

    message = mistake(tmp_path / "flower.csv")

    assert str(tmp_path / "flower.csv") in message
    assert "Did you mean 'flowers.csv'?" in message


def test_a_missing_file_unlike_any_other_is_answered_with_the_tables_there(tmp_path):
    written(tmp_path / "zzz.parquet", TEXT)
    written(tmp_path / "notes.md", TEXT)

    assert "Tables in that folder: zzz.parquet." in mistake(tmp_path / "my.csv")


def test_a_missing_folder_is_named(tmp_path):
    assert f"Nor is there a folder {tmp_path / 'no'}" in mistake(tmp_path / "no" / "my.csv")


def test_a_folder_is_refused(tmp_path):
    assert "is a folder, not a file" in mistake(tmp_path)


@pytest.mark.parametrize("content", [b"PK\x03\x04 no workbook", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_what_is_no_table_is_answered_with_what_can_be_read(tmp_path, content):
    message = mistake(written(tmp_path / "my.docx", content))

    assert ".csv, .tsv, .txt, .data," in message
    assert ".parquet, .xlsx" in message


def test_a_text_may_be_called_anything(tmp_path, expected):
    table = TableFileDataset(str(written(tmp_path / "my.csv#", TEXT))).load()

    pd.testing.assert_frame_equal(table, expected)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("my.csv", ""),
        ("my.csv", "\n\n"),
        ("my.csv.gz", gzip.compress(b"", mtime=0)),
        ("my.parquet", ""),
    ],
)
def test_an_empty_file_is_refused(tmp_path, name, content):
    assert "the file is empty" in mistake(written(tmp_path / name, content))


def test_a_table_without_rows_is_refused(tmp_path, expected):
    assert "no rows" in mistake(written(tmp_path / "my.csv", "size,label\n"))

    expected.iloc[:0].to_parquet(tmp_path / "my.parquet")
    assert "no rows" in mistake(tmp_path / "my.parquet")


def test_two_columns_of_one_name_are_refused(tmp_path):
    assert "more than one column is called 'a'" in mistake(
        written(tmp_path / "my.csv", "a,b,a\n1,2,3\n")
    )

    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "my.parquet")
    assert "more than one column is called 'a'" in mistake(tmp_path / "my.parquet")


def test_names_that_look_like_renamed_duplicates_are_fine(tmp_path):
    table = TableFileDataset(str(written(tmp_path / "my.csv", "a,a.1\n1,2\n"))).load()

    assert list(table.columns) == ["a", "a.1"]


def test_a_row_with_too_many_fields_is_named_by_its_line(tmp_path):
    message = mistake(written(tmp_path / "my.csv", "a,b\n1,2\n3,4,5\n"))

    assert "Expected 2 fields in line 3, saw 3" in message


def test_rows_longer_than_the_header_are_not_shifted(tmp_path):
    message = mistake(written(tmp_path / "my.csv", "a,b\n0,2,3\n1,5,6\n"))

    assert "rows with more fields than the header, which has 2" in message


def test_an_open_quote_is_refused(tmp_path):
    assert "EOF inside string" in mistake(written(tmp_path / "my.csv", 'a,b\n1,"2\n3,4\n'))


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_than_the_suffix_says_is_found(tmp_path, expected, separator):
    path = written(tmp_path / "my.csv", TEXT.replace(",", separator))

    pd.testing.assert_frame_equal(TableFileDataset(str(path)).load(), expected)


def test_an_encoding_that_does_not_fit_is_named(tmp_path):
    path = written(tmp_path / "my.csv", "größe,label\n1,2\n".encode("latin-1"))

    message = mistake(path, data=DataParameters(encoding="utf-8"))
    assert "not utf-8" in message
    assert "0xf6" in message
    assert "no encoding 'utf-7x'" in mistake(path, data=DataParameters(encoding="utf-7x"))


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b not gzip", gzip.compress(TEXT.encode(), mtime=0)[:-9]]
)
def test_a_damaged_gzip_file_is_refused(tmp_path, content):
    assert "damaged" in mistake(written(tmp_path / "my.csv.gz", content))


def test_a_text_called_parquet_is_refused(tmp_path):
    assert "not a Parquet file" in mistake(written(tmp_path / "my.parquet", TEXT))


def test_a_column_without_a_name_is_warned_of(tmp_path, caplog):
    path = written(tmp_path / "my.csv", ",a\n0,1\n1,2\n")

    with caplog.at_level(logging.WARNING):
        table = TableFileDataset(str(path)).load()

    assert list(table.columns) == ["Unnamed: 0", "a"]
    (record,) = caplog.records
    assert record.args == (1, 0)


def test_a_file_that_unpacks_to_far_more_than_a_table_does_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(file_content, "SMALL", 2**20)
    path = written(tmp_path / "my.csv.gz", gzip.compress(bytes(2**26)))
    assert "no table packs so well" in mistake(path)


@pytest.mark.parametrize("name", ["my.csv", "my.csv.gz", "my.parquet", "my.xlsx"])
def test_a_file_larger_than_the_memory_is_refused(tmp_path, monkeypatch, expected, name):
    contents = {"my.csv": TEXT.encode(), "my.csv.gz": gzip.compress(TEXT.encode())}
    if name == "my.parquet":
        expected.to_parquet(tmp_path / name)
    elif name == "my.xlsx":
        with ZipFile(tmp_path / name, "w", ZIP_DEFLATED) as book:
            book.writestr("xl/worksheets/sheet1.xml", bytes(2**20))
    else:
        written(tmp_path / name, contents[name])
    packed = (tmp_path / name).stat().st_size
    free = 2 * packed if name in ("my.xlsx", "my.csv") else 60
    monkeypatch.setattr(file_content, "free_memory", lambda: free - 1)
    assert "of memory are free, of which reading needs" in mistake(tmp_path / name)


def test_a_terminal_shows_how_far_a_large_file_has_been_read(
    tmp_path, expected, monkeypatch, caplog
):
    screen = StringIO()
    monkeypatch.setattr(rich, "_console", Console(file=screen, force_terminal=True, width=80))
    monkeypatch.setattr(table_formats, "LARGE", 10)
    with caplog.at_level(logging.INFO):
        table = TableFileDataset(str(written(tmp_path / "my.csv", TEXT))).load()
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)
    assert "reading" in screen.getvalue()
    assert f"{len(TEXT)}/{len(TEXT)} bytes" in screen.getvalue()
    assert "Reading 0 MB of text" in caplog.text
