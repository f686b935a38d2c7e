"""A sweep from Python: arguments, results, and two sweeps in one process."""

import inspect
import logging
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import chdir
from multiprocessing.spawn import get_preparation_data
from pathlib import Path
from types import SimpleNamespace

import click
import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from mlflow.tracking import MlflowClient

import dnn_sweep
from dnn_sweep import SweepError, sweep
from dnn_sweep.core.missing import FOR_READERS
from dnn_sweep.core.reporting.figures import FIGURES
from dnn_sweep.hooks import report_mistake
from dnn_sweep.interface import result as results
from dnn_sweep.interface import session
from dnn_sweep.interface.call import TRIALS
from dnn_sweep.interface.console import log_to_console
from dnn_sweep.interface.functions import name_of
from dnn_sweep.interface.result import SweepResult
from dnn_sweep.interface.rows import frame_of, labelled, store_table
from dnn_sweep.interface.session import _imports
from tests.conftest import ROOT
from tests.test_runner import beside

PAGE = (ROOT / "docs" / "python.md").read_text()
FEW = {
    "activations": ["relu"],
    "epochs": 2,
    "seeds": 1,
    "screening": {"enabled": False},
    "evaluation": {"resamples": 100, "baselines": ["no_skill"]},
    "training": {"engine": "keras", "diagnostics": False},
}
# What takes long on the page, and what stands for it here.
SHORTENED = {
    r'\["sigmoid", "relu"\]': '["sigmoid"]',
    "epochs=20": "epochs=2",
    "seeds=3": "seeds=1",
    r'folder="sweeps/iris",': 'folder="sweeps/iris", screening={"enabled": False}, hidden=[8], '
    'evaluation={"resamples": 100, "baselines": ["no_skill"]}, training={"engine": "keras"},',
}
UNITS = 4


def one_layer(input_shape, outputs, activation, seed):
    """A network as a user writes it; the constant beside it comes along."""
    import keras

    image = keras.Input(input_shape)
    h = keras.layers.Dense(UNITS, activation=activation)(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(outputs, activation="softmax")(h))


@pytest.fixture(scope="module")
def two(tmp_path_factory, empty_store):
    """The names of the documentation's page, and a second sweep in the same process."""
    folder = tmp_path_factory.mktemp("python")
    for name in ("iris", "digits"):
        (folder / "sweeps" / name).mkdir(parents=True)
        shutil.copy2(empty_store, folder / "sweeps" / name / "mlflow.db")
    mlflow.set_tracking_uri(None)  # what another test has set
    mlflow.set_registry_uri(None)
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("MLFLOW")}
    handlers, variables = logging.getLogger().handlers[:], set(os.environ)
    page = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.S))
    for longer, shorter in SHORTENED.items():
        page, changed = re.subn(longer, shorter, page)
        assert changed, longer
    names: dict = {}
    with chdir(folder):
        exec(page, names)  # noqa: S102 - the page's own example
        from sklearn.datasets import load_digits

        images = load_digits().images[:200]
        second = sweep(
            images, load_digits().target[:200], network=one_layer, optimizers=["adam"],
            folder="sweeps/digits", quiet=True, **FEW,
        )  # fmt: skip
    left = {name for name in os.environ if name.startswith("MLFLOW")} - variables
    assert logging.getLogger().handlers == handlers
    assert "MLFLOW_TRACKING_URI" not in left
    assert "MLFLOW_EXPERIMENT_ID" not in left
    os.environ.update(before)
    return SimpleNamespace(**names, second=second, images=images)


def runs_in(folder: Path) -> list[str]:
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = [each.experiment_id for each in client.search_experiments()]
    return [run.info.run_name for run in client.search_runs(experiments)]


def test_the_page_says_what_a_result_has(two):
    assert two.result.best.combination in ("sigmoid + sgd", "sigmoid + adam")
    assert set(two.result.leaderboard["kind"]) == {"combination", "baseline"}
    assert set(two.predictions["prediction"]) <= {0, 1, 2}
    assert len(two.predictions) == 3
    assert two.explanation.startswith("sigmoid + sgd: ")
    assert re.search(r"\nrank \d of 3, val_accuracy 0\.\d+ \[", two.explanation)
    assert two.figure.layout.title.text.startswith("Validation accuracy")
    assert two.result.model.output_shape == (None, 3)


def test_a_second_sweep_leaves_nothing_in_the_firsts_folder(two):
    first, second = two.result.folder, two.second.folder
    of_first, of_second = " ".join(runs_in(first)), " ".join(runs_in(second))
    assert "sigmoid" in of_first
    assert "relu" not in of_first
    assert "relu" in of_second
    assert "sigmoid" not in of_second
    assert (first / "mlruns").is_dir()
    assert len(list((first / "data" / "06_models" / "trials").iterdir())) == 2


