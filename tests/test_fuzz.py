"""Inputs that nobody has thought of are read or refused in a sentence, never met by a traceback.

`pytest tests/test_fuzz.py --hypothesis-profile=thorough` tries a hundred times as many.
"""

import gzip
import hashlib
import warnings
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import click
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.config import OmegaConfigLoader
from kedro.framework.project import configure_project, pipelines
from kedro.io import DatasetError
from kedro.validation.type_extractor import TypeExtractor
from pydantic import BaseModel, ValidationError

from dnn_sweep.cli import cli
from dnn_sweep.configuration_check import ConfigurationHooks
from dnn_sweep.core.data.folds import assign_folds
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.idx_file import IdxFile
from dnn_sweep.datasets.table_file import TableFileDataset
from dnn_sweep.experiment_name import ExperimentConfigLoader
from dnn_sweep.parameters import DataParameters, ScalingParameters, SplitParameters
from dnn_sweep.pipelines.ingestion.nodes import validate_source
from dnn_sweep.settings import CONFIG_LOADER_ARGS
from tests.conftest import ROOT

FRAME = pd.DataFrame(
    {
        "a": [1, 2, 3],
        "b c": ["x", "y,z", None],
        "day": ["2020-01-01", "1.5", "(200)"],
        "label": ["yes", "no", "yes"],
    }
)


def parquet() -> bytes:
    buffer = BytesIO()
    FRAME.to_parquet(buffer)
    return buffer.getvalue()


def workbook() -> bytes:
    """The smallest workbook that a reader takes."""
    from zipfile import ZipFile

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    cells = "".join(
        f'<row><c t="inlineStr"><is><t>{a}</t></is></c><c><v>{b}</v></c></row>'
        for a, b in (("x", 1), ("y", 2), ("z", 3))
    )
    buffer = BytesIO()
    with ZipFile(buffer, "w") as book:
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
            '<sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" '
            f'Type="{relations}/worksheet" Target="worksheets/s.xml"/></Relationships>',
        )
        book.writestr(
            "xl/worksheets/s.xml",
            f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
        )
    return buffer.getvalue()


FILES = {
    "comma.csv": FRAME.to_csv(index=False).encode(),
    "semicolon.csv": FRAME.to_csv(index=False, sep=";", decimal=",").encode("utf-16"),
    "korean.csv": "이름,나이,값\n가,1,2\n나,3,4\n".encode("cp949"),
    "packed.csv.gz": gzip.compress(FRAME.to_csv(index=False).encode()),
    "spaces.data": b"1.0  2.0  a\n3.5  4.0  b\n",
    "lines.jsonl": FRAME.to_json(orient="records", lines=True).encode(),
    "list.json": FRAME.to_json(orient="records").encode(),
    "table.parquet": parquet(),
    "book.xlsx": workbook(),
}
PIECES = (
    b'"', b"\n", b",", b";", b"\t", b"\r", b"\x00", b"'", b"#", b"\xff\xfe", b"NaN", b"1e999",
    b"{", b"[" * 100_000, b"\n\n", b" " * 100, b"\xef\xbb\xbf", b"\x1f\x8b", b"PK\x03\x04",
)  # fmt: skip


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """The content with a few bytes cut out, put in, repeated or changed."""
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(content)))
        end = min(len(content), at + draw(st.integers(0, 40)))
        content = draw(
            st.sampled_from(
                [
                    content[:at] + content[end:],
                    content[:end] + content[at:],
                    content[:at],
                    content[:at] + draw(st.sampled_from(PIECES)) + content[at:],
                    content[:at] + draw(st.binary(max_size=8)) + content[end:],
                ]
            )
        )
    return content


def load(path, data=None):
    """Load a table; what it is refused for is raised as it is."""
    try:
        return TableFileDataset(str(path), data=data or DataParameters()).load()
    except DatasetError as error:
        raise error.__cause__ from None


@given(st.data())
def test_a_damaged_file_is_a_table_or_is_refused(data):
    name = data.draw(st.sampled_from(sorted(FILES)))
    content = data.draw(damaged(FILES[name]))
    if data.draw(st.integers(0, 9)) == 0:  # called what it is not
        name = data.draw(st.sampled_from(sorted(FILES)))
    with TemporaryDirectory() as folder, warnings.catch_warnings(), suppress(SweepError):
        warnings.simplefilter("ignore")
        path = Path(folder, name)
        path.write_bytes(content)
        table = load(path)
        assert len(table) > 0
        assert table.columns.is_unique


CELLS = (
    "", "NA", "?", "-", "1", "2", "3.5", "1,5", "1 200", "$3", "45%", "(200)", "1.5kg", "yes", "no",
    "Yes", " a", "b", "2020-01-05", "05.01.2020", "1e308", "-1e309", "inf", "nan", "0", "007",
    "1.0", "가", "\u200b", "x;y", "True", "false", "9" * 25, "12:30", "2020-01-05T10:00:00Z",
    "2020-01-05T10:00:00+09:00", "<b>", "=1+1", "None", "null", "a" * 300, "31/12/2020",
)  # fmt: skip
NAMES = (
    "a", "b", " c", "No", "label", "id", "24.00", "가", "a: b", "date", "#", "price, usd", "{x}",
    "${x}", "target", "split", "row_id", "prediction", "fold", "index", "weight",
)  # fmt: skip


