"""Notebooks read what a run leaves in the catalog and in MLflow, and run without it being big."""

import json
import re
from pathlib import Path

import mlflow
import nbformat
import pandas as pd
import pytest

from tests.conftest import Project

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOK = NOTEBOOKS / "05_read_the_runs.ipynb"
# What takes long in a notebook, and what stands for it here.
SHORTENED = {
    r"seeds=\d+": "seeds=2",
    r'"seeds": \[0, 1\]': '"seeds": [0]',
    r'"epochs": \d+': '"epochs": 1',
    r"settings = \{": 'settings = {"grid": {"activations": ["relu"], "optimizers": ["adam"]}, ',
}
TO_RUN = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb") if path != NOTEBOOK)


def leave_results(project: Project) -> None:
    """Write what a sweep of one combination leaves behind."""
    report = project.path / "data" / "08_reporting" / "digits"
    output = project.path / "data" / "07_model_output" / "digits"
    report.mkdir(parents=True)
    output.mkdir(parents=True)
    pd.DataFrame({"rank": [1], "combination": ["relu + adam"]}).to_csv(
        report / "leaderboard.csv", index=False
    )
    pd.DataFrame(
        {
            "combination": "relu + adam",
            "seed": 0,
            "epoch": [1, 2],
            "accuracy": [0.5, 0.9],
            "val_accuracy": [0.4, 0.8],
        }
    ).to_parquet(output / "histories.parquet")
    client = mlflow.MlflowClient(project.tracking_uri)
    run = client.create_run(client.create_experiment("dnn_sweep/digits"), run_name="relu + adam")
    client.log_metric(run.info.run_id, "val_accuracy", 0.8)
    client.set_terminated(run.info.run_id)


@pytest.mark.slow
def test_the_notebook_shows_the_leaderboard_the_histories_and_the_runs(project: Project) -> None:
    leave_results(project)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    shows = """
import json
lines = px.line(curves, x="epoch", y="value", color="combination", line_dash="rows").data
print("SHOWN", json.dumps({
    "leaderboard": leaderboard["combination"].tolist(),
    "curves": [[line.name, list(line.y)] for line in lines],
    "runs": runs["tags.mlflow.runName"].tolist(),
}))
"""
    done = project.python("-c", code + shows)
    assert done.returncode == 0, done.stderr
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("SHOWN ")]
    assert json.loads(line.removeprefix("SHOWN ")) == {
        "leaderboard": ["relu + adam"],
        "curves": [
            ["relu + adam, accuracy", [0.5, 0.9]],
            ["relu + adam, val_accuracy", [0.4, 0.8]],
        ],
        "runs": ["relu + adam"],
    }


@pytest.mark.parametrize("name", [*TO_RUN, NOTEBOOK.name])
def test_a_notebook_is_kept_without_outputs_and_holds_no_logic(name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert "def " not in cell.source
            assert "class " not in cell.source


@pytest.mark.slow
@pytest.mark.parametrize("name", TO_RUN)
def test_a_notebook_runs_from_top_to_bottom(project: Project, name: str) -> None:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    for longer, shorter in SHORTENED.items():
        code = re.sub(longer, shorter, code)
    done = project.python("-c", code, env={"PLOTLY_RENDERER": "json"})
    assert done.returncode == 0, done.stderr