def test_images_and_a_function_make_a_sweep(two):
    configuration = two.second._load("configuration")
    assert configuration.network.kind == "custom"
    assert configuration.data.image_shape == (8, 8)
    assert two.second.predict(two.images[:4])["prediction"].isin(range(10)).all()
    # Those of the first are still there.
    assert len(two.result.predict(two.table.head(2))) == 2


def test_a_file_of_rows_is_predicted_like_the_table(two, tmp_path):
    two.table.head(3).to_csv(tmp_path / "rows.csv", index=False, sep=";")
    assert two.result.predict(tmp_path / "rows.csv").equals(two.predictions)
    with pytest.raises(SweepError, match=r"missing: 'petal width \(cm\)'"):
        two.result.predict(two.table.head(3).drop(columns="petal width (cm)"))


def test_a_result_shows_its_decision(two):
    assert "at learning rate" in repr(two.result)
    assert f"files: {two.result.folder}" in repr(two.result)
    page = two.result._repr_html_()
    assert "<td>sigmoid + sgd</td>" in page
    assert "<td>baseline</td>" in page
    assert "at learning rate" in page.partition("<table")[0]


def test_unknown_names_are_told_with_the_nearest(two):
    with pytest.raises(SweepError, match=r"'sigmoid \+ adma'. Did you mean 'sigmoid \+ adam'\?"):
        two.result.explain("sigmoid + adma")
    with pytest.raises(AttributeError, match=r"'heatmpa'\. Did you mean 'heatmap'"):
        two.result.plot.heatmpa()
    assert dir(two.result.plot) == sorted(FIGURES)


def test_the_report_opens_in_the_browser_or_is_shown_in_the_notebook(two, monkeypatch):
    opened, shown = [], []
    monkeypatch.setattr(results.webbrowser, "open", opened.append)
    path = two.result.report()
    assert opened == [path.as_uri()]
    assert "<html" in path.read_text()
    assert "sweep(…)  # in the same folder" in path.read_text()
    assert "kedro run" not in path.read_text()

    monkeypatch.setattr(results.rich, "get_console", lambda: SimpleNamespace(is_jupyter=True))
    monkeypatch.setattr("IPython.display.display", shown.append)
    two.result.report()
    assert shown[0].data.startswith('<iframe srcdoc="&lt;!')
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"activations": ["rellu"]},
            r"grid.activations \(given to sweep\): .* 'rellu'\. Did you mean",
        ),
        ({"training": {"epocs": 3}}, r"training.epocs = 3 .*: unknown key .*Did you mean 'epochs'"),
        ({"network": "dens"}, r"network.kind .*: 'dens' is unknown. Did you mean 'dense'"),
        ({"target": "specie"}, r"species"),
    ],
)
def test_a_mistake_is_one_error_and_trains_nothing(given, said, tmp_path, two):
    with chdir(tmp_path), pytest.raises(SweepError, match=said) as raised:
        sweep(two.table, folder=tmp_path / "s", quiet=True, **{"target": "species", **given})
    assert "--params" not in str(raised.value)
    assert not list(tmp_path.glob("s/data/06_models/trials/*"))


@pytest.mark.parametrize(
    ("rows", "given", "said"),
    [
        ("table", {}, "target is missing"),
        ("table", {"target": "y", "activatons": ["relu"]}, "Did you mean 'activations'"),
        ("table", {"target": "y", "training": 3}, "training: give a mapping"),
        (
            "table",
            {"target": "y", "epochs": 3, "training": {"epochs": 2}},
            "epochs= and training={'epochs': …} are the same",
        ),
        ("table", {"target": "y", "network": 3}, "neither a kind of network nor a function"),
        ("table", {"y": [1]}, r"y has the shape \(1,\), but there are 2 rows"),
        ("array", {}, "y is missing"),
        ("array", {"y": [0, 1], "sequences": True}, r"shape \(2, 3\). Allowed: .*sequences"),
        ("my.csv", {"y": [0, 1]}, "a file has its target in a column"),
    ],
)
def test_what_cannot_be_a_sweep_is_refused(rows, given, said, tmp_path):
    table = pd.DataFrame({"x": [1, 2], "y": [0, 1]})
    data = {"table": table, "array": np.zeros((2, 3))}.get(rows, rows)
    with pytest.raises(SweepError, match=said):
        sweep(data, folder=tmp_path, **given)


