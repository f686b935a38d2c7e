"""The presets, and the user's own table."""

import json
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
from mlflow.exceptions import MlflowException
from PIL import Image

from tests.local_servers import serve
from tests.quick import champion, configure, leaderboard, reporting

pytestmark = pytest.mark.slow
TRAIN = ("run", "--pipeline=train", "--to-nodes=describe_champion")  # without the report


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


def days(rows, written):
    return pd.date_range("2031-01-01", periods=rows, freq="9D").strftime(written)


def test_a_preset_whose_target_is_a_number_runs_through_to_the_report(project):
    configure(project, "diabetes")
    done = project.kedro("run", "--pipeline=train", "--env=diabetes")

    assert done.returncode == 0, done.stdout + done.stderr
    record = champion(project, "diabetes")
    assert record["task"] == "regression"
    assert record["registered"]["name"] == "dnn_sweep_diabetes"
    assert "val_mae_mean" in leaderboard(project, "diabetes")
    assert "mean absolute error" in (reporting(project, "diabetes") / "report.html").read_text()


@pytest.fixture(scope="module")
def own_table(new_project):
    """A sweep on the user's own table, with weights, a schedule and mixed precision."""
    project = new_project()
    frame = quick_table()
    frame["weight"] = np.where(frame["city"] == "Jeju", 0, 1.5)
    frame["joined"] = days(len(frame), "%d.%m.%Y")
    frame["row_no"] = range(1000, 1000 + len(frame))
    # As a spreadsheet in most of Europe writes it.
    frame.to_csv(project.path / "my.csv", index=False, sep=";", decimal=",", encoding="cp1252")
    optimizers = ["sgd", {"adam": {"schedule": "CosineDecay"}}]
    configure(
        project,
        "csv",
        grid={"activations": ["relu"], "optimizers": optimizers},
        training={
            "epochs": 3,
            "seeds": [0],
            "class_weight": {"leaves": 2},
            "precision": "mixed_bfloat16",
        },
    )
    given = "--params=data.filepath=my.csv,data.target=outcome,data.sample_weight=weight"
    done = project.kedro(*TRAIN, "--env=csv", given)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def test_the_users_own_table_gives_a_model_that_predicts_its_labels(own_table):
    record = champion(own_table, "my")
    assert record["task"] == "binary"
    mlflow.set_tracking_uri(own_table.tracking_uri)
    model = mlflow.pyfunc.load_model("models:/dnn_sweep_my@champion")
    fresh = quick_table(rows=8, seed=1).drop(columns="outcome").assign(joined=days(8, "%Y-%m-%d"))
    predicted = model.predict(fresh)
    assert set(predicted["prediction"]) <= {"stays", "leaves"}
    shares = predicted[["probability_leaves", "probability_stays"]]
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_the_champion_is_served_by_a_command_that_knows_its_name(own_table):
    rows = quick_table(rows=3, seed=1).drop(columns="outcome").assign(joined=days(3, "%Y-%m-%d"))
    body = {"dataframe_split": json.loads(rows.to_json(orient="split", index=False))}
    command = "kedro", "serve", "--env=csv", "--experiment=my"  # as the summary says
    with serve(own_table, *command, path="/ping") as (address, _):
        answer = requests.post(f"{address}/invocations", json=body, timeout=60)
        refused = requests.post(f"{address}/invocations", b"{}", timeout=60)
    assert (answer.status_code, len(answer.json()["predictions"])) == (200, 3)
    assert refused.status_code == 415
    done = own_table.kedro("serve", "--env=xor")
    assert done.returncode == 1
    assert "no version of dnn_sweep_xor has the alias" in done.stderr


def test_learning_rates_end_where_their_schedule_does(own_table):
    histories = pd.read_parquet(own_table.path / "data/07_model_output/my/histories.parquet")
    ends = histories[histories["epoch"] == 3].set_index("combination")["epoch_learning_rate"]
    assert ends["relu + sgd"] == pytest.approx(0.01)
    assert ends["relu + adam"] == pytest.approx(0, abs=1e-9)


