"""The fixtures do what the tests that use them rely on."""

import os
import sys
from collections.abc import Iterator

import pytest

from tests import conftest
from tests.conftest import Project


@pytest.mark.parametrize("cold", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_commands_run_the_copy_and_see_nothing_from_outside(
    project: Project, monkeypatch: pytest.MonkeyPatch, cold: bool
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone.example")
    settings = project.path / "src" / "dnn_sweep" / "settings.py"
    settings.write_text(
        "import os\nprint('COPY', os.environ.get('MLFLOW_TRACKING_URI'), os.environ['EXTRA'])\n"
    )
    done = project.kedro("registry", "list", env={"EXTRA": "given"}, cold=cold)
    again = project.kedro("no-such-command", env={"EXTRA": "other"}, cold=cold)
    assert "COPY None given" in done.stdout, done.stderr
    assert done.returncode == 0
    assert "COPY None other" in again.stdout
    assert again.returncode == 2
    assert "\x1b" not in done.stdout + done.stderr


def test_a_test_leaves_no_run_address_or_session(monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///outside.db")
    cleared = []
    fake_keras = type("keras", (), {})()
    fake_keras.utils = type("utils", (), {"clear_session": lambda **_: cleared.append(True)})
    monkeypatch.setitem(sys.modules, "keras", fake_keras)
    slate: Iterator[None] = conftest.clean_slate.__wrapped__()
    next(slate)
    assert "MLFLOW_TRACKING_URI" not in os.environ
    mlflow.set_tracking_uri("sqlite://")
    mlflow.set_experiment("slate")
    mlflow.start_run()
    assert list(slate) == []
    assert mlflow.active_run() is None
    assert cleared == [True]
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:///outside.db"
