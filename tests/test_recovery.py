"""Nothing that was trained is lost: kills, interrupts, closed pipes, dead servers."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pandas as pd
import psutil
import pytest
from mlflow.tracking import MlflowClient

from dnn_sweep.core.training.device import Device
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.trial_store import TrialStore
from tests.iris_sweep import groups, train
from tests.quick import combinations, configure, sweeps_of

pytestmark = pytest.mark.slow


# As far as a sweep has to go for its leaderboard; registration and report follow it.
TO_THE_LEADERBOARD = ("run", "--pipeline=train", "--to-nodes=add_verdicts")


def trained_trials(project):
    """When each trial that is kept was written, by its folder."""
    found = (project.path / "data/06_models/trials").glob("[!.]*/status.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


def checkpoints(project):
    """Ids of the trials that a checkpoint is there of."""
    return {path.stem for path in (project.path / "data/06_models/checkpoints").glob("*.npz")}


def stop_a_sweep(project, stop, reached):
    """Stop a sweep as soon as something is so; return its exit status and what it printed."""
    running = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--pipeline=train"],
        cwd=project.path, env=project.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not reached():
        assert running.poll() is None, running.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(stop)
    output, _ = running.communicate(timeout=60)
    return running.returncode, output


def test_what_was_trained_survives_stops_and_a_rerun_trains_the_rest(project):
    configure(project, training={"epochs": 15, "seeds": [0, 1, 2], "checkpoint_seconds": 0.2})

    status, output = stop_a_sweep(project, signal.SIGTERM, lambda: trained_trials(project))
    assert status == 143
    interrupted = trained_trials(project)
    assert 1 <= len(interrupted) < 6
    assert f"{len(interrupted)} of 6 trials are trained and kept" in " ".join(output.split())
    assert output.endswith("to go on: python -m kedro run --pipeline=train\n")
    assert "Traceback" not in output
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
    assert "RUNNING" not in {run.info.status for run in client.search_runs([experiment])}

    stop_a_sweep(
        project,
        signal.SIGKILL,
        lambda: (
            len(trained_trials(project)) > len(interrupted)
            and checkpoints(project) - trained_trials(project).keys()
        ),
    )
    killed = trained_trials(project)
    assert len(interrupted) < len(killed) < 6
    assert interrupted.items() <= killed.items()
    (begun,) = checkpoints(project) - killed.keys()

    done = project.kedro(*TO_THE_LEADERBOARD)
    assert done.returncode == 0, done.stderr
    (sweep,) = sweeps_of(project)  # the same one, continued
    assert sweep.info.status == "FINISHED"
    found = client.search_runs([experiment])
    assert {run.info.status for run in found} == {"FINISHED"}
    assert len(found) == 1 + 2
    assert f"{len(killed)} of 6" in done.stdout
    assert "continuing 1 trial from the last checkpoint" in done.stdout
    assert not checkpoints(project)
    after = trained_trials(project)
    assert begun in after
    assert len(after) == 6
    assert killed.items() <= after.items()
    assert (combinations(project)["seeds"] == 3).all()
    for result in TrialStore(project.path / "data/06_models/trials").values():
        assert result.history["epoch"].tolist() == list(range(1, 16))


def test_a_stop_before_the_training_ends_it_at_once_and_says_how_to_go_on(project):
    configure(project)
    table = project.path / "data/02_intermediate/digits/table.parquet"
    status, output = stop_a_sweep(project, signal.SIGINT, table.exists)
    assert status == 130
    said, how = output.splitlines()[-2:]
    assert said == "interrupted; every trial that was trained is kept"
    assert how == "to go on: python -m kedro run --pipeline=train"
    assert "Traceback" not in output


# Enough work for worker processes.
LARGE = {"network": {"hidden": [1024, 1024]}, "training": {"epochs": 15, "seeds": [0, 1, 2, 3]}}


@pytest.mark.skipif(Device.detect().workers < 2, reason="one core trains one trial at a time")
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL])
def test_worker_processes_end_with_the_sweep(project, stop):
    configure(project, **LARGE)
    (project.path / "tmp").mkdir()
    running = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--pipeline=train"],
        cwd=project.path, env=project.environment({"TMPDIR": str(project.path / "tmp")}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not trained_trials(project):
        assert running.poll() is None, running.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    workers = [
        each
        for each in psutil.Process(running.pid).children()
        if "spawn_main" in " ".join(each.cmdline())
    ]
    assert len(workers) == min(Device.detect().workers, 8)
    if stop == signal.SIGTERM:
        os.killpg(running.pid, stop)  # as Slurm does: to the workers as well
    else:
        running.send_signal(stop)
    output, _ = running.communicate(timeout=60)
    assert running.returncode != 0
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not alive
    assert not list((project.path / "tmp").glob("dnn_sweep_rows_*"))
    if stop == signal.SIGTERM:
        kept = len(trained_trials(project))
        assert f"{kept} of 8 trials are trained and kept" in " ".join(output.split())
        assert "Traceback" not in output


def workers_of(project):
    """The processes of Ray in which a project's sweep trains."""
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            ours = str(project.path) in each.environ().get("PYTHONPATH", "")
            found += [each] if ours and each.name().startswith("ray::Host") else []
    return found


