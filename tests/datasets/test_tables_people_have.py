"""Small files as people have them, each read by the dataset and validated as a run does."""

import gzip
import json
import logging
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from dnn_sweep.core.data.suspects import find_leaks
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.parameters import DataParameters, SplitParameters

ROWS = 40
RNG = np.random.default_rng(3)
HEIGHT = [f"{x:.2f}" for x in RNG.normal(1, 2, ROWS)]
AGE = [str(x) for x in RNG.integers(1, 90, ROWS)]
TREE = [str(x) for x in RNG.choice(["oak", "ash"], ROWS)]


def text(*columns, names=("height", "age", "tree"), separator=","):
    """A table as text; a cell with the separator in it is quoted."""
    rows = [*([names] if names else []), *zip(*columns, strict=True)]
    quoted = ([f'"{cell}"' if separator in cell else cell for cell in row] for row in rows)
    return "".join(separator.join(row) + "\n" for row in quoted)


def plain(**changed):
    columns = {"height": HEIGHT, "age": AGE, "tree": TREE} | changed
    return text(*columns.values(), names=tuple(columns))


def read(path: Path, content: str | bytes, **data):
    """Write a file, read it and validate it, as the pipeline `ingestion` does."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    given = DataParameters(**({"target": "tree"} | data))
    try:
        raw = TableFileDataset(str(path), data=given).load()
    except DatasetError as error:
        raise error.__cause__ from None
    return validate_table(raw, given, SplitParameters())


def every(values, other, at):
    return [other if row % at == 2 else value for row, value in enumerate(values)]


def zipped(files: dict[str, str]) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


COMMA = [each.replace(".", ",") for each in HEIGHT]
WAYS_TO_WRITE_THE_SAME_TABLE = {
    "semicolons and decimal commas": (
        text(COMMA, AGE, TREE, separator=";"),
        "separator ';', decimal comma",
    ),
    "decimal commas in quotes": (text(COMMA, AGE, TREE), "height ('"),
    "tabs": (text(HEIGHT, AGE, TREE, separator="\t"), r"separator '\t'"),
    "bars": (text(HEIGHT, AGE, TREE, separator="|"), "separator '|'"),
    "runs of spaces": (text(HEIGHT, AGE, TREE, separator="   "), "separator spaces"),
    "UTF-16": (plain().encode("utf-16"), "utf-16"),
    "a byte order mark": (b"\xef\xbb\xbf" + plain().encode(), "utf-8-sig"),
    "gzip": (gzip.compress(plain().encode()), "header in line 1"),
    "a zip archive": (zipped({"__MACOSX/._t.csv": "", "t.csv": plain()}), "header in line 1"),
    "a header of tabs over rows of spaces": (
        "height\tage tree\tnote\n"
        + "".join(f'{h}   {a}  {t}\t"a b"\n' for h, a, t in zip(HEIGHT, AGE, TREE, strict=True)),
        "separator spaces",
    ),
    "a title and a comment": ("# from 2031\nTrees of our street\n" + plain(), "header in line 3"),
    "a comment as header": ("# " + plain(), "header in line 1"),
    "a comment below the header": (plain().replace("\n", "\n# in metres\n", 1), "header in line 1"),
    "units": (plain().replace("\n", "\nm,years,\n", 1), "holds units"),
    "single quotes": (
        plain(tree=[f"'{each}'" for each in TREE]),
        """quote "'\"""",
    ),
    "JSON lines": (
        "".join(
            json.dumps({"height": float(h), "age": int(a), "tree": t}) + "\n"
            for h, a, t in zip(HEIGHT, AGE, TREE, strict=True)
        ),
        "JSON",
    ),
    "labels with blanks and capitals": (
        plain(tree=[f" {t}" if i % 5 == 0 else t for i, t in enumerate(TREE)]),
        "joined into one class each: ",
    ),
    "blanks at the ends of names": (plain().replace("height", " height "), "' height '"),
}


