"""The presets, and the user's own table."""

import mlflow
import numpy as np
import pandas as pd
import pytest

from tests.quick import champion, configure, leaderboard

pytestmark = pytest.mark.slow


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


def test_weights_a_schedule_and_mixed_precision_run_through(project):
    """The column of weights is needed to train, not to predict."""
    frame = quick_table()
    frame["weight"] = np.where(frame["city"] == "Jeju", 0, 1.5)
    frame.to_csv(project.path / "my.csv", index=False)
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
    done = project.kedro("run", "--pipeline=train", "--env=csv", given)

    assert done.returncode == 0, done.stdout + done.stderr
    histories = pd.read_parquet(project.path / "data/07_model_output/csv/histories.parquet")
    ends = histories[histories["epoch"] == 3].set_index("combination")["epoch_learning_rate"]
    assert ends["relu + sgd"] == pytest.approx(0.01)
    assert ends["relu + adam"] == pytest.approx(0, abs=1e-9)
    frame.drop(columns=["weight", "outcome"]).to_csv(project.path / "fresh.csv", index=False)
    scored = project.kedro(
        "run", "--pipeline=inference", "--env=csv", "--params=inference.filepath=fresh.csv"
    )
    assert scored.returncode == 0, scored.stderr
    assert len(pd.read_csv(project.path / "data/07_model_output/csv/predictions.csv")) == 120


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
