"""The project as a user runs it: `kedro run` in a process of its own, with its real store."""

import json
import os
import signal
import subprocess
import sys
import time

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tests.local_servers import free_port, wait_for_server
from tests.quick import configure

pytestmark = pytest.mark.slow

TABLE_COLUMNS = ["age", "visits", "city", "member", "outcome"]


def reporting(project, experiment="digits"):
    return project.path / "data" / "08_reporting" / experiment


def leaderboard(project, experiment="digits"):
    return pd.read_csv(reporting(project, experiment) / "leaderboard.csv")


def champion(project, experiment="digits"):
    return json.loads((reporting(project, experiment) / "champion.json").read_text())


def runs_below(client, experiment, parent):
    found = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent}'")
    return {run.info.run_name: run for run in found}


def quick_table(rows=120, seed=0):
    """A table with categories, booleans and gaps, whose label is no secret."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, rows).astype(float)
    city = rng.choice(["Seoul", "Busan", "Jeju"], rows).astype(object)
    outcome = np.where((age > 45) ^ (city == "Jeju"), "stays", "leaves")
    frame = pd.DataFrame(
        {
            "age": age,
            "visits": rng.integers(0, 9, rows),
            "city": city,
            "member": rng.choice([True, False], rows),
            "outcome": outcome,
        }
    )
    frame.loc[::7, "age"] = np.nan
    frame.loc[::11, "city"] = None
    return frame


@pytest.fixture(scope="module")
def trained(new_project):
    """The digits sweep, trained once for the tests that only look at what it left behind."""
    project = new_project()
    configure(project)
    done = project.kedro("run", "--pipeline=train")
    assert done.returncode == 0, done.stdout + done.stderr
    return project, done


def test_train_leaves_the_contracts_files(trained):
    project, _ = trained
    table, record = leaderboard(project), champion(project)

    assert table["rank"].tolist() == [1, 2]
    assert set(table["optimizer"]) == {"sgd", "adam"}
    assert (table["seeds"] == 2).all()
    assert record["combination"] == f"relu + {table['optimizer'][0]}"
    assert record["registered"]["name"] == "dnn_sweep_digits"
    assert record["registered"]["alias"] == "champion"
    for split in ("validation", "test"):
        accuracy = record[split]["accuracy"]
        assert accuracy["ci_low"] <= accuracy["value"] <= accuracy["ci_high"]
    histories = pd.read_parquet(project.path / "data/07_model_output/digits/histories.parquet")
    assert len(histories) == 2 * 2 * 3
    assert "<html" in (reporting(project) / "report.html").read_text()
    for figure in ("learning_curves", "heatmap", "predictions"):
        assert (reporting(project) / "figures" / f"{figure}.png").stat().st_size > 1000
        json.loads((reporting(project) / "figures" / f"{figure}.json").read_text())


def test_every_row_id_is_in_one_split(trained):
    project, _ = trained
    ids = pd.read_csv(project.path / "data/02_intermediate/digits/split_ids.csv")
    assert sorted(ids["row_id"]) == list(range(1797))
    assert ids["split"].value_counts().to_dict() == {"train": 1077, "validation": 360, "test": 360}


def test_the_sweep_is_one_run_with_a_child_a_combination_and_a_grandchild_a_trial(trained):
    project, _ = trained
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
    tops = [
        run for run in client.search_runs([experiment]) if "mlflow.parentRunId" not in run.data.tags
    ]

    (sweep,) = tops
    assert sweep.info.status == "FINISHED"
    children = runs_below(client, experiment, sweep.info.run_id)
    assert set(children) == {"relu + sgd", "relu + adam"}
    for child in children.values():
        assert len(runs_below(client, experiment, child.info.run_id)) == 2
        assert child.data.params["optimizer"] in ("sgd", "adam")
        assert [m.step for m in client.get_metric_history(child.info.run_id, "val_accuracy")] == [
            1, 2, 3,
        ]  # fmt: skip
    artifacts = {each.path for each in client.list_artifacts(sweep.info.run_id)}
    assert {
        "leaderboard.csv", "configuration.json", "champion.json", "figures", "report.html",
        "network_summaries", "network_diagrams",
    } <= artifacts  # fmt: skip


def test_the_console_says_what_happened_and_what_to_run_next(trained):
    _, done = trained
    for words in (
        "relu + adam",
        "Registered dnn_sweep_digits version 1 as champion",
        "data/08_reporting/digits/report.html",
        "kedro viz",
        "mlflow ui",
        "--pipeline=inference",
    ):
        assert words in done.stdout
    assert "[4/4]" in done.stdout
    for noise in ("I0000", "oneDNN", "cuInit", "Warning", "Traceback"):
        assert noise not in done.stdout + done.stderr


def test_training_again_trains_nothing_and_ends_with_the_same_leaderboard(trained):
    project, _ = trained
    before = leaderboard(project)
    done = project.kedro("run", "--pipeline=train")

    assert done.returncode == 0, done.stderr
    assert "4 of 4" in done.stdout
    assert "[1/4]" not in done.stdout
    pd.testing.assert_frame_equal(leaderboard(project), before)
    assert champion(project)["registered"]["version"] == "2"
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
    assert len(client.search_runs([experiment])) == 2 * (1 + 2 + 4)


def test_one_stage_runs_alone_from_what_the_one_before_left(trained):
    project, _ = trained
    before = leaderboard(project)
    (reporting(project) / "leaderboard.csv").unlink()
    done = project.kedro("run", "--pipeline=evaluation")

    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(leaderboard(project), before)


def test_inference_scores_a_file_with_the_champion(trained):
    project, _ = trained
    rows = pd.read_parquet(project.path / "data/03_primary/digits/test_rows.parquet")
    rows.drop(columns="digit").to_csv(project.path / "rows.csv", index=False)
    done = project.kedro("run", "--pipeline=inference", "--params=inference.filepath=rows.csv")

    assert done.returncode == 0, done.stderr
    predictions = pd.read_csv(project.path / "data/07_model_output/digits/predictions.csv")
    accuracy = (predictions["prediction"].to_numpy() == rows["digit"].to_numpy()).mean()
    assert accuracy == pytest.approx(champion(project)["test"]["accuracy"]["value"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("training.epocs=3", "epocs"),
        ("training.epochs=0", "greater than 0"),
        ("data.target=digitt", "data.target: unknown column 'digitt'. Did you mean 'digit'?"),
        ("network.output_activation=sigmoid", "contradicts the task"),
    ],
)
def test_a_mistake_stops_the_run_before_training(project, params, message):
    configure(project)
    done = project.kedro("run", "--pipeline=train", f"--params={params}")

    assert done.returncode != 0
    assert message in " ".join((done.stdout + done.stderr).split())
    assert not (project.path / "data/06_models/trials").exists()
    assert not (reporting(project) / "leaderboard.csv").exists()
    assert MlflowClient(project.tracking_uri).search_registered_models() == []


def test_a_mistake_in_the_grid_is_told_without_a_traceback(project):
    configure(project, grid={"activations": ["rellu"], "optimizers": ["adam"]})
    done = project.kedro("run", "--pipeline=train")

    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert "Error: grid.activations: unknown activation 'rellu'. Did you mean 'relu'?" in output
    assert "Traceback" not in output
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
    assert [run.info.status for run in client.search_runs([experiment])] == ["FAILED"]


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
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id
    (sweep,) = [
        run for run in client.search_runs([experiment]) if "mlflow.parentRunId" not in run.data.tags
    ]
    assert sweep.info.status in ("KILLED", "FAILED")


@pytest.mark.parametrize(
    ("experiment", "task", "metric"),
    [("breast_cancer", "binary", "accuracy"), ("diabetes", "regression", "mae")],
)
def test_the_table_presets_run_through(project, experiment, task, metric):
    configure(project, experiment)
    done = project.kedro("run", "--pipeline=train", f"--env={experiment}")

    assert done.returncode == 0, done.stdout + done.stderr
    record = champion(project, experiment)
    assert record["task"] == task
    assert record["registered"]["name"] == f"dnn_sweep_{experiment}"
    assert f"val_{metric}_mean" in leaderboard(project, experiment)
    rows = pd.read_parquet(project.path / f"data/03_primary/{experiment}/test_rows.parquet")
    rows.head(7).to_csv(project.path / "rows.csv", index=False)
    scored = project.kedro(
        "run", "--pipeline=inference", f"--env={experiment}",
        "--params=inference.filepath=rows.csv",
    )  # fmt: skip
    assert scored.returncode == 0, scored.stderr
    predictions = project.path / f"data/07_model_output/{experiment}/predictions.csv"
    assert len(pd.read_csv(predictions)) == 7


def test_the_users_own_table_runs_through(project):
    quick_table().to_csv(project.path / "my.csv", index=False)
    configure(project, "csv")
    done = project.kedro(
        "run", "--pipeline=train", "--env=csv",
        "--params=data.filepath=my.csv,data.target=outcome",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    record = champion(project, "csv")
    assert record["task"] == "binary"
    mlflow.set_tracking_uri(project.tracking_uri)
    model = mlflow.pyfunc.load_model("models:/dnn_sweep_csv@champion")
    fresh = quick_table(rows=8, seed=1).drop(columns="outcome")
    predicted = model.predict(fresh)
    assert set(predicted["prediction"]) <= {"stays", "leaves"}
    shares = predicted[["probability_leaves", "probability_stays"]]
    np.testing.assert_allclose(shares.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([], "data.filepath=my.csv"),
        (["--params=data.filepath=my.csv"], "--params=data.target="),
        (["--params=data.filepath=mine.csv,data.target=outcome"], "my.csv"),
    ],
)
def test_a_table_that_is_not_there_is_asked_for(project, params, message):
    quick_table().to_csv(project.path / "my.csv", index=False)
    done = project.kedro("run", "--pipeline=train", "--env=csv", *params)
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert message in output
    assert "Traceback" not in output


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