@pytest.mark.parametrize("name", WAYS_TO_WRITE_THE_SAME_TABLE)
def test_a_table_is_the_same_however_it_is_written(tmp_path, caplog, name):
    caplog.set_level(logging.INFO)
    content, said = WAYS_TO_WRITE_THE_SAME_TABLE[name]
    clean, schema = read(tmp_path / ("t.jsonl" if "JSON" in name else "t.csv"), content)

    assert clean["height"].tolist() == [float(each) for each in HEIGHT]
    assert clean["age"].tolist() == [int(each) for each in AGE]
    assert clean["tree"].tolist() == TREE
    assert (schema.task, list(schema.kinds.values())) == ("binary", ["numeric", "numeric"])
    assert said in caplog.text


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        (["참나무", "물푸레나무"], "cp949"),
        (["oak", "참나무"], "cp949"),
        (["Eiche", "Rüster"], "cp1252"),
        (["größer", "niño"], "cp1252"),
        (["дуб", "ясень"], "cp1251"),
        (["楢の木です", "とねりこ"], "cp932"),
    ],
)
def test_an_encoding_is_found_and_can_be_given(tmp_path, caplog, words, encoding):
    caplog.set_level(logging.INFO)
    content = plain(tree=[words[each == "oak"] for each in TREE]).encode(encoding)
    assert read(tmp_path / "t.txt", content)[1].classes == tuple(sorted(words))
    assert encoding in caplog.text
    assert read(tmp_path / "t.csv", content, encoding=encoding)[1].classes == tuple(sorted(words))


def workbook(rows) -> bytes:
    """The parts of an .xlsx file that matter."""
    name = "http://schemas.openxmlformats.org"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def cell(value):
        text = (
            f't="inlineStr"><is><t>{value}</t></is>'
            if isinstance(value, str)
            else f"><v>{value}</v>"
        )
        return f"<c {text}</c>"

    cells = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{name}/package/2006/content-types"><Override '
        f'PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/><Override PartName='
        f'"/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{name}/package/2006/relationships"><Relationship '
        f'Id="r0" Type="{name}/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{name}/spreadsheetml/2006/main" xmlns:r="{name}/'
        'officeDocument/2006/relationships"><sheets><sheet name="Trees" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{name}/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{name}/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{name}/spreadsheetml/2006/main">'
        f"<sheetData>{cells}</sheetData></worksheet>",
    }
    return zipped(parts)


def test_several_files_in_a_zip_archive_are_refused(tmp_path):
    with pytest.raises(SweepError, match=r"holds 2 files \(a.csv, b.csv\); extract it"):
        read(tmp_path / "t.zip", zipped({"a.csv": plain(), "b.csv": plain()}))


def test_rows_shorter_than_the_header_are_warned_about(tmp_path, caplog):
    read(tmp_path / "t.csv", plain().replace("tree", "tree,street,town", 1))
    assert "The header has 5 fields and most rows have 3" in caplog.text


def test_a_workbook_is_read_whatever_it_is_called(tmp_path):
    cells = list(zip(map(float, HEIGHT), map(int, AGE), TREE, strict=True))
    content = workbook([("Trees",), ("height", "age", "tree"), *cells])
    for name in ("t.csv", "t.xlsx"):
        clean, schema = read(tmp_path / name, content)
        assert clean["height"].tolist() == [float(each) for each in HEIGHT]
        assert clean["age"].tolist() == [int(each) for each in AGE]
        assert schema.classes == ("ash", "oak")


def test_no_row_is_lost_where_there_is_no_header(tmp_path, caplog):
    content = text(HEIGHT, AGE, TREE, names=None)
    for header in ("auto", "none"):
        clean, _ = read(tmp_path / "t.data", content, target="column_3", header=header)
        assert clean["column_1"].tolist() == [float(each) for each in HEIGHT]
        assert ("looks like data" in caplog.text) == (header == "auto")
        caplog.clear()
    clean, _ = read(tmp_path / "t.data", "|made by hand\n" + content, target="column_3")
    assert len(clean) == ROWS
    assert "Line 1 ('|made by hand') left out, and no line below" in caplog.text
    clean, _ = read(tmp_path / "t.data", content, target=TREE[0], header=1)
    assert len(clean) == ROWS - 1


