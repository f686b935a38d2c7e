import json
import re
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging
from rich.console import Console

from dnn_sweep.core.errors import PartlyFailedError
from dnn_sweep.core.missing import Missing
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.reporting.console import summarize_sweep
from dnn_sweep.core.reporting.figures import FIGURES, Figure
from dnn_sweep.core.reporting.report import WHERE_THEY_SUIT
from dnn_sweep.hooks import CatalogHooks
from dnn_sweep.pipelines.reporting import create_pipeline
from dnn_sweep.settings import CONFIG_LOADER_ARGS
from dnn_sweep.sparing_runner import SparingRunner
from tests.sample_sweep import (
    sample_comparison,
    sample_diagnostics,
    sample_screening,
    sample_sweep,
    sample_verdicts,
)

PROJECT = Path(__file__).resolve().parents[2]


class KeptDataset(MemoryDataset):
    """Still there after the run, also where a node has read it."""

    def _release(self):
        pass


def given(sweep):
    inputs = sweep.inputs() | {
        "params:launcher": "uv run",
        "params:given": {},
        "params:environment": sweep.champion.experiment,
        "stage_clock": {"report": 1.5, "total": 1.5},
        "screening": sample_screening(sweep),
        "comparison": sample_comparison("One seed says nothing about seeds."),
        "rounds": Rounds(),
        "verdicts": sample_verdicts(sweep),
        "diagnostics": sample_diagnostics(sweep),
        "search": pd.DataFrame(),
        "importances": pd.DataFrame(),
        "finals_plan": TrialPlan(trials=()),
    }
    return {name: MemoryDataset(data) for name, data in inputs.items()}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_it_turns_results_into_figures_a_page_and_a_summary(task):
    pairs = [("sigmoid", "sgd"), ("relu", "adam")]
    catalog = DataCatalog(given(sample_sweep(pairs, task=task)))
    outputs = {f"{name}_figure" for name in FIGURES}
    others = {"report", "console", "time_to_target", "model_card", "version_description"}
    for name in outputs | others:
        catalog[name] = KeptDataset(copy_mode="assign")

    SequentialRunner().run(create_pipeline(), catalog)

    title = "confusion matrix" if task == "multiclass" else "predicted against true values"
    drawn = catalog["predictions_figure"].load()
    assert title in drawn.interactive.layout.title.text
    assert title in drawn.still.get_suptitle()
    page = catalog["report"].load()
    assert "relu + adam comes first on digits" in page
    assert "One seed says nothing about seeds." in re.sub("</?abbr[^>]*>", "", page)
    assert "vanishing gradient" in page
    for name in {*FIGURES} - {*WHERE_THEY_SUIT}:
        assert f'id="figure-{name}"' in page
    assert "relu + adam</td><td>1 of 1 seed</td>" in page
    assert catalog["time_to_target"].load()["combination"].tolist() == [
        "sigmoid + sgd",
        "relu + adam",
    ]
    card, described = catalog["model_card"].load(), catalog["version_description"].load()
    assert "# Model card: dnn_sweep_digits version 3" in card
    assert described.text == card
    assert (described.name, described.version) == ("dnn_sweep_digits", "3")
    assert described.trial_id == "0123456789abcdef"


def test_a_figure_that_fails_is_named_in_the_report_and_costs_nothing_else(monkeypatch):
    def fail(leaderboard, champion, verdicts):
        raise KeyError("<relu>")

    heatmap = FIGURES["heatmap"]
    monkeypatch.setitem(FIGURES, "heatmap", Figure(fail, heatmap.plot, heatmap.draw))
    catalog = DataCatalog(given(sample_sweep([("sigmoid", "sgd"), ("relu", "adam")])))
    for name in ("report", "console", "ranking_figure", "model_card", "version_description"):
        catalog[name] = KeptDataset(copy_mode="assign")

    with pytest.raises(PartlyFailedError, match="draw_heatmap failed: KeyError: '<relu>'"):
        SparingRunner().run(create_pipeline(), catalog)

    page = catalog["report"].load()
    assert "draw_heatmap failed: KeyError: &#39;&lt;relu&gt;&#39;" in page
    assert all(f'id="figure-{name}"' in page for name in {*FIGURES} - {*WHERE_THEY_SUIT})
    for name in ("ranking_figure", "console", "model_card", "version_description"):
        assert catalog[name].load()


def test_the_summary_says_why_there_is_no_report():
    results = sample_sweep([("relu", "adam")]).results()
    console = Console(width=120, record=True, file=StringIO())
    report = Missing("write_report", "OSError: [Errno 28] No space left on device")
    console.print(summarize_sweep(results, report, {"total": 1.0}))
    assert "not written: write_report failed: OSError: [Errno 28]" in console.export_text()


def test_a_report_can_be_written_from_what_is_stored():
    stored = {"leaderboard", "histories", "champion", "screening", "comparison", "verdicts"}
    assert stored <= create_pipeline().inputs()
    assert "time_to_target" not in create_pipeline().inputs()


def test_the_summary_is_the_last_node():
    assert create_pipeline().nodes[-1].name == "summarize_sweep"
    assert create_pipeline().only_nodes("summarize_sweep").inputs() >= {"report"}


def test_listing_the_pipeline_loads_nothing_heavy():
    code = (
        "import sys; import dnn_sweep.pipelines.reporting, dnn_sweep.datasets.console, "
        "dnn_sweep.datasets.training_display; "
        "print({'matplotlib', 'plotly', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "set()"


def test_tracking_is_switched_off_in_datasets_of_a_pattern_too():
    config = OmegaConfigLoader(
        str(PROJECT / "conf"), base_env="base", default_run_env="base",
        custom_resolvers=CONFIG_LOADER_ARGS["custom_resolvers"],
    )["catalog"]  # fmt: skip
    catalog = DataCatalog.from_config(config)

    CatalogHooks().before_pipeline_run(create_pipeline(), catalog)
    switch_catalog_logging(catalog, False)

    for name in FIGURES:
        assert not catalog[f"{name}_figure"]._logging_activated


@pytest.mark.slow
@pytest.mark.usefixtures("mlflow_store")
def test_the_catalog_writes_files_prints_and_tracks(tmp_path, capsys):
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

    with mlflow.start_run() as run:
        SequentialRunner().run(create_pipeline(), catalog)

    folder = tmp_path / "data/08_reporting/digits"
    assert "gelu + adam comes first on digits" in (folder / "report.html").read_text(
        encoding="utf-8"
    )
    assert json.loads((folder / "seconds.json").read_text()) == {"report": 1.5, "total": 1.5}
    written = {path.name for path in (folder / "figures").iterdir()}
    assert written == {f"{name}{end}" for name in FIGURES for end in (".json", ".png")}
    tracked = {
        each.path for each in mlflow.MlflowClient().list_artifacts(run.info.run_id, "figures")
    }
    # The pictures beside these are logged at the end of a command, with all other files.
    assert tracked == {f"figures/{name}.json" for name in FIGURES}
    assert "## Caveats" in (folder / "model_card.md").read_text(encoding="utf-8")
    times = pd.read_csv(folder / "time_to_target.csv")
    assert len(times) == 30
    roots = {each.path for each in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert {"report.html", "model_card.md", "time_to_target.csv"} <= roots
    assert "kedro mlflow ui" in capsys.readouterr().out
    for name in create_pipeline().all_outputs():
        assert catalog[name].metadata == {"kedro-viz": {"layer": "reporting"}}