def test_the_column_of_weights_is_needed_to_train_not_to_predict(own_table):
    fresh = quick_table().drop(columns="outcome").assign(joined=days(120, "%d.%m.%Y"))
    fresh["row_no"] = range(7000, 7120)
    fresh.to_csv(own_table.path / "fresh.csv", index=False, sep=";", decimal=",", na_rep="NA")
    done = own_table.kedro(
        "run", "--pipeline=inference", "--env=csv", "--params=inference.filepath=fresh.csv"
    )
    assert done.returncode == 0, done.stderr
    predictions = pd.read_csv(own_table.path / "data/07_model_output/my/predictions.csv")
    assert len(predictions) == 120
    assert predictions["row_no"].tolist() == fresh["row_no"].tolist()
    # What was read at training is read at serving: text, and other ways to write the same.
    mlflow.set_tracking_uri(own_table.tracking_uri)
    model = mlflow.pyfunc.load_model("models:/dnn_sweep_my@champion")
    text = fresh.drop(columns="row_no").assign(
        age=[str(each).replace(".", ",").replace("nan", "-") for each in fresh["age"]],
        city=[f" {each}" if each else None for each in fresh["city"]],
        joined=days(120, "%Y-%m-%dT00:00:00Z"),
        visits=fresh["visits"].astype(str),
    )
    served = model.predict(text)
    assert served["prediction"].tolist() == predictions["prediction"].tolist()
    with pytest.raises(MlflowException, match="column 'joined', row 0: 'soon' where a date"):
        model.predict(text.assign(joined="soon"))


def test_a_folder_of_images_gives_a_model_that_scores_another(project):
    rng = np.random.default_rng(0)
    for name, shades in {"dark": (0, 90), "light": (160, 256)}.items():
        (project.path / "images" / name).mkdir(parents=True)
        for at in range(20):
            pixels = rng.integers(*shades, (10, 12, 3), np.uint8)
            Image.fromarray(pixels).save(project.path / "images" / name / f"{at}.png")
    network = {"convolutions": [4], "hidden": []}
    # No activation that can die, and epochs enough: what is learned must not hang on a processor.
    grid = {"activations": ["tanh"], "optimizers": [{"adam": {"learning_rate": 0.03}}]}
    training = {"epochs": 20, "seeds": [0]}
    configure(project, "image_folder", network=network, grid=grid, training=training)
    size = "data.image_size=8,data.channels=3"
    done = project.kedro(*TRAIN, "--env=image_folder", f"--params=data.folder=images,{size}")
    assert done.returncode == 0, done.stdout + done.stderr
    done = project.kedro(
        "run",
        "--pipeline=inference",
        "--env=image_folder",
        f"--params=inference.filepath=images,{size}",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    scored = pd.read_csv(project.path / "data/07_model_output/image_folder/predictions.csv")
    assert (scored["row"].str.split("/").str[0] == scored["prediction"]).mean() > 0.9


def test_a_table_of_steps_gives_a_model_that_scores_another(project):
    rng = np.random.default_rng(0)
    steps = [
        {"patient": who, "day": day, "heat": 37 + day * (who % 2) + rng.normal() / 9, "pulse": 70,
         "ill": ["no", "yes"][who % 2]}
        for who in range(60)
        for day in range(4 + who % 3)
    ]  # fmt: skip
    pd.DataFrame(steps).to_csv(project.path / "steps.csv", index=False)
    network = {"hidden": [], "recurrent": [8]}
    configure(project, "csv", network=network, grid={"activations": [], "optimizers": ["adam"]})
    given = (
        "data.filepath=steps.csv,data.target=ill,data.sequence.id=patient,"
        "data.sequence.order=day,network.kind=lstm,training.epochs=40"
    )
    done = project.kedro(*TRAIN, "--env=csv", f"--params={given}")
    assert done.returncode == 0, done.stdout + done.stderr
    # The folder may be moved meanwhile.
    project = replace(project, path=project.path.rename(project.path.with_name("moved project")))
    pd.DataFrame(steps).drop(columns="ill").to_csv(project.path / "new.csv", index=False)
    done = project.kedro(
        "run", "--pipeline=inference", "--env=csv", "--params=inference.filepath=new.csv"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    scored = pd.read_csv(project.path / "data/07_model_output/steps/predictions.csv")
    true = np.where(scored["row"] % 2, "yes", "no")
    assert (scored["prediction"] == true).mean() > 0.9
