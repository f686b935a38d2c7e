"""A sweep's run on a real tracking server that fails in every way that a server can."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import mlflow
import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from dnn_sweep.core.training.results import TrialReport
from dnn_sweep.datasets import server_check, system_metrics
from dnn_sweep.datasets.server_check import why_unreachable
from dnn_sweep.datasets.tracked_sweep import PROCESS, SWEEP_RUN, TrackedSweep, this_process
from dnn_sweep.datasets.tracked_sweep import Plan as RunPlan
from dnn_sweep.datasets.trial_runs import TrialRunsDataset
from tests.builders import make_plan, make_result
from tests.faulty_server import faulty_server, is_write, tracking_server
from tests.local_servers import free_port

pytestmark = pytest.mark.slow
OUTPUTS = np.zeros((5, 3))
TRIALS = make_plan(grid={"optimizers": ["sgd", "adam"]}, training={"seeds": [0, 1]}).trials


@pytest.fixture(scope="module")
def server(tmp_path_factory, empty_store):
    folder = tmp_path_factory.mktemp("server")
    shutil.copy2(empty_store, folder / "mlflow.db")
    with tracking_server(folder, f"sqlite:///{folder / 'mlflow.db'}") as address:
        yield address


@pytest.fixture
def proxy(server, monkeypatch):
    for name, value in {"MAX_RETRIES": "0", "TIMEOUT": "1"}.items():
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    with faulty_server(server) as proxy:
        mlflow.set_tracking_uri(proxy.address)
        yield proxy


@pytest.fixture
def experiment(server, request):
    return MlflowClient(server).create_experiment(request.node.name)


@pytest.fixture
def sweep(monkeypatch):
    sweep = TrackedSweep()
    monkeypatch.setattr("dnn_sweep.datasets.trial_runs.SWEEP", sweep)
    return sweep


def plan_of(experiment, key="k", **params):
    return RunPlan(lambda: experiment, "train", {}, key=key, params=params)


def save(trials, runs=None):
    runs = runs or TrialRunsDataset("toy")
    for trial in trials:
        left = len(TRIALS) - TRIALS.index(trial) - 1
        runs.save(TrialReport(make_result(trial, OUTPUTS), 2, left))
    return runs


def runs_of(server, experiment):
    return list(MlflowClient(server).search_runs([experiment]))


def assert_all_is_recorded_once(server, experiment):
    runs = runs_of(server, experiment)
    names = Counter(run.info.run_name for run in runs)
    assert names == dict.fromkeys(["train", "relu + sgd · toy", "relu + adam · toy"], 1)
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        if run.info.run_name != "train":
            history = MlflowClient(server).get_metric_history(run.info.run_id, "loss")
            assert [point.step for point in history] == [1, 2, 3]
            reached = MlflowClient(server).get_metric_history(run.info.run_id, "loss_by_seed")
            assert [point.step for point in reached] == [0, 1]


@pytest.mark.parametrize("fault", ["refuse", "lose", "hang"])
def test_training_goes_on_and_every_trial_is_recorded_once(proxy, server, experiment, sweep, fault):
    sweep.begin(plan_of(experiment))
    runs = save(TRIALS[:1])
    proxy.fault = lambda method, path: fault if is_write(method, path) else None
    began = time.monotonic()
    save(TRIALS[1:3], runs)
    assert time.monotonic() - began < 1
    time.sleep(0.2)
    proxy.fault = lambda *_: None
    save(TRIALS[3:], runs)

    assert sweep.end("FINISHED") is None
    assert_all_is_recorded_once(server, experiment)
    (run,) = [run for run in runs_of(server, experiment) if run.info.run_name == "train"]
    assert run.data.tags["tracking"] == "complete"


def test_the_use_of_the_machine_is_recorded_whatever_the_server_does(
    proxy, server, experiment, sweep, monkeypatch
):
    monkeypatch.setattr(system_metrics.SystemMetrics.__init__, "__defaults__", (0.05,))
    proxy.fault = lambda *_: "error"
    sweep.begin(plan_of(experiment))
    runs = save(TRIALS[:1])
    time.sleep(0.3)
    proxy.fault = lambda *_: None
    save(TRIALS[1:], runs)
    assert sweep.end("FINISHED") is None
    (run,) = [run for run in runs_of(server, experiment) if run.info.run_name == "train"]
    name = "system/cpu_utilization_percentage"
    points = MlflowClient(server).get_metric_history(run.info.run_id, name)
    assert len(points) > 3  # those of the outage, too
    assert not [thread for thread in threading.enumerate() if thread.name == "system metrics"]


def test_a_server_that_is_down_at_the_start_gets_everything_when_it_is_back(
    proxy, server, experiment, sweep
):
    proxy.fault = lambda *_: "error"
    sweep.begin(plan_of(experiment, epochs="3"))
    runs = save(TRIALS[:2])
    proxy.fault = lambda *_: None
    save(TRIALS[2:], runs)

    assert sweep.end("FINISHED") is None
    assert_all_is_recorded_once(server, experiment)


@pytest.mark.parametrize("fault", ["error", "hang"])
def test_what_is_not_recorded_makes_the_run_incomplete_and_the_next_process_completes_it(
    proxy, server, experiment, sweep, fault, tmp_path
):
    sweep.begin(plan_of(experiment))
    save(TRIALS[:2])
    sweep.write(lambda _: None, wait=True)
    proxy.fault = lambda _, path: fault if path.endswith(("log-batch", "create")) else None
    began = time.monotonic()
    save(TRIALS[2:])
    assert sweep.end("FINISHED")
    assert time.monotonic() - began < 10
    (run,) = [run for run in runs_of(server, experiment) if run.info.run_name == "train"]
    assert (run.info.status, run.data.tags["tracking"]) == ("FAILED", "incomplete")
    assert "RUNNING" not in {run.info.status for run in runs_of(server, experiment)}
    assert mlflow.active_run() is None

    proxy.fault = lambda *_: None
    (tmp_path / "report.html").write_text("a report")
    sweep.begin(plan_of(experiment, epochs="3"))
    save(TRIALS)
    assert sweep.end("FINISHED", [(tmp_path / "report.html", None)]) is None
    assert_all_is_recorded_once(server, experiment)
    client = MlflowClient(server)
    assert client.get_run(run.info.run_id).data.params == {"epochs": "3"}
    assert [each.path for each in client.list_artifacts(run.info.run_id)] == ["report.html"]


def test_an_artifact_that_is_not_taken_costs_nothing_else(
    proxy, server, experiment, sweep, tmp_path
):
    (tmp_path / "report.html").write_text("a report")
    sweep.begin(plan_of(experiment))
    save(TRIALS)
    proxy.fault = lambda _, path: "error" if "mlflow-artifacts" in path else "slow"
    assert sweep.end("FINISHED", [(tmp_path / "report.html", None)])
    children = [run for run in runs_of(server, experiment) if run.info.run_name != "train"]
    assert {run.info.status for run in children} == {"FINISHED"}


def dead_process():
    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    return f"{socket.gethostname()} {int(done.stdout)} {time.time():.0f}"


def test_runs_of_processes_that_were_killed_are_ended_and_no_others(
    proxy, server, experiment, sweep
):
    client = MlflowClient(server)

    def leave(process):
        run = client.create_run(experiment, tags={PROCESS: process})
        child = client.create_run(experiment, tags={SWEEP_RUN: run.info.run_id})
        return run.info.run_id, child.info.run_id

    killed, elsewhere, alive = map(leave, (dead_process(), "another 1 0", this_process()))
    sweep.begin(plan_of(experiment))
    sweep.end("FINISHED")

    status = {run.info.run_id: run.info.status for run in runs_of(server, experiment)}
    assert [status[each] for each in killed] == ["KILLED", "KILLED"]
    assert {status[each] for each in (*elsewhere, *alive)} == {"RUNNING"}


def test_a_killed_sweep_is_continued_but_not_one_that_is_still_written(
    proxy, server, experiment, sweep
):
    client = MlflowClient(server)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        living = f"{socket.gethostname()} {other.pid} {time.time():.0f}"
        written = client.create_run(experiment, tags={"sweep_key": "k", PROCESS: living})
        sweep.begin(plan_of(experiment))
        sweep.end("FINISHED")
        other.communicate(b"\n")
    ids = {run.info.run_id for run in runs_of(server, experiment)}
    assert len(ids) == 2
    assert client.get_run(written.info.run_id).info.status == "RUNNING"

    killed = client.create_run(experiment, tags={"sweep_key": "other", PROCESS: dead_process()})
    sweep.begin(plan_of(experiment, key="other"))
    sweep.end("FINISHED")
    assert len(runs_of(server, experiment)) == 3
    assert client.get_run(killed.info.run_id).info.status == "FINISHED"


def test_whether_a_server_answers_is_known_in_seconds(proxy, monkeypatch):
    monkeypatch.setattr(server_check, "SECONDS", 1)
    assert why_unreachable(proxy.address) is None
    for fault, said in {"error": "500", "refuse": "403", "hang": "timed out"}.items():
        proxy.fault = lambda *_, fault=fault: fault
        began = time.monotonic()
        assert said in why_unreachable(proxy.address)
        assert time.monotonic() - began < 2.5
    nowhere = f"postgresql://ann:secret@127.0.0.1:{free_port()}/runs"  # pragma: allowlist secret
    assert "nothing listens" in why_unreachable(nowhere)
    assert "secret" not in why_unreachable(nowhere)


def test_a_sweep_does_not_go_on_in_a_run_that_was_written_to_before(server, experiment, sweep):
    mlflow.set_tracking_uri(server)
    with mlflow.start_run(experiment_id=experiment) as before:
        sweep.write(lambda run: None, wait=True)
    sweep.begin(plan_of(experiment))
    begun = []
    sweep.write(lambda run: begun.append(run.info.run_id), wait=True)
    assert sweep.end("FINISHED") is None
    assert begun
    assert before.info.run_id not in begun
