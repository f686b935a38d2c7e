"""The project as a user runs it: `kedro run` in a process of its own, with its real store."""

import json
import re
import shlex

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from tests.quick import (
    QUICK,
    champion,
    combinations,
    configure,
    leaderboard,
    reporting,
    runs_below,
    runs_of,
    sweeps_of,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(new_project):
    """The digits sweep, trained once for the tests that only look at what it left behind."""
    project = new_project()
    (project.path / "mlflow.db").unlink()  # a first run makes it
    configure(project)
    done = project.kedro("run", "--pipeline=train", cold=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return project, done


def test_train_leaves_the_contracts_files(trained):
    project, _ = trained
    table, record = combinations(project), champion(project)

    ranked = leaderboard(project)
    assert ranked["rank"].tolist() == [1, 2, 3, 4]
    assert list(ranked.columns[:3]) == ["rank", "kind", "combination"]
    assert (ranked["kind"] == "baseline").sum() == 2
    assert (ranked["verdict"].notna() == (ranked["kind"] == "combination")).all()
    assert set(table["optimizer"]) == {"sgd", "adam"}
    assert (table["seeds"] == 2).all()
    assert record["combination"] == f"relu + {table['optimizer'][0]}"
    assert record["registered"]["name"] == "dnn_sweep_digits"
    assert record["registered"]["alias"] == "champion"
    for split in ("validation", "test"):
        accuracy = record[split]["accuracy"]
        assert accuracy["ci_low"] <= accuracy["value"] <= accuracy["ci_high"]
    assert (record["served"]["method"], record["served"]["seeds"]) == ("ensemble", [0, 1])
    (sweep,) = sweeps_of(project)
    assert sweep.data.metrics["test_accuracy"] == record["test"]["accuracy"]["value"]
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


def test_the_sweep_is_one_run_with_a_child_per_combination_that_has_its_trials_as_points(trained):
    project, _ = trained
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("dnn_sweep/digits").experiment_id

    (sweep,) = sweeps_of(project)
    assert sweep.info.status == "FINISHED"
    children = runs_below(client, experiment, sweep.info.run_id)
    assert {name.partition(" · ")[0] for name in children} == {"relu + sgd", "relu + adam"}
    for child in children.values():
        assert runs_below(client, experiment, child.info.run_id) == {}
        reached = client.get_metric_history(child.info.run_id, "val_accuracy_by_seed")
        assert sorted(point.step for point in reached) == [0, 1]
        assert child.data.params["optimizer"] in ("sgd", "adam")
        assert [m.step for m in client.get_metric_history(child.info.run_id, "val_accuracy")] == [
            1, 2, 3,
        ]  # fmt: skip
    artifacts = {each.path for each in client.list_artifacts(sweep.info.run_id)}
    assert {
        "leaderboard.csv", "configuration.json", "champion.json", "figures", "report.html",
        "network_summaries", "network_diagrams",
    } <= artifacts  # fmt: skip
    figures = {each.path for each in client.list_artifacts(sweep.info.run_id, "figures")}
    assert {"figures/heatmap.json", "figures/heatmap.png"} <= figures


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


def test_the_same_command_again_runs_nothing_and_prints_the_same_summary(trained):
    project, first = trained
    report = reporting(project) / "report.html"
    written, runs = report.stat().st_mtime_ns, runs_of(project)
    done = project.kedro("run", "--pipeline=train", env={"PYTHONPROFILEIMPORTTIME": "1"}, cold=True)

    assert done.returncode == 0, done.stderr
    skipped, of_all = re.search(r"(\d+) of (\d+) nodes are up to date", done.stdout).groups()
    assert int(of_all) - int(skipped) == 3  # those that print
    assert report.stat().st_mtime_ns == written
    ending = first.stdout.partition("Registered dnn_sweep_digits version 1")[2]
    assert ending in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert imported & {"mlflow", "tensorflow"} == {"mlflow"}  # the second takes seconds
    assert runs_of(project) == runs


def test_training_again_trains_nothing_and_ends_with_the_same_leaderboard(trained):
    project, _ = trained
    before = leaderboard(project)
    done = project.kedro("run", "--pipeline=train", "--to-nodes=describe_champion")

    assert done.returncode == 0, done.stderr
    assert "4 of 4" in done.stdout
    assert "[1/4]" not in done.stdout
    pd.testing.assert_frame_equal(leaderboard(project), before)
    registered = champion(project)["registered"]
    assert (registered["version"], registered["alias"]) == ("1", "champion")
    assert not registered["new"]
    assert len(runs_of(project)) == 1 + 2  # the same runs, continued


def test_the_suggested_command_trains_the_missing_seeds_and_no_others(new_project):
    project = new_project()
    configure(
        project,
        grid={"activations": ["relu", "elu"], "optimizers": ["adam"]},
        training={"epochs": 1, "seeds": [0]},
        evaluation={**QUICK["evaluation"], "equivalence_margin": 0.5},  # so that they are tied
        split={"folds": None},
    )
    first = project.kedro("run", "--pipeline=train")
    assert first.returncode == 0, first.stderr
    assert "5 seeds give an estimate" in " ".join(first.stdout.split())
    command = next(line.strip() for line in first.stdout.splitlines() if "training.seeds" in line)

    words = shlex.split(command)
    done = project.kedro(*words[words.index("kedro") + 1 :], "--to-nodes=add_verdicts")

    assert done.returncode == 0, done.stderr
    assert (combinations(project)["seeds"] == 5).all()
    assert "[8/8]" not in done.stdout
    (earlier,) = (reporting(project) / "earlier").iterdir()
    assert len(pd.read_csv(earlier / "leaderboard.csv")) == 4
    assert len(list((project.path / "data/06_models/trials").glob("*/status.json"))) == 10
    record = project.path / "data/07_model_output/digits/comparison.json"
    assert json.loads(record.read_text())["separations"]


def test_one_stage_runs_alone_from_what_the_one_before_left(trained):
    project, _ = trained
    before = leaderboard(project)
    (reporting(project) / "leaderboard.csv").unlink()
    done = project.kedro("run", "--pipeline=evaluation")

    assert done.returncode == 0, done.stderr
    pd.testing.assert_frame_equal(leaderboard(project), before)


def test_inference_scores_the_example_file_that_the_run_has_told_of(trained):
    project, done = trained
    (command,) = [line.strip() for line in done.stdout.splitlines() if "inference" in line]
    scored = project.kedro(*shlex.split(command)[1:])

    assert scored.returncode == 0, scored.stderr
    predictions = pd.read_csv(project.path / "data/07_model_output/digits/predictions.csv")
    known = pd.read_parquet(project.path / "data/07_model_output/digits/test_predictions.parquet")
    assert len(predictions) > 1
    assert predictions["prediction"].tolist() == known["predicted"].head(len(predictions)).tolist()


def assert_nothing_was_trained(project):
    assert not (project.path / "data/06_models/trials").exists()
    assert not (reporting(project) / "leaderboard.csv").exists()
    assert MlflowClient(project.tracking_uri).search_registered_models() == []


def test_every_mistake_in_the_parameters_is_told_in_a_line_before_anything_is_made(project):
    configure(project, network={"l2": float("inf")})
    (project.path / "mlflow.db").unlink()
    mistakes = "trainin.epochs=3,training.epocs=3,split.seed=-1,registration.alias=v1"
    done = project.kedro("run", "--pipeline=train", f"--params={mistakes}")

    assert done.returncode == 1
    told = [line.removeprefix("Error: ") for line in done.stderr.strip().splitlines()]
    assert sorted(line.split(":")[0] for line in told) == [
        "network.l2 = inf (conf/local/parameters.yml)",
        "registration.alias (--params)",
        "split.seed = -1 (--params)",
        "trainin (--params)",
        "training.epocs = 3 (--params)",
    ]
    assert sum("Did you mean 'training'?" in line for line in told) == 1
    assert sum("Did you mean 'epochs'?" in line for line in told) == 1
    assert not (project.path / "mlflow.db").exists()
    assert not (project.path / "data/06_models/trials").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--params=callbacks.checkpoint=[]"],
            "callbacks.checkpoint (--params): a group of parameters is needed, not a list",
        ),
        (["--env=cvs"], "--env: there is no environment 'cvs'. Did you mean 'csv'? Allowed: "),
        (["--pipeline=evaluation"], "run `kedro run --pipeline=training` first, with the same"),
    ],
)
def test_what_cannot_run_is_told_in_a_line_and_leaves_no_run(project, arguments, told):
    (project.path / "mlflow.db").unlink()
    done = project.kedro("run", *arguments)

    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    if (project.path / "mlflow.db").exists():
        assert sweeps_of(project) == []


def test_a_mistake_stops_the_run_before_training_and_is_told_without_a_traceback(project):
    configure(project, grid={"activations": ["relu"], "optimizers": [{"adam": {"beta1": 0.8}}]})
    done = project.kedro("run", "--pipeline=train")

    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert "Error: grid.optimizers (adam): unknown argument of Adam 'beta1'. Did" in output
    assert output.count("unknown argument") == 1
    assert "Traceback" not in output
    assert_nothing_was_trained(project)
    assert sweeps_of(project) == []


def test_a_budget_that_is_no_time_stops_the_run_before_training(project):
    configure(project)
    done = project.kedro("run", "--pipeline=train", "--params=budget.minutes=0")

    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0
    assert "budget.minutes is 0, but must be a number above 0" in output
    assert "--params=budget.minutes=... or in conf/*/parameters*.yml" in output
    assert_nothing_was_trained(project)