@st.composite
def column(draw, rows: int) -> list[str]:
    """Cells of one kind, among which there may be some of another."""
    if draw(st.booleans()):
        cells = [f"{draw(st.floats(-99, 99)):.3f}" for _ in range(rows)]
    else:
        kinds = draw(st.lists(st.sampled_from(CELLS), min_size=1, max_size=4))
        cells = [kinds[at % len(kinds)] for at in range(rows)]
    for _ in range(draw(st.integers(0, 2))):
        cells[draw(st.integers(0, rows - 1))] = draw(st.sampled_from(CELLS))
    return cells


@given(st.data())
def test_a_table_of_any_cells_is_ready_to_train_or_is_refused(data):
    rows = data.draw(st.sampled_from([1, 2, 5, 20, 60]))
    names = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    table = pd.DataFrame({name: data.draw(column(rows)) for name in names})
    some = st.sampled_from([name.strip() for name in names])
    rarely = st.none() | st.none() | st.none() | some
    options = {
        "target": data.draw(some),
        "task": data.draw(st.sampled_from(["auto"] * 4 + ["regression", "multiclass"])),
        "categorical": [name] if (name := data.draw(rarely)) else [],
        "sample_weight": data.draw(rarely),
    }
    parts = {
        "folds": data.draw(st.sampled_from([0, 0, 0, 2, 5])),
        "group": data.draw(rarely),
        "time": data.draw(rarely),
        "stratify": data.draw(st.booleans()),
    }
    with TemporaryDirectory() as folder, warnings.catch_warnings(), suppress(SweepError):
        warnings.simplefilter("ignore")
        path = Path(folder, "my.csv")
        table.to_csv(path, index=False)
        try:
            groups = DataParameters(**options), SplitParameters(**parts)
        except ValidationError:
            return
        clean, schema, _ = validate_source(load(path, groups[0]), *groups)
        train, validation, test, ids = split_rows(clean, schema, *groups)
        assert sorted(ids["row_id"]) == sorted(clean.index)
        assign_folds(train, schema, groups[1])
        fitted = fit_preprocessor(train, schema, ScalingParameters())
        for part in (train, validation, test):
            scaled = scale_rows(part, *fitted, schema)
            assert scaled.notna().all(axis=None)


@given(st.data())
def test_a_damaged_idx_file_holds_images_or_is_refused(data):
    header = b"".join(n.to_bytes(4, "big") for n in (0x0803, 3, 2, 2))
    content = data.draw(damaged(header + bytes(range(12))))
    if data.draw(st.booleans()):
        sizes = [0x0803, *(data.draw(st.integers(0, 2**32 - 1)) for _ in range(3))]
        content = b"".join(n.to_bytes(4, "big") for n in sizes) + content[16:]
    with TemporaryDirectory() as folder:
        path = Path(folder, "images")
        path.write_bytes(data.draw(st.sampled_from([content, gzip.compress(content)])))
        try:
            images = IdxFile("images", hashlib.sha256(content).hexdigest()).read(path, 3)
        except SweepError:
            return
        assert images.size == len(content) - 16


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.sampled_from(["", "relu", "auto", "1e3", "${x}", "../..", "a" * 500, "가\x00"])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner)
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def groups():
    """The class of every group of parameters, and the values that it has by default."""
    configure_project("dnn_sweep")
    found = TypeExtractor(dict(pipelines)).extract_types_from_pipelines()
    classes = {name: each for name, each in found.items() if isinstance(each, type)}
    loader = OmegaConfigLoader(str(ROOT / "conf"), env="digits", **CONFIG_LOADER_ARGS)
    given = loader["parameters"]
    return {n: (c, given[n]) for n, c in classes.items() if issubclass(c, BaseModel)}


@given(st.data())
def test_any_value_of_a_parameter_is_allowed_or_told(groups, data):
    model, values = groups[data.draw(st.sampled_from(sorted(groups)))]
    key = data.draw(st.sampled_from([*sorted(values), "unknown"]))
    with suppress(ValidationError):
        model.model_validate({**values, key: data.draw(ANY)})


@settings(max_examples=settings.default.max_examples // 5)  # each reads every file of conf
@given(
    st.text(alphabet="abz.=,:[]{}'\"$ 0-\\\n#&*!|>%@`가", max_size=30)
    | st.tuples(st.sampled_from(["training.epochs", "callbacks.checkpoint", "grid", "x"]), ANY).map(
        lambda pair: f"{pair[0]}={pair[1]}"
    )
)
def test_any_text_of_params_is_read_or_told(groups, text):
    with suppress(click.ClickException):
        given = cli.commands["run"].make_context("run", [f"--params={text}"]).params["params"]
        loader = ExperimentConfigLoader(
            str(ROOT / "conf"), env="digits", runtime_params=given, **CONFIG_LOADER_ARGS
        )
        ConfigurationHooks().after_context_created(SimpleNamespace(config_loader=loader))
