"""Sweeps and their tracking server: down, lost on the way, caught up with, shared."""

import shutil
import subprocess
import sys
from collections import Counter

import pytest
from mlflow.tracking import MlflowClient

from tests.faulty_server import faulty_server, tracking_server
from tests.local_servers import free_port
from tests.quick import configure, leaderboard, reporting, runs_below, sweeps_of

pytestmark = pytest.mark.slow
WORD = "open-sesame"  # the password
TO_THE_TRIALS = ("--to-nodes=train_trials",)


def address_of(server):
    return server.replace("http://", f"http://ann:{WORD}@")


def texts(*folders):
    """Everything that was written below these folders, as bytes."""
    return {
        str(path): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_a_server_that_is_down_stops_the_sweep_in_a_line_and_not_for_long(project):
    configure(project)
    address = f"http://ann:{WORD}@127.0.0.1:{free_port()}"
    done = project.kedro("run", "--pipeline=train", env={"MLFLOW_TRACKING_URI": address})

    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "The tracking server http://127.0.0.1:" in line
    assert "--params=tracking.required=false" in line
    assert WORD not in done.stdout + done.stderr
    assert not (project.path / "data/02_intermediate/digits").exists()


def test_a_server_lost_on_the_way_costs_no_result_and_is_caught_up_with(project, empty_store):
    configure(project)
    folder = project.path.with_name(f"{project.path.name}-server")
    folder.mkdir()
    shutil.copy2(empty_store, folder / "mlflow.db")
    store = f"sqlite:///{folder / 'mlflow.db'}"
    with tracking_server(folder, store) as server, faulty_server(server) as proxy:
        env = {"MLFLOW_TRACKING_URI": address_of(proxy.address)}

        def fail_from_the_first_trial_on(method, path):
            if sum(each.endswith("log-batch") for each in proxy.requests) > 3:
                return "error"
            return None

        proxy.fault = fail_from_the_first_trial_on
        lost = project.kedro("run", "--pipeline=train", env=env)
        said = " ".join((lost.stdout + lost.stderr).split())
        assert lost.returncode == 1, said
        assert "Traceback" not in said
        assert "The champion is not registered. The model registry does not answer" in said
        assert "`kedro run --pipeline=tracking` brings MLflow up to date" in said
        assert len(leaderboard(project)) == 4
        assert "Not registered" in (reporting(project) / "report.html").read_text()

        proxy.fault = lambda *_: None
        caught_up = project.kedro("run", "--pipeline=tracking", env=env)
        assert caught_up.returncode == 0, caught_up.stderr
        client = MlflowClient(server)
        (experiment,) = client.search_experiments(filter_string="name = 'dnn_sweep/digits'")
        runs = client.search_runs([experiment.experiment_id])
        assert Counter(run.info.status for run in runs) == {"FINISHED": 1 + 2}
        (sweep,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        assert sweep.data.tags["tracking"] == "complete"
        assert "test_accuracy" in sweep.data.metrics
        assert sweep.data.tags["winner"] in ("relu + adam", "relu + sgd")
        assert sweep.data.tags["mlflow.note.content"].startswith("# Model card: dnn_sweep_digits")
        assert sweep.inputs.dataset_inputs[0].dataset.name == "digits"
        below = runs_below(client, experiment.experiment_id, sweep.info.run_id)
        assert all("rank" in run.data.metrics for run in below.values())
        artifacts = {each.path for each in client.list_artifacts(sweep.info.run_id)}
        assert {"leaderboard.csv", "report.html", "figures", "configuration.json"} <= artifacts

    printed = "".join(each.stdout + each.stderr for each in (lost, caught_up))
    assert WORD not in printed
    written = texts(project.path, folder)
    assert [path for path, content in written.items() if WORD.encode() in content] == []


def test_two_sweeps_that_make_the_same_database_are_both_recorded(project):
    configure(project)
    configure(project, environment="breast_cancer")
    (project.path / "mlflow.db").unlink()
    commands = [
        [sys.executable, "-m", "kedro", "run", "--pipeline=train", *TO_THE_TRIALS, *options]
        for options in ([], ["--env=breast_cancer"])
    ]
    both = [
        subprocess.Popen(
            command, cwd=project.path, env=project.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for command in commands
    ]  # fmt: skip
    for each in both:
        output, _ = each.communicate(timeout=300)
        assert each.returncode == 0, output
        assert "Tracking is incomplete" not in output
    client = MlflowClient(project.tracking_uri)
    for name in ("digits", "breast_cancer"):
        (sweep,) = sweeps_of(project, name)
        assert (sweep.info.status, sweep.data.tags["tracking"]) == ("FINISHED", "complete")
        runs = client.search_runs([sweep.info.experiment_id])
        assert Counter(run.info.status for run in runs) == {"FINISHED": 1 + 2}
