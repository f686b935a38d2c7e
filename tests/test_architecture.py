"""The direction of imports is kept, and commands that train nothing load no TensorFlow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Project

ROOT = Path(__file__).resolve().parents[1]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from importlinter.cli import lint_imports;"
            "sys.exit(lint_imports(no_cache=True, no_logo=True))",
        ],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_import_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("core/errors.py", "import dnn_sweep.datasets", "Direction"),
        ("parameters.py", "import dnn_sweep.core", "Direction"),
        ("datasets/__init__.py", "import dnn_sweep.pipelines", "Direction"),
        ("pipelines/ingestion/nodes.py", "import dnn_sweep.datasets", "Direction"),
        ("core/errors.py", "import kedro", "core and parameters know neither Kedro nor MLflow"),
        ("core/errors.py", "import mlflow", "core and parameters know neither Kedro nor MLflow"),
        ("pipelines/ingestion/nodes.py", "import mlflow", "Only datasets import MLflow"),
        ("hooks.py", "import mlflow", "Only datasets import MLflow"),
        (
            "pipelines/ingestion/nodes.py",
            "import dnn_sweep.pipelines.scaling.nodes",
            "Pipelines do not import each other",
        ),
    ],
)
def test_an_import_in_the_wrong_direction_breaks_its_contract(
    tmp_path: Path, module: str, line: str, contract: str
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "src", tmp_path / "src")
    file = tmp_path / "src" / "dnn_sweep" / module
    file.write_text(f"{file.read_text()}\n\ndef _wrong() -> None:\n    {line}\n")
    done = lint_imports(tmp_path)
    broken = [each for each in done.stdout.splitlines() if "BROKEN" in each]
    assert done.returncode == 1, done.stdout + done.stderr
    assert [each for each in broken if each.startswith(contract)], done.stdout


LOAD_EVERYTHING = """
import importlib, pkgutil, sys
import dnn_sweep
loaded = []
for package in ("dnn_sweep.datasets", "dnn_sweep.pipelines"):
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        importlib.import_module(module.name)
        loaded.append(module.name)
from dnn_sweep.pipeline_registry import register_pipelines
pipelines = register_pipelines()
assert len(loaded) > 10 and sum(len(each.nodes) for each in pipelines.values()) > 5
heavy = {"tensorflow", "keras", "sklearn", "skops", "matplotlib", "plotly", "torch", "jax"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_building_every_pipeline_loads_no_heavy_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD_EVERYTHING],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["registry", "list"],
        ["registry", "describe", "train"],
        ["catalog", "describe-datasets"],
        ["catalog", "resolve-patterns"],
        ["viz", "build"],
    ],
    ids=" ".join,
)
def test_a_command_that_trains_nothing_loads_no_tensorflow(
    project: Project, command: list[str]
) -> None:
    # Unlike `-X importtime`, the variable reaches the processes that a command starts.
    done = project.kedro(*command, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    imported = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "dnn_sweep.pipelines.training.nodes" in imported
    assert imported & {"tensorflow", "keras"} == set()
