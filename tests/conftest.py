"""What every test can use: a clean slate, a project of its own, a browser."""

import gc
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Set outside, these would send a test to someone's real server, or change what it runs.
FOREIGN = ("MLFLOW_", "KEDRO_", "DNN_SWEEP_", "UV_RUN_RECURSION_DEPTH")


# What the tests try is the same every time, unless more is asked for.
settings.register_profile("quick", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=10_000, deadline=None)
settings.load_profile("quick")


def forget_foreign_variables() -> dict[str, str]:
    """Take the variables of `FOREIGN` out of this process and return them."""
    return {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(FOREIGN)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that no process is left with one at the end."""
    # Beside this file are the tests that run the whole project.
    items.sort(key=lambda item: item.path.parent != Path(__file__).parent)


LEFT_OUT = pytest.StashKey[int]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Count the slow tests that are left out; a worker passes the number on when it ends."""
    config = items[0].config
    count = sum(item.get_closest_marker("slow") is not None for item in items)
    config.stash[LEFT_OUT] = config.stash.get(LEFT_OUT, 0) + count
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of pytest-xdist has counted; every worker collects all tests."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: Any) -> None:
    """Say how to run what the default command leaves out."""
    if config.option.markexpr == "not slow" and (count := config.stash.get(LEFT_OUT, 0)):
        terminalreporter.write_line(f"{count} slow tests were left out; `pytest -m slow` runs them")


def pytest_collection_finish() -> None:
    """Let Python look for garbage only among what tests make, not in what they imported."""
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_slate() -> Iterator[None]:
    """Leave no active MLflow run, tracking address or Keras session to the next test."""
    before = forget_foreign_variables()
    yield
    if mlflow := sys.modules.get("mlflow"):
        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
    if keras := sys.modules.get("keras"):
        # Python looks for garbage by itself when there is much; here it would after every test.
        keras.utils.clear_session(free_memory=False)
    forget_foreign_variables()
    os.environ.update(before)


@dataclass(frozen=True)
class Project:
    """A copy of this project that a test may run and change.

    Args:
        path: Its root folder.
    """

    path: Path

    @property
    def tracking_uri(self) -> str:
        """Where its runs are tracked by default."""
        return f"sqlite:///{self.path / 'mlflow.db'}"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of its commands: nothing of the outside's, the copy's code first.

        Args:
            extra: Variables to add.

        Returns:
            Every variable.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return kept | {
            "PYTHONPATH": str(self.path / "src"),
            # Servers that a command starts are found as in an activated environment.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
            "KEDRO_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "1",
            **(extra or {}),
        }

    def kedro(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        timeout: float = 600,
        cold: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``kedro`` in the project, as a user would.

        Args:
            arguments: What follows ``kedro`` on the command line.
            env: Variables to add to the environment.
            timeout: Seconds after which it is stopped and the test fails.
            cold: Whether its process begins with nothing imported, for tests of the start.

        Returns:
            The finished process; its output is plain text without colours.
        """
        done = self.python("-m", "kedro", *arguments, env=env, timeout=timeout, cold=cold)
        done.stdout, done.stderr = ANSI.sub("", done.stdout), ANSI.sub("", done.stderr)
        return done

    def python(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        timeout: float = 600,
        cold: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m`` or ``python -c`` in the project; the arguments are as above."""
        return run_python(arguments, self.path, self.environment(env), timeout, cold=cold)


def run_python(
    arguments: tuple[str, ...],
    folder: Path,
    environment: Mapping[str, str],
    timeout: float,
    *,
    cold: bool,
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, which has imported large libraries unless it is cold."""
    if cold:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    with TemporaryDirectory() as outputs:
        files = {name: f"{outputs}/{name}" for name in ("stdout", "stderr")}
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": dict(environment),
            "timeout": timeout,
            **files,
        }
        ask, answer = _warm_python()
        ask.write(json.dumps(request) + "\n")
        ask.flush()
        status = answer.readline().strip()
        said = {name: Path(file).read_text() for name, file in files.items()}
    if status == "None":
        raise subprocess.TimeoutExpired(arguments, timeout, said["stdout"], said["stderr"])
    return subprocess.CompletedProcess(arguments, int(status), **said)


@cache
def _warm_python() -> tuple[IO[str], IO[str]]:
    """Ends with its input, when this process does."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("warm_python.py"))],
        env={name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin
    assert server.stdout
    return server.stdin, server.stdout


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with nothing but its tables, to copy: to make them takes seconds."""
    from mlflow.tracking import MlflowClient

    folder = tmp_path_factory.mktemp("store")
    with chdir(folder):  # MLflow makes a folder for artifacts in the current one
        MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    return folder / "mlflow.db"


@pytest.fixture
def mlflow_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_store: Path) -> str:
    """The address of a store in the test's folder, which is made the current folder."""
    from tests.stores import make_store

    monkeypatch.chdir(tmp_path)
    return make_store(tmp_path, empty_store)


@pytest.fixture(scope="session")
def new_project(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Callable[[], Project]:
    """Make fresh copies of the project, for a fixture that several tests share.

    They have an empty MLflow database; a test of the first run of all takes it away.
    """

    def copy() -> Project:
        path = tmp_path_factory.mktemp("project")
        for file in ("pyproject.toml", ".telemetry", "README.md"):
            shutil.copy2(ROOT / file, path)
        # Compiled files come along, so that no command has to compile; half-written ones do not.
        ignored = shutil.ignore_patterns("local", "*.pyc.*")
        for folder in ("conf", "src"):
            shutil.copytree(ROOT / folder, path / folder, ignore=ignored)
        (path / "conf" / "local").mkdir()
        shutil.copy2(empty_store, path / "mlflow.db")
        for keep in ROOT.glob("data/*/.gitkeep"):
            (path / keep.relative_to(ROOT)).parent.mkdir(parents=True)
        return Project(path)

    return copy


@pytest.fixture
def project(new_project: Callable[[], Project]) -> Project:
    """A copy of the project of the test's own."""
    return new_project()


# Per module: while Playwright's synchronous interface is open an event loop is running in this
# thread, and another module's `asyncio.run` would be refused.
@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """The machine's own Chromium, headless; skips where there is none."""
    from playwright.sync_api import sync_playwright

    wanted = os.environ.get("CHROMIUM")
    found = (
        shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, BROWSERS)), None)
    )
    if not found:
        pytest.skip(
            f"no browser: install chromium or set CHROMIUM (looked for {wanted or BROWSERS})"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()
