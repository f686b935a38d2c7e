"""A project's folder that is moved or copied keeps its runs and its registered models."""

import shutil
import sqlite3

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from dnn_sweep.datasets.moved_store import PATHS, follow_move
from tests.stores import make_store, use_store


def double(model_input: list[int]) -> list[int]:
    return [2 * each for each in model_input]


@pytest.fixture
def before(tmp_path, empty_store):
    """A project's folder with a run, an artifact and a registered model."""
    folder = tmp_path / "my project"
    folder.mkdir()
    make_store(folder, empty_store, "dnn_sweep/iris")
    with mlflow.start_run():
        mlflow.log_text("of the sweep", "note.txt")
        made = mlflow.pyfunc.log_model(
            name="double", python_model=double, pip_requirements=[], registered_model_name="double"
        )
    MlflowClient().set_registered_model_alias("double", "champion", made.registered_model_version)
    return folder


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_its_models_and_artifacts_are_found_where_they_are_now(before, move, tmp_path):
    after = tmp_path / "renamed, project"
    move(before, after)
    if before.exists():  # a copy must not need the original
        (before / "mlruns").rename(tmp_path / "elsewhere")
    address = f"sqlite:///{after / 'mlflow.db'}"
    follow_move(address, after / "mlruns")

    use_store(address)
    assert mlflow.pyfunc.load_model("models:/double@champion").predict([3]) == [6]
    mlflow.set_experiment("dnn_sweep/iris")
    (run,) = mlflow.search_runs(output_format="list")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/note.txt") == "of the sweep"
    with mlflow.start_run() as new:
        mlflow.log_text("new", "new.txt")
    assert (after / "mlruns" / new.info.run_id / "artifacts" / "new.txt").read_text() == "new"
    assert not (before / "mlruns").exists()
    with sqlite3.connect(after / "mlflow.db") as store:
        for table, column in PATHS:
            found = store.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608
            assert not [each for each in found if "my%20project" in each[0]]


def test_a_store_elsewhere_or_that_was_not_moved_is_left_alone(tmp_path, empty_store):
    address = make_store(tmp_path, empty_store, "dnn_sweep/iris")
    content = (tmp_path / "mlflow.db").read_bytes()
    follow_move(address, tmp_path / "another" / "mlruns")
    follow_move(address, tmp_path / "mlruns")
    assert (tmp_path / "mlflow.db").read_bytes() == content


@pytest.mark.parametrize(
    "place", ["s3://bucket/team/mlruns", "/elsewhere/big/mlruns", "file:///elsewhere/big/mlruns"]
)
def test_what_was_never_in_the_project_stays_where_it_is(place, tmp_path, empty_store):
    address = make_store(tmp_path, empty_store, "dnn_sweep/iris")
    with mlflow.start_run() as run:
        mlflow.log_text("another experiment's", "note.txt")
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        store.execute("UPDATE experiments SET artifact_location = ?", (place,))
        store.execute("UPDATE runs SET artifact_uri = ?", (f"{place}/{run.info.run_id}/artifacts",))
    if not place.startswith("s3"):
        shutil.rmtree(tmp_path / "mlruns" / run.info.run_id)
    follow_move(address, tmp_path / "mlruns")
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        (location,) = store.execute("SELECT DISTINCT artifact_location FROM experiments").fetchone()
        (uri,) = store.execute("SELECT artifact_uri FROM runs").fetchone()
    assert location == place
    assert uri.startswith(f"{place}/")


def test_a_file_that_is_no_database_is_left_to_mlflow(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database" * 100)
    follow_move(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "mlruns")
