"""The pipeline `ingestion`: what was understood of a file, through Kedro's runner."""

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from rich.console import Console

from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.parameters import (
    BudgetParameters,
    DataParameters,
    SplitParameters,
    TrainingParameters,
)
from dnn_sweep.pipelines.ingestion import create_pipeline
from tests.iris_sweep import Kept, named

ROWS = 200
RNG = np.random.default_rng(1)
LABEL = RNG.choice(["<b>no</b>", "yes"], ROWS, p=[0.95, 0.05])
COLUMNS = {
    "id": range(ROWS),
    "<i>price</i>": [f"1.{n:03d},5" for n in RNG.integers(0, 999, ROWS)],
    "age": RNG.choice(["?", "12", "40"], ROWS),
    "sparse": RNG.choice(["", "7", "8"], ROWS, p=[0.7, 0.2, 0.1]),
    "day": [f"{d:02d}/{m:02d}/2024" for d, m in RNG.integers(1, 13, (ROWS, 2))],
    "town": RNG.choice(["north", "North", "south"], ROWS),
    "constant": ["x"] * ROWS,
    "hidden": RNG.choice(["u", "v"], ROWS),
    "label": LABEL,
    "copy": np.where(LABEL == "yes", "Y", "N"),
}


def ingest(raw, data, split=None):
    """Run the pipeline and return its catalog."""
    pipeline = create_pipeline()
    given = {
        "data": data,
        "split": split or SplitParameters(),
        "training": TrainingParameters(seeds=5),
        "budget": BudgetParameters(),
        "reports": "data/08_reporting/mine",
    }
    catalog = DataCatalog(
        {name: Kept() for name in pipeline.datasets()}
        | {f"params:{name}": Kept(value) for name, value in named(given).items()}
        | {"raw_table": raw}
    )
    SequentialRunner().run(pipeline, catalog)
    return catalog


def on_screen(catalog):
    console = Console(width=80, record=True, file=StringIO())
    console.print(catalog.load("data_summary_screen"), markup=False, highlight=False)
    return console.export_text()


def summary_of(frame, **split):
    data = DataParameters(target="label")
    return ingest(Kept(frame), data, SplitParameters(**split)).load("data_summary")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory):
    path: Path = tmp_path_factory.mktemp("source") / "mixed.csv"
    pd.DataFrame(COLUMNS).to_csv(path, sep=";", index=False)
    data = DataParameters(target="label", ignore="hidden")
    return ingest(TableFileDataset(str(path), data=data), data)


def test_each_column_has_its_kind_with_values_as_written_and_as_read(mixed):
    found = mixed.load("data_summary").source
    assert found.how == "utf-8, separator ';', header in line 1"
    columns = {each.name: each for each in found.columns}
    assert {name: each.kind for name, each in columns.items()} == {
        "id": "left out", "<i>price</i>": "numeric", "age": "numeric", "sparse": "numeric",
        "day": "date", "town": "categorical", "constant": "left out", "hidden": "left out",
        "label": "target", "copy": "categorical",
    }  # fmt: skip
    written = COLUMNS["<i>price</i>"][0]
    assert f"{written} → {written[0]}{written[2:5]}.5" in columns["<i>price</i>"].examples
    assert columns["<i>price</i>"].note == "decimal ','; thousands '.'"
    assert "'?' → gap" in columns["age"].examples
    assert columns["age"].gaps == list(COLUMNS["age"]).count("?")
    assert columns["age"].note == "gaps written '?'"
    assert columns["town"].examples[0] in ("North → north", "north → North")
    assert columns["day"].ambiguous
    assert "2024" in columns["day"].examples[0].partition(" → ")[2]
    assert "identifier" in columns["id"].note
    assert columns["hidden"].note == "named in data.ignore"


def test_classes_are_counted_in_every_part(mixed):
    found = mixed.load("data_summary")
    assert {each.label: each.rows for each in found.classes} == dict(
        pd.Series(LABEL).value_counts()
    )
    for part, rows in (("train", 120), ("validation", 40), ("test", 40)):
        assert getattr(found, part) == rows
        assert sum(getattr(each, part) for each in found.classes) == rows


def test_warnings_come_in_the_order_of_their_weight(mixed):
    begin = [
        "Column 'copy' alone tells the target 'label'",
        "Column 'day': day and month could be exchanged",
        "Class 'yes' has ",
        "Mostly gaps, which are filled: 'sparse' (",
        "Left out: 'id': it is an identifier",
        "Left out: 'constant': every value is 'x'",
        "Spellings that differ in letter case alone are one category: 'town'",
    ]
    warnings = mixed.load("data_summary").warnings
    assert [each[: len(words)] for each, words in zip(warnings, begin, strict=True)] == begin


