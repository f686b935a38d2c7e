"""Sweeps on a real `mlflow server` that stores its runs in a real PostgreSQL database."""

import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from dnn_sweep.datasets.server_check import why_unreachable
from dnn_sweep.datasets.tracked_sweep import SWEEP, SWEEP_KEY, SWEEP_RUN
from tests.datasets.test_tracked_sweep import (
    TRIALS,
    assert_all_is_recorded_once,
    plan_of,
    runs_of,
    save,
)
from tests.faulty_server import tracking_server
from tests.postgresql import postgresql_server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def database():
    with postgresql_server() as address:
        yield address


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    with tracking_server(tmp_path_factory.mktemp("server"), database) as address:
        yield address


def record(address: str, experiment: str, key: str) -> None:
    """Record a sweep, as training does it."""
    mlflow.set_tracking_uri(address)
    SWEEP.begin(plan_of(experiment, key))
    save(TRIALS)
    assert SWEEP.end("FINISHED") is None


def sweep_of(server, experiment, key):
    (run,) = [run for run in runs_of(server, experiment) if run.data.tags.get(SWEEP_KEY) == key]
    return run


def test_a_sweep_is_recorded_whole_and_continued_not_doubled(server):
    experiment = MlflowClient(server).create_experiment("one")
    record(server, experiment, "k")
    record(server, experiment, "k")
    assert_all_is_recorded_once(server, experiment)
    assert sweep_of(server, experiment, "k").data.tags["tracking"] == "complete"


def test_two_sweeps_at_once_are_recorded_whole_and_apart(server):
    experiment = MlflowClient(server).create_experiment("two")
    code = "import sys; from tests.datasets.test_postgresql import record; record(*sys.argv[1:])"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, server, experiment, key],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for key in ("first", "second")
    ]  # fmt: skip
    for each in both:
        output, _ = each.communicate(timeout=300)
        assert each.returncode == 0, output
    runs = runs_of(server, experiment)
    assert len(runs) == 2 * (1 + 2)
    assert {run.info.status for run in runs} == {"FINISHED"}
    for key in ("first", "second"):
        sweep = sweep_of(server, experiment, key)
        assert sweep.data.tags["tracking"] == "complete"
        below = [run for run in runs if run.data.tags.get(SWEEP_RUN) == sweep.info.run_id]
        assert len({run.info.run_name for run in below}) == len(below) == 2


def test_the_database_itself_is_an_address_too(database, server):
    assert why_unreachable(database) is None
    del server  # which has made the tables
    experiment = MlflowClient(database).create_experiment("direct")
    record(database, experiment, "k")
    assert_all_is_recorded_once(database, experiment)