@pytest.mark.parametrize(
    "first", ["a,b,c", "0,1,2", "2019,2020,2021", "height,2020,tree", "x,24.00,a: b"]
)
def test_a_header_of_numbers_is_a_header_where_it_counts_or_stands_beside_names(tmp_path, first):
    names = tuple(first.split(","))
    clean, _ = read(tmp_path / "t.csv", text(HEIGHT, AGE, TREE, names=names), target=names[2])
    assert list(clean.columns) == list(names)
    assert len(clean) == ROWS


def test_a_line_that_may_be_a_title_is_refused_with_its_number(tmp_path):
    with pytest.raises(SweepError, match=r"line 1 \('Trees, 2031'\).*set data\.header: 2"):
        read(tmp_path / "t.csv", "Trees,2031\n" + plain())
    assert len(read(tmp_path / "t.csv", "Trees,2031\n" + plain(), header=2)[0]) == ROWS


@pytest.mark.parametrize("mark", [" ", "?", "NA", "n/a", "-", "null", ".", "None"])
def test_marks_of_gaps_in_a_column_of_numbers_are_counted(tmp_path, caplog, mark):
    caplog.set_level(logging.INFO)
    clean, schema = read(tmp_path / "t.csv", plain(age=every(AGE, mark, 4)))
    assert clean["age"].isna().sum() == ROWS // 4
    assert schema.kinds["age"] == "numeric"
    assert f"Gaps, to be filled: age {ROWS // 4} ({mark!r})" in caplog.text


def test_marks_of_gaps_can_be_given(tmp_path):
    words = plain(age=every(AGE, "unknown", 20))
    clean, schema = read(tmp_path / "t.csv", words, missing=["unknown"])
    assert clean["age"].isna().sum() == 2
    assert schema.missing == ("unknown",)
    clean, _ = read(tmp_path / "t.csv", plain(age=every(AGE, "-999", 20)), missing=[-999])
    assert clean["age"].isna().sum() == 2


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("$1,200", 1200),
        ("1 200", 1200),
        ("1\u00a0200,5", 1200.5),
        ("1.234.567", 1234567),
        ("1'200.25", 1200.25),
        ("3,75", 3.75),
        ("45%", 45),
        ("(200)", -200),
        ("-€5", -5),
        ("\u22127.5", -7.5),
        ("₩ 3,000", 3000),
        ("1,5e3", 1500),
    ],
)
def test_numbers_are_read_as_people_write_them_in_features_and_in_targets(tmp_path, written, value):
    """Whole numbers beside it, with a percent sign where it has one, keep the column together."""
    sign = "%" if "%" in written else ""
    column = [written] + [f"{each}{sign}" for each in range(1, ROWS)]
    table = text(column, HEIGHT, TREE, names=("n", "height", "tree"), separator=";")
    clean, schema = read(tmp_path / "t.csv", table)
    assert schema.kinds["n"] == "numeric"
    assert clean["n"].tolist() == [value, *range(1, ROWS)]
    clean, schema = read(tmp_path / "t.csv", table, target="n")
    assert schema.task == "regression"
    assert clean["n"].tolist() == [value, *range(1, ROWS)]


@pytest.mark.parametrize(
    ("data", "value"), [({}, 1234), ({"decimal": "comma"}, 1.234), ({"thousands": "comma"}, 1234)]
)
def test_a_mark_that_may_be_either_is_said_and_can_be_given(tmp_path, caplog, data, value):
    caplog.set_level(logging.INFO)
    clean, _ = read(tmp_path / "t.csv", plain(age=["1,234"] * 20 + ["5,678"] * 20), **data)
    assert clean["age"].iloc[0] == value
    assert ("unless data.decimal is ','" in caplog.text) == ("decimal" not in data)