def test_the_screen_has_25_lines_of_80_characters_and_the_heaviest_warnings(mixed):
    lines = on_screen(mixed).splitlines()
    assert len(lines) <= 25
    assert max(map(len, lines)) == 80
    text = "\n".join(lines)
    assert "separator ';'" in text
    assert "<b>no</b> (" in text
    assert "1. Column 'copy' alone tells" in text
    assert "… and 4 more warnings on the page" in text
    assert "… and 2 more columns on the page" in text
    assert text.endswith("page: data/08_reporting/mine/data_summary.html")


def test_the_page_shows_names_and_values_with_markup_as_they_are(mixed):
    page = mixed.load("data_summary_page")
    assert "&lt;i&gt;price&lt;/i&gt;" in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "<i>price" not in page
    assert "<b>no" not in page
    assert "Spellings that differ in letter case" in page
    assert "http" not in page


def test_what_was_guessed_of_the_file_is_a_warning(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "".join(f"{x:.3f},{'ab'[int(x > 0)]}\n" for x in np.random.default_rng(2).normal(size=150))
    )
    data = DataParameters(target="column_2")
    found = ingest(TableFileDataset(str(path), data=data), data).load("data_summary")
    assert found.source.how == "utf-8, separator ',', no header"
    assert any("looks like data" in each for each in found.warnings)


def test_images_are_one_line_and_the_splits_of_folds_are_told():
    data = DataParameters(target="digit", image_shape=(8, 8))
    catalog = ingest(ToyDataset("digits"), data, SplitParameters(folds=4))
    text = on_screen(catalog)
    assert "pixel_0_0 … pixel_7_7" in text
    assert "64 numeric" in text
    assert "1,437 rows in 4 folds and 360 test rows" in text
    assert "an image of 8 × 8 × 1" in text
    assert "and 2 more classes" in text
    assert len(text.splitlines()) < 15
    assert "in folds" in catalog.load("data_summary_page")


def test_the_columns_of_sequences_are_those_of_the_file():
    frame = pd.DataFrame(
        {
            "who": np.repeat(range(40), 3),
            "step": [1, 2, 3] * 40,
            "x": np.random.default_rng(2).normal(size=120),
        }
    ).assign(label=np.repeat(["a", "b"] * 20, 3))
    data = DataParameters(target="label", sequence={"id": "who", "order": "step"})
    found = ingest(Kept(frame), data).load("data_summary")
    assert [(each.name, each.kind) for each in found.source.columns] == [
        ("who", "sequence"), ("step", "sequence"), ("x", "numeric"), ("label", "target"),
    ]  # fmt: skip
    assert (found.source.rows, found.rows) == (120, 40)
    assert found.what_a_row_is == "a sequence of 3 × 1"


def test_lists_in_a_column_left_out_and_drawn_rows_are_described():
    frame = pd.DataFrame({"tags": [np.array([1, 2]), ["a"], None] * 100, "label": ["a", "b"] * 150})
    frame["x"] = np.resize(["1,5", "2,5", "?"], 300)
    data = DataParameters(target="label", ignore="tags", max_rows=200)
    found = ingest(Kept(frame), data).load("data_summary")
    tags, _, x = found.source.columns
    assert set(tags.examples) == {"[1 2]", "['a']"}
    assert set(x.examples) == {"1,5 → 1.5", "2,5 → 2.5", "'?' → gap"}
    assert 50 < x.gaps < 80
    assert (found.source.rows, found.rows) == (300, 200)


def test_a_regressions_target_is_described_by_its_range():
    found = ingest(ToyDataset("diabetes"), DataParameters(target="progression"))
    assert found.load("data_summary").quantiles == (25, 140.5, 346)
    assert "25 to 346, median 140.5" in on_screen(found)
    assert "is a number from 25 to 346" in found.load("data_summary_page")


def test_few_validation_rows_are_warned_about():
    frame = pd.DataFrame(
        {"x": np.random.default_rng(2).normal(size=100), "label": [True, False] * 50}
    )
    assert summary_of(frame).warnings[0].startswith("Only 20 validation rows")
    in_folds = summary_of(frame, folds=4)
    assert in_folds.warnings == ()
    assert [(each.label, each.train, each.test) for each in in_folds.classes] == [
        (False, 40, 10), (True, 40, 10),
    ]  # fmt: skip


def test_rows_that_repeat_others_are_warned_about():
    frame = pd.DataFrame({"x": np.random.default_rng(2).normal(size=90), "label": ["a", "b"] * 45})
    frame = pd.concat([frame, frame], ignore_index=True)
    assert any("repeat another one in all columns: 90" in e for e in summary_of(frame).warnings)
    few = pd.DataFrame(
        {"x": [0, 1] * 100, "z": [0, 0, 1, 1] * 50, "label": ["a"] * 99 + ["b"] * 101}
    )
    assert any("rows are distinct" in each for each in summary_of(few).warnings)
