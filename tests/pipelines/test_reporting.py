import json
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from dnn_sweep.pipelines.reporting import create_pipeline
from dnn_sweep.settings import CONFIG_LOADER_ARGS
from tests.sample_sweep import sample_sweep

PROJECT = Path(__file__).resolve().parents[2]
FIGURES = ("learning_curves", "heatmap", "predictions")


class KeptDataset(MemoryDataset):
    """Still there after the run, also where a node has read it."""

    def _release(self):
        pass


def given(sweep):
    inputs = sweep.inputs() | {
        "params:launcher": "uv run",
        "params:environment": sweep.champion["experiment"],
        "stage_clock": {"report": 1.5, "total": 1.5},
    }
    return {name: MemoryDataset(data) for name, data in inputs.items()}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_it_turns_results_into_figures_a_page_and_a_summary(task):
    pairs = [("sigmoid", "sgd"), ("relu", "adam")]
    catalog = DataCatalog(given(sample_sweep(pairs, task=task)))
    outputs = {f"{name}_{kind}" for name in FIGURES for kind in ("figure", "image")}
    for name in outputs | {"report", "console"}:
        catalog[name] = KeptDataset(copy_mode="assign")

    SequentialRunner().run(create_pipeline(), catalog)

    title = "confusion matrix" if task == "multiclass" else "predicted against true values"
    assert title in catalog["predictions_figure"].load().layout.title.text
    assert title in catalog["predictions_image"].load().get_suptitle()
    assert "relu + adam wins on digits" in catalog["report"].load()


def test_the_summary_is_the_last_node_and_every_node_bears_its_functions_name():
    nodes = create_pipeline().nodes

    assert nodes[-1].name == "summarize_sweep"
    assert create_pipeline().only_nodes("summarize_sweep").inputs() >= {"report"}
    assert all(node.name == node.func.__name__ for node in nodes)


def test_listing_the_pipeline_loads_nothing_heavy():
    code = (
        "import sys; import dnn_sweep.pipelines.reporting, dnn_sweep.datasets.console, "
        "dnn_sweep.datasets.training_display; "
        "print({'matplotlib', 'plotly', 'jinja2', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "set()"


@pytest.fixture
def tracked_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("dnn_sweep/digits", artifact_location=(tmp_path / "mlruns").as_uri())
    mlflow.set_experiment("dnn_sweep/digits")
    with mlflow.start_run() as run:
        yield run.info.run_id
    mlflow.set_tracking_uri(before)


@pytest.mark.slow
def test_the_catalog_writes_files_prints_and_tracks(tmp_path, tracked_run, capsys):
    base = tmp_path / "conf" / "base"
    base.mkdir(parents=True)
    (base / "globals.yml").write_text("experiment: digits\n")
    for name in ("catalog_reporting.yml", "parameters_reporting.yml"):
        shutil.copy(PROJECT / "conf" / "base" / name, base)
    loader = OmegaConfigLoader(
        str(base.parent),
        base_env="base",
        default_run_env="base",
        custom_resolvers=CONFIG_LOADER_ARGS["custom_resolvers"],
    )
    assert loader["parameters"]["environment"] == "digits"
    catalog = DataCatalog.from_config(loader["catalog"])
    for name, dataset in given(sample_sweep()).items():
        catalog[name] = dataset

    SequentialRunner().run(create_pipeline(), catalog)

    folder = tmp_path / "data/08_reporting/digits"
    assert "gelu + adam wins on digits" in (folder / "report.html").read_text(encoding="utf-8")
    assert json.loads((folder / "seconds.json").read_text()) == {"report": 1.5, "total": 1.5}
    written = {path.name for path in (folder / "figures").iterdir()}
    assert written == {f"{name}{end}" for name in FIGURES for end in (".json", ".png")}
    tracked = {each.path for each in mlflow.MlflowClient().list_artifacts(tracked_run, "figures")}
    assert tracked == {f"figures/{name}" for name in written}
    assert "kedro mlflow ui" in capsys.readouterr().out
    for name in loader["catalog"]:
        assert catalog[name].metadata == {"kedro-viz": {"layer": "reporting"}}
