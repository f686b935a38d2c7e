"""Nothing that was trained is lost: kills, interrupts, closed pipes, dead servers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tests.local_servers import free_port, wait_for_server
from tests.quick import configure, leaderboard, sweeps_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_what_was_trained_survives_a_stop_and_a_rerun_trains_the_rest(project, stop):
    configure(project, training={"epochs": 40, "seeds": [0, 1, 2]})
    trials = project.path / "data/06_models/trials"
    running = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--pipeline=train"],
        cwd=project.path, env=project.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while len(list(trials.glob("[!.]*/status.json"))) < 2:
        assert running.poll() is None, running.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    running.send_signal(stop)
    output, _ = running.communicate(timeout=60)
    kept = {path.parent.name: path.stat().st_mtime_ns for path in trials.glob("[!.]*/status.json")}

    assert running.returncode != 0
    assert 2 <= len(kept) < 6
    if stop == signal.SIGINT:
        assert f"{len(kept)} of 6 trials are trained and kept" in " ".join(output.split())
        client = MlflowClient(project.tracking_uri)
        experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
        assert "RUNNING" not in {run.info.status for run in client.search_runs([experiment])}

    done = project.kedro("run", "--pipeline=train")
    assert done.returncode == 0, done.stderr
    assert f"{len(kept)} of 6" in done.stdout
    after = {path.parent.name: path.stat().st_mtime_ns for path in trials.glob("[!.]*/status.json")}
    assert len(after) == 6
    assert kept.items() <= after.items()
    assert (leaderboard(project)["seeds"] == 3).all()


def test_a_sweep_that_ends_without_a_word_is_not_recorded_as_finished(project):
    """Its output goes to a program that has ended, as in `kedro run | head`."""
    configure(project)
    running = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--pipeline=train"],
        cwd=project.path, env=project.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert "record_configuration" in running.stdout.readline()
    running.stdout.close()
    assert running.wait(timeout=240) != 0
    (sweep,) = sweeps_of(project)
    assert sweep.info.status in ("KILLED", "FAILED")


def test_a_dead_tracking_server_stops_nothing_that_is_trained(project):
    """The server dies while the sweep trains; a rerun with the default store has it all."""
    configure(project, training={"epochs": 40, "seeds": [0, 1]})
    port = str(free_port())
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port,
         "--workers", "1", "--backend-store-uri", f"sqlite:///{project.path}/server.db",
         "--default-artifact-root", str(project.path / "server")],
        cwd=project.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=project.environment({"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}),
        start_new_session=True,
    )  # fmt: skip
    trials = project.path / "data/06_models/trials"
    try:
        wait_for_server(f"http://127.0.0.1:{port}/health")
        running = subprocess.Popen(
            [sys.executable, "-m", "kedro", "run", "--pipeline=train"],
            cwd=project.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
            env=project.environment({
                "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}",
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            }),
        )  # fmt: skip
        while not list(trials.glob("[!.]*/status.json")):
            assert running.poll() is None, running.stdout.read()
            time.sleep(0.1)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    output, _ = running.communicate(timeout=240)

    assert running.returncode != 0
    assert "MLflow does not answer" in output
    assert len(list(trials.glob("[!.]*/status.json"))) == 4
    done = project.kedro("run", "--pipeline=train")
    assert done.returncode == 0, done.stderr
    assert "4 of 4" in done.stdout


def test_a_stacked_sweep_that_lost_trials_ends_with_the_same_leaderboard(project):
    configure(
        project,
        grid={"activations": ["relu", "tanh"], "optimizers": ["adam"]},
        training={"engine": "auto", "epochs": 6, "seeds": [0, 1]},
    )
    done = project.kedro("run", "--pipeline=train")
    assert done.returncode == 0, done.stderr
    before = leaderboard(project).drop(columns="seconds")
    folders = sorted((project.path / "data/06_models/trials").glob("[!.]*"))
    states = [json.loads((folder / "status.json").read_text()) for folder in folders]
    assert {state["engine"] for state in states} == {"stacked"}
    assert {state["engine_reason"] for state in states} == {
        "auto: the fastest engine that can train it"
    }
    kept = [np.load(folder / "outputs.npy") for folder in folders]

    for folder in folders[:3]:
        shutil.rmtree(folder)
    again = project.kedro("run", "--pipeline=train")
    assert again.returncode == 0, again.stderr
    assert "1 of 4" in again.stdout
    pd.testing.assert_frame_equal(leaderboard(project).drop(columns="seconds"), before)
    for folder, outputs in zip(folders, kept, strict=True):
        np.testing.assert_array_equal(np.load(folder / "outputs.npy"), outputs)
