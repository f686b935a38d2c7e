"""The direction of imports is kept, and commands that train nothing load no TensorFlow."""

import os
import re
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


# An import in the wrong direction each, and the contract that it breaks.
WRONG = [
    ("core/errors.py", "dnn_sweep.datasets", "Direction"),
    ("parameters/base.py", "dnn_sweep.core", "Direction"),
    ("datasets/__init__.py", "dnn_sweep.pipelines", "Direction"),
    ("pipelines/ingestion/pipeline.py", "dnn_sweep.datasets", "Direction"),
    ("core/errors.py", "kedro", "core and parameters know neither Kedro nor MLflow"),
    ("core/errors.py", "mlflow", "core and parameters know neither Kedro nor MLflow"),
    ("startup.py", "dnn_sweep.core", "Direction"),
    ("pipelines/ingestion/pipeline.py", "mlflow", "Only datasets import MLflow"),
    ("hooks.py", "mlflow", "Only datasets import MLflow"),
    (
        "pipelines/ingestion/pipeline.py",
        "dnn_sweep.pipelines.scaling.pipeline",
        "Pipelines do not import each other",
    ),
]


@pytest.fixture(scope="module")
def broken_contracts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What import-linter says of each contract where every one of `WRONG` is in the code."""
    folder = tmp_path_factory.mktemp("wrong")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "src", folder / "src")
    for module, name, _ in WRONG:
        with (folder / "src" / "dnn_sweep" / module).open("a") as file:
            file.write(f"\n\ndef _wrong() -> None:\n    import {name}\n")
    done = lint_imports(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    # A heading underlined with dashes, then the imports of the broken contract below it.
    parts = re.split(r"^(.+)\n-{3,}$", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("module", "name", "contract"), WRONG)
def test_an_import_in_the_wrong_direction_breaks_its_contract(
    broken_contracts: dict[str, str], module: str, name: str, contract: str
) -> None:
    importer = "dnn_sweep." + module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    (said,) = [text for title, text in broken_contracts.items() if title.startswith(contract)]
    assert re.search(rf"{re.escape(importer)} -> {re.escape(name)} \(l\.\d+", said), said


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
heavy |= {"optuna"}
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


IN_TURN = """
import runpy, sys
for command in sys.argv[1:]:
    sys.argv = ["kedro", *command.split()]
    try:
        runpy.run_module("kedro", run_name="__main__")
    except SystemExit as end:
        if end.code:
            sys.exit(f"kedro {command} ended with {end.code}")
"""


@pytest.mark.slow
def test_commands_that_train_nothing_load_no_tensorflow(project: Project) -> None:
    commands = ["registry list", "catalog describe-datasets", "viz build"]
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN, *commands],
        cwd=project.path,
        # Unlike `-X importtime`, the variable reaches the processes that a command starts.
        env=project.environment({"PYTHONPROFILEIMPORTTIME": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert (project.path / "build" / "api" / "main").is_file()  # the last of them did its work
    imported = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert "dnn_sweep.core.training.sweep" in imported
    assert imported & {"tensorflow", "keras"} == set()


LIGHT = """
import runpy, sys
for command in sys.argv[1:]:
    sys.argv = ["kedro", *command.split()]
    try:
        runpy.run_module("kedro", run_name="__main__")
    except SystemExit as end:
        heavy = {"mlflow", "kedro_mlflow", "sqlalchemy", "sklearn", "tensorflow", "keras"}
        print("ended with", end.code, *sorted(heavy & set(sys.modules)))
"""


def test_help_lists_and_refusals_load_no_mlflow(project: Project) -> None:
    light = [
        "registry list", "--help", "run --help", "run --pipeline=trian", "run --params=trainin.x=3"
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *light, "mlflow --help"],
        cwd=project.path,
        env=project.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    ends = [line for line in done.stdout.splitlines() if line.startswith("ended with")]

    assert ends[:-1] == [f"ended with {code}" for code in (0, 0, 0, 1, 1)], done.stderr
    assert "mlflow  Use mlflow-specific commands" in done.stdout
    assert "Did you mean 'train'?" in done.stderr
    assert "Did you mean 'training'?" in done.stderr
    # kedro-mlflow's own commands are found where they are asked for.
    assert re.search(r"^  ui +Opens the mlflow user interface", done.stdout, re.MULTILINE)
    assert ends[-1].split()[2:] == ["0", "kedro_mlflow", "mlflow"]