def test_workers_of_a_cluster_end_with_the_sweep_and_a_rerun_trains_the_rest(project):
    training = {"epochs": 60, "seeds": [0, 1, 2], "batch_size": 8}
    configure(project, training=training, executor={"kind": "ray"})
    workers = []

    def reached():
        workers[:] = workers_of(project)
        return workers and trained_trials(project)

    stop_a_sweep(project, signal.SIGKILL, reached)
    killed = trained_trials(project)
    assert 1 <= len(killed) < 6
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive

    done = project.kedro(*TO_THE_LEADERBOARD, "--params=executor.kind=local")
    assert done.returncode == 0, done.stderr
    assert f"{len(killed)} of 6" in done.stdout
    after = trained_trials(project)
    assert len(after) == 6
    assert killed.items() <= after.items()


def test_a_cluster_that_does_not_answer_is_refused_before_anything_is_read(project):
    configure(project)
    given = "--params=executor.kind=ray,executor.address=127.0.0.1:9"
    done = project.kedro("run", "--pipeline=train", given)
    assert done.returncode != 0
    (said,) = done.stderr.splitlines()
    assert said.startswith("Error: executor.address 127.0.0.1:9: no Ray cluster can be used there")
    assert not (project.path / "data/02_intermediate/digits/table.parquet").exists()
    client = MlflowClient(project.tracking_uri)
    assert client.get_experiment_by_name("dnn_sweep/digits") is None  # nothing is recorded


def test_a_sweep_that_ends_without_a_word_is_not_recorded_as_finished(project):
    """Its output goes to a program that has ended, as in `kedro run | head`."""
    configure(project)
    running = subprocess.Popen(
        [sys.executable, "-m", "kedro", "run", "--pipeline=train"],
        cwd=project.path, env=project.environment(), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    while "train_trials" not in running.stdout.readline():
        assert running.poll() is None
    running.stdout.close()
    assert running.wait(timeout=240) != 0
    (sweep,) = sweeps_of(project)
    assert sweep.info.status in ("KILLED", "FAILED")


def test_a_stacked_sweep_that_lost_trials_ends_with_the_same_leaderboard(tmp_path, mlflow_store):
    given = groups(tmp_path)
    before = train(tmp_path, ToyDataset("iris"), "iris", given, until="leaderboard")
    kept = {id: before["trial_results"][id] for id in before["trial_results"]}
    assert {each.engine for each in kept.values()} == {"stacked"}
    reasons = {each.engine_reason for each in kept.values()}
    assert reasons == {"auto: the fastest engine that can train it"}

    lost = sorted((tmp_path / "trials").glob("[!.]*"))[::2]
    for folder in lost:
        shutil.rmtree(folder)
    again = train(tmp_path, ToyDataset("iris"), "iris", given, until="leaderboard")
    seconds = ["seconds"]
    pd.testing.assert_frame_equal(
        again["leaderboard"].drop(columns=seconds), before["leaderboard"].drop(columns=seconds)
    )
    assert set(again["trial_results"]) == set(kept)
    for trial, result in again["trial_results"].items():
        np.testing.assert_array_equal(result.outputs, kept[trial].outputs)