@pytest.mark.parametrize(
    ("rows", "y", "said"),
    [
        ([[1, 2], [3]], [0, 1], "the rows have different lengths"),
        ([[1, 2], [3, 4]], [[0], [1, 2]], "the labels have different lengths"),
        (pd.DataFrame({"x": [1, 2], "z": [1j, 2j]}), [0, 1], "column 'z' .*type complex128"),
        (
            pd.DataFrame({"x": [1, 2], "part": pd.cut([1, 2], [0, 1, 2])}),
            [0, 1],
            r"column 'part' .*type interval\[int64, right\]",
        ),
    ],
)
def test_what_no_file_can_store_is_one_error(rows, y, said, tmp_path):
    with pytest.raises(SweepError, match=said):
        sweep(rows, y, folder=tmp_path)


def test_an_active_run_does_not_keep_a_result_from_predicting(two, mlflow_store):
    import mlflow

    with mlflow.start_run() as mine:
        vars(two.result).pop("_served", None)
        assert len(two.result.predict(two.table.head(2))) == 2
        mlflow.log_metric("after", 1)
    assert mlflow.get_tracking_uri() == mlflow_store
    assert mlflow.get_run(mine.info.run_id).data.metrics == {"after": 1}


def test_a_served_baseline_is_named_and_no_network(tmp_path):
    result = SweepResult(tmp_path, temporary=False)
    served = SimpleNamespace(combination="relu + sgd", served=SimpleNamespace(baseline="forest"))
    result.run = SimpleNamespace(catalog=SimpleNamespace(load={"champion": served}.get))
    with pytest.raises(SweepError, match=r"^forest is served, which is no network"):
        result.model  # noqa: B018


def test_the_levels_of_loggers_are_put_back():
    given = {"mlflow": logging.DEBUG, "dnn_sweep": logging.NOTSET, "kedro_viz": logging.INFO}
    before = {name: logging.getLogger(name).level for name in given}
    for name, level in given.items():
        logging.getLogger(name).setLevel(level)
    with log_to_console(quiet=True):
        assert logging.getLogger("mlflow").level == logging.WARNING
    assert {name: logging.getLogger(name).level for name in given} == given
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_an_active_run_is_refused(mlflow_store, tmp_path):
    import mlflow

    table = pd.DataFrame({"x": [1, 2], "y": [0, 1]})
    with mlflow.start_run(run_name="mine"), pytest.raises(SweepError, match="'mine' is active"):
        sweep(table, target="y", folder=tmp_path)
    assert mlflow.get_tracking_uri() == mlflow_store


def test_a_temporary_folder_goes_with_its_result(tmp_path):
    folder = tmp_path / "sweep"
    folder.mkdir()
    result = SweepResult(folder, temporary=True)
    assert folder.exists()
    del result
    assert not folder.exists()