@pytest.mark.parametrize(
    ("changed", "data", "message"),
    [
        (
            {"age": ["1.5kg"] * 20 + ["2kg"] * 20},
            {},
            r"column 'age' holds numbers with a unit, such as '1\.5kg'.*data\.numeric",
        ),
        (
            {"age": every(AGE, "old", 40)},
            {},
            "column 'age': 39 of 40 values are numbers; row 2 is 'old'.*add it to data.missing",
        ),
        (
            {"age": every(["2031-01-02"] * ROWS, "soon", 40)},
            {},
            "column 'age': 39 of 40 values are dates; row 2 is 'soon'.*data.dates: text",
        ),
        (
            {"age": every(HEIGHT, " ", 40)},
            {"target": "age"},
            r"target 'age': 39 of 40 values are numbers; row 3 is ' ' \(row_id 2\)",
        ),
        ({"tree": every(TREE, "oak;ash", 3)}, {}, "'oak;ash' is several labels in one cell"),
        ({"age": ["2031-01-02", "2031-02-03"] * 20}, {"target": "age"}, "holds dates or times"),
        ({"age": [f"{a}e300" for a in AGE]}, {"target": "age"}, "too large to compute with"),
        ({"age": [f"{a}e300" for a in AGE]}, {}, "column 'age': .* too large to compute with"),
        ({"age": [f"{a}e-300" for a in AGE]}, {"target": "age"}, "too close to each other"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy_that_keeps_the_task(
    tmp_path, changed, data, message
):
    with pytest.raises(SweepError, match=message) as caught:
        read(tmp_path / "t.csv", plain(**changed), **data)
    assert "stratify" not in str(caught.value)


def test_the_remedies_that_a_refusal_names_work(tmp_path):
    unit = plain(age=[f"{each}kg" for each in AGE])
    assert read(tmp_path / "t.csv", unit, numeric="age")[1].kinds["age"] == "numeric"
    assert read(tmp_path / "t.csv", unit, categorical="age")[1].kinds["age"] == "categorical"
    several = plain(tree=every(TREE, "oak;ash", 3))
    assert len(read(tmp_path / "t.csv", several, task="multiclass")[1].classes) == 3


@pytest.mark.parametrize(
    ("days", "data", "first"),
    [
        (["2031-03-01", "2031-04-02"], {}, "2031-03-01"),
        (["13/03/2031", "01/04/2031"], {}, "2031-03-13"),
        (["13.03.31", "01.04.31"], {}, "2031-03-13"),
        (["03/13/2031", "04/01/2031"], {}, "2031-03-13"),
        (["01/03/2031", "02/03/2031"], {}, "2031-03-01"),
        (["01/03/2031", "02/03/2031"], {"day_first": False}, "2031-01-03"),
        (["1 Mar 2031", "2 Apr 2031"], {}, "2031-03-01"),
        (["2031. 3. 1.", "2031. 4. 2."], {}, "2031-03-01"),
        (["2031년 3월 1일", "2031년 4월 2일"], {}, "2031-03-01"),
        (["2031-03-01T07:30:00Z", "2031-04-02T08:00:00Z"], {}, "2031-03-01T07:30"),
        (["3/1/2031 7:30 AM", "3/2/2031 8:00 PM"], {"day_first": False}, "2031-03-01T07:30"),
        (["2031년 3월 1일 오전 7:30", "2031년 4월 2일 오후 8:00"], {}, "2031-03-01T07:30"),
        (["7:30 AM", "8:00 PM"], {}, "1900-01-01T07:30"),
        (["오전 7:30", "오후 8:00"], {}, "1900-01-01T07:30"),
    ],
)
def test_dates_are_recognised_and_the_order_of_day_and_month_is_said(
    tmp_path, caplog, days, data, first
):
    caplog.set_level(logging.INFO)
    clean, schema = read(tmp_path / "t.csv", plain(age=every(days * 20, "NA", 10)), **data)
    assert clean["age"].iloc[0] == pd.Timestamp(first)
    assert clean["age"].isna().sum() == 4
    assert schema.kinds["age"] == "date"
    assert ("hour" in schema.features[1].parts) == ("T07" in first)
    ambiguous = days[0] == "01/03/2031" and not data
    assert ("data.day_first could change" in caplog.text) == ambiguous


def test_spellings_become_one_and_can_be_kept_apart(tmp_path, caplog):
    mixed = plain(tree=every(TREE, "OAK", 10), age=every(["red", "blue"] * 20, " Red", 10))
    _, schema = read(tmp_path / "t.csv", mixed)
    assert schema.classes == ("ash", "oak")
    assert schema.features[1].spellings == {"red": "red"}
    assert "'oak', 'OAK'" in caplog.text or "'OAK'" in caplog.text
    assert "differ in letter case alone are one category: 'red'" in caplog.text
    _, schema = read(tmp_path / "t.csv", mixed, letter_case="keep")
    assert schema.classes == ("OAK", "ash", "oak")


def test_a_word_for_a_gap_is_a_label_in_the_target(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    content = plain(tree=[{"oak": "None", "ash": "Oidium"}[each] for each in TREE])
    assert read(tmp_path / "t.csv", content)[1].classes == ("None", "Oidium")
    assert f"'None' ({TREE.count('oak')} rows) is a label" in caplog.text
    with pytest.raises(SweepError, match=f"missing in {TREE.count('oak')} of 40 rows"):
        read(tmp_path / "t.csv", content, missing=["None"])


@pytest.mark.parametrize("name", ["id", "RowId", "No", "index", "Unnamed: 0", "번호", "tree_no"])
def test_identifiers_are_left_out_with_the_reason_and_can_be_kept(tmp_path, name):
    content = plain(**{name: [str(700 + row) for row in range(ROWS)]})
    _, schema = read(tmp_path / "t.csv", content)
    assert "identifier" in schema.dropped[name]
    assert "data.keep" in schema.dropped[name]
    assert read(tmp_path / "t.csv", content, keep=name)[1].kinds[name] == "numeric"


def test_free_text_is_left_out_unless_it_is_named(tmp_path):
    notes = [f"the {tree} at number {row}" for row, tree in enumerate(TREE)]
    content = plain(note=notes)
    assert "data.text uses its words" in read(tmp_path / "t.csv", content)[1].dropped["note"]
    clean, schema = read(tmp_path / "t.csv", content, text="note")
    assert (schema.kinds["note"], clean["note"].tolist()) == ("text", notes)
    with pytest.raises(SweepError, match=r"data\.text: column 'age' holds no text"):
        read(tmp_path / "t.csv", content, text="age")


def test_a_name_that_ends_in_id_counts_if_every_value_is_distinct(tmp_path):
    numbers = [str(700 + row) for row in range(ROWS)]
    content = plain(treeid=numbers, paid=every(numbers, "700", 20))
    assert list(read(tmp_path / "t.csv", content)[1].dropped) == ["treeid"]


def test_a_column_that_tells_the_target_is_found(tmp_path):
    def leaks(content, target="tree"):
        table, schema = read(tmp_path / "t.csv", content, target=target)
        return find_leaks(table, target, schema.feature_names, schema.task)

    assert leaks(plain(copy=[{"oak": "y", "ash": "n"}[each] for each in TREE])) == ["copy"]
    shifted = [str(float(each) * -3 + 1) for each in HEIGHT]
    assert leaks(plain(age=shifted), target="height") == ["age"]
    curved = [str(np.exp(float(each))) for each in HEIGHT]
    assert leaks(plain(age=curved), target="height") == ["age"]
    assert leaks(plain()) == []


def test_whole_numbers_that_may_be_counts_are_said_to_be_classes(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    counts = plain(visits=[str(row % 9) for row in range(ROWS)])
    assert read(tmp_path / "t.csv", counts, target="visits")[1].task == "multiclass"
    assert "9 different whole numbers (0 to 8) are read as classes" in caplog.text
    assert read(tmp_path / "t.csv", counts, target="visits", task="regression")[1].classes == ()


@pytest.mark.parametrize(
    ("name", "given"),
    [(" width ", "width"), ("No", False), ("a: b", {"a": "b"}), ("24.00", 24.0), ("면적", "면적")],
)
def test_a_column_can_be_named_though_yaml_reads_its_name(tmp_path, name, given):
    content = plain().replace("age", name)
    _, schema = read(tmp_path / "t.csv", content, ignore=[given])
    assert schema.feature_names == ["height"]
    assert read(tmp_path / "t.csv", content, target=given)[1].target == name.strip()


def test_a_name_that_fits_two_columns_is_refused(tmp_path):
    with pytest.raises(SweepError, match="'False' could be any of 'No', 'off'"):
        read(tmp_path / "t.csv", plain(No=AGE, off=AGE), ignore=[False])
