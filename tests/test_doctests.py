"""The usage examples in docstrings give what they say, and every entry point has one."""

import ast
import doctest
import logging
import re
from collections.abc import Callable
from contextlib import chdir
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dnn_sweep.parameters import Parameters
from dnn_sweep.pipeline_registry import register_pipelines
from tests.iris_sweep import train_iris, write_images
from tests.stores import make_store, use_store

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"


def module_name(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


# Read, not imported: a module without an example need not be loaded.
SOURCES = {module_name(path): path.read_text() for path in sorted(SRC.rglob("*.py"))}
DOCSTRINGS = {
    f"{module}.{each.name}": ast.get_docstring(each) or ""
    for module, source in SOURCES.items()
    for each in ast.parse(source).body
    if isinstance(each, ast.FunctionDef | ast.ClassDef)
}


# Each figure's file has these, and `Figure` shows how they are used.
RENDERERS = {"prepare", "plot", "draw"}


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> dict[str, Any]:
    """The names that an example may use beside those of its module."""
    folder = tmp_path_factory.mktemp("iris")
    with chdir(folder):
        store = make_store(folder, empty_store, "dnn_sweep/iris")
        return train_iris(folder) | {"store": store}


@pytest.mark.parametrize("module", [name for name, text in SOURCES.items() if ">>> " in text])
def test_the_examples_of_a_module_run(
    module: str,
    iris: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    use_store(iris["store"])
    for name in ("dnn_sweep", "kedro"):  # Kedro prints what they log
        caplog.set_level(logging.WARNING, name)
    loaded = import_module(module)
    names = iris | {"image_files": write_images(tmp_path / "images")} | vars(loaded)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(loaded, globs=names, optionflags=flags)
    assert result.attempted > 0
    assert result.failed == 0


def pipelines_and_nodes() -> set[str]:
    """The registry, and the functions and classes that the pipelines call."""
    called = [node.func for each in register_pipelines().values() for node in each.nodes]
    called.append(register_pipelines)
    return {f"{func.__module__}.{func.__qualname__.partition('.')[0]}" for func in called}


def datasets() -> set[str]:
    """The project's dataset classes that the catalogs name."""
    catalogs = "\n".join(path.read_text() for path in (ROOT / "conf").glob("*/catalog*.yml"))
    return set(re.findall(r"^ *type: (dnn_sweep\.[\w.]+)", catalogs, re.M))


def groups_of_parameters(base: type[Parameters] = Parameters) -> set[str]:
    """Every group of parameters, and what groups consist of."""
    own = {f"{each.__module__}.{each.__name__}" for each in base.__subclasses__()}
    return own.union(*map(groups_of_parameters, base.__subclasses__()))


def extended() -> set[str]:
    """The functions and classes that CONTRIBUTING names to those who add something."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    section = guide.partition("\n## How to add")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([A-Za-z_]\w*)[\w.]*`", section))
    return {name for name in DOCSTRINGS if name.rpartition(".")[2] in named - RENDERERS}


@pytest.mark.parametrize(
    "entry_points", [pipelines_and_nodes, datasets, groups_of_parameters, extended]
)
def test_every_entry_point_has_an_example(entry_points: Callable[[], set[str]]) -> None:
    found = entry_points()
    assert len(found) > 5
    assert [name for name in sorted(found) if ">>> " not in DOCSTRINGS[name]] == []