def test_a_store_of_ones_own_needs_a_folder_that_stays(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mine.db")
    with pytest.raises(SweepError, match=r"folder is missing: .* sqlite:///mine\.db"):
        sweep(pd.DataFrame({"x": [1, 2], "y": [0, 1]}), target="y")


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("failure", [SweepError("3 trials failed."), KeyboardInterrupt()])
def test_what_was_trained_outlives_a_failure(trained, failure, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def fail(folder, *_):
        if trained:
            (folder / TRIALS / "one").mkdir(parents=True)
        raise type(failure)(*failure.args)

    monkeypatch.setattr(session, "run_train", fail)
    with pytest.raises(type(failure)) as raised:
        sweep(pd.DataFrame({"x": [1, 2], "y": [0, 1]}), target="y", quiet=True)
    said = " ".join([str(raised.value), *getattr(raised.value, "__notes__", [])])
    del raised
    assert len(list(tmp_path.glob("dnn_sweep_*"))) == trained
    assert [f"folder={str(each)!r}" in said for each in tmp_path.iterdir()] == [True] * trained


@pytest.mark.parametrize("tags", [[FOR_READERS], []])
def test_a_figure_that_fails_leaves_a_result(tags, tmp_path, monkeypatch):
    def draw(_):
        raise RuntimeError("no font")

    def run(runner, *_):
        nodes = Pipeline([Node(draw, "params:sweep", "figure", name="draw", tags=tags)])
        try:
            runner.run(nodes, DataCatalog(beside(tmp_path)))
        except Exception as error:
            report_mistake(error)
            raise click.ClickException("all is lost") from error

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(session, "_run", run)
    table = pd.DataFrame({"x": [1, 2], "y": [0, 1]})
    if tags:
        with pytest.warns(UserWarning, match="no font"):
            result = sweep(table, target="y", folder=tmp_path, quiet=True)
        assert not result.run.catalog.exists("figure")
    else:
        with pytest.raises(SweepError, match="all is lost"):
            sweep(table, target="y", folder=tmp_path, quiet=True)


def test_rows_become_a_table():
    labels = pd.Series(["a", "b"], name="kind", index=[7, 8])
    table, target = labelled(np.ones((2, 3)), labels, None, None)
    assert target == "kind"
    assert table.columns.tolist() == ["x1", "x2", "x3", "kind"]

    steps, _ = labelled(np.arange(12).reshape(2, 3, 2), [0, 1], "ill", "sequence")
    assert steps["ill"].tolist() == [0, 0, 0, 1, 1, 1]
    assert steps.loc[4, ["row", "step", "x1", "x2"]].tolist() == [1, 1, 8, 9]

    kept = frame_of(pd.DataFrame({1: [0.5]}, index=pd.Index(["p"], name="patient")))
    assert kept.columns.tolist() == ["patient", "1"]


def test_the_same_rows_are_not_written_again(tmp_path):
    file = tmp_path / "rows.parquet"
    table = pd.DataFrame({"mixed": [1, "two", None]}, dtype=object)
    store_table(table, file)
    before = file.stat().st_mtime_ns
    store_table(table, file)
    assert file.stat().st_mtime_ns == before
    assert pd.read_parquet(file)["mixed"].tolist()[:2] == ["1", "two"]


def test_a_function_of_a_script_becomes_a_module(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    source = "import math as m\n\nSIZE = 3\n\n\ndef area(r):\n    return m.pi * r * SIZE\n\n\n"
    source += "def build(input_shape, outputs, activation, seed):\n    return area(seed)\n"
    script.write_text(source)
    names = {"__name__": "__main__"}
    exec(compile(source, str(script), "exec"), names)  # noqa: S102
    module, _, function = name_of(names["build"], tmp_path).partition(":")
    monkeypatch.syspath_prepend(tmp_path)
    made = __import__(module)
    assert getattr(made, function)((2,), 1, "relu", 2) == pytest.approx(6 * np.pi)
    assert inspect.getsource(made).count("def ") == 2

    # Names of the notebook that are variables of the function do not matter.
    names["r"] = names["seed"] = object()
    assert name_of(names["build"], tmp_path) == f"{module}:{function}"

    names["SIZE"] = object()
    with pytest.raises(SweepError, match="area uses SIZE"):
        name_of(names["build"], tmp_path)


def test_worker_processes_do_not_run_the_users_script(tmp_path):
    main = sys.modules["__main__"]
    before = main.__spec__, getattr(main, "__file__", None)
    with _imports(tmp_path):
        given = get_preparation_data("worker")
        assert not [key for key in given if key.startswith("init_main")]
        assert given["sys_path"][0] == str(tmp_path)
    assert (main.__spec__, getattr(main, "__file__", None)) == before
    assert str(tmp_path) not in sys.path


def test_importing_the_package_loads_nothing():
    code = """
import logging, sys, dnn_sweep
print(*({"pandas", "kedro", "mlflow"} & set(sys.modules)))
from dnn_sweep import sweep
print(*({"tensorflow", "kedro.framework.project"} & set(sys.modules)), logging.root.handlers)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n[]\n"
    assert {"sweep", "SweepError"} <= set(dir(dnn_sweep))
    with pytest.raises(AttributeError, match="no attribute 'swep'"):
        dnn_sweep.swep  # noqa: B018


@pytest.mark.slow
def test_the_wheel_has_its_configuration_and_runs(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        files = set(wheel.namelist())
        wheel.extractall(tmp_path / "installed")
    own = {path.relative_to(ROOT).as_posix() for path in (ROOT / "conf").glob("[!l]*/*.yml")}
    assert {f"dnn_sweep/{each}" for each in own} <= files
    assert [each for each in files if "conf/local" in each] == ["dnn_sweep/conf/local/.gitkeep"]
    (tmp_path / "work").mkdir()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dnn_sweep", *arguments],
            cwd=tmp_path / "work",
            env=os.environ | {"PYTHONPATH": str(tmp_path / "installed"), "DO_NOT_TRACK": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("--help")
    assert done.stdout.startswith("Usage: dnn-sweep [OPTIONS]"), done.stdout + done.stderr
    done = run("--pipeline=ingestion", "--env=xor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Completed" not in done.stdout  # Kedro's own log
    assert (tmp_path / "work" / "data" / "08_reporting" / "xor" / "data_summary.html").exists()
    listed = run("trials")
    assert (listed.returncode, listed.stdout) == (0, "0 trials (all): 0 kB, 0 files\n")
    refused = run("--pipeline=trian")
    assert "Did you mean 'train'?" in refused.stderr + refused.stdout
