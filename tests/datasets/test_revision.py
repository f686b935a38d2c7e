import subprocess

import mlflow
import pytest
from kedro.io import DatasetError

from dnn_sweep.datasets.revision import RevisionDataset
from dnn_sweep.datasets.run_tags import RunTagsDataset
from dnn_sweep.pipelines.training.nodes import record_revision


@pytest.fixture
def checkout(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
        subprocess.run(["git", "-C", tmp_path, *identity, *arguments], check=True)

    git("init", "-q")
    (tmp_path / "code.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "first")
    return tmp_path


def test_a_checkout_has_a_commit_and_says_whether_it_was_changed(checkout):
    revision = RevisionDataset(folder=str(checkout))
    clean = revision.load()
    (checkout / "data.csv").write_text("untracked files are no change of the code")
    untracked = revision.load()
    (checkout / "code.py").write_text("2")

    assert len(clean["commit"]) == 40
    assert clean["changed"] == untracked["changed"] == "false"
    assert revision.load() == {"commit": clean["commit"], "changed": "true"}


def test_where_there_is_no_git_there_is_no_revision(checkout, tmp_path_factory, monkeypatch):
    assert RevisionDataset(folder=str(tmp_path_factory.mktemp("plain"))).load() == {}
    monkeypatch.setenv("PATH", "")
    assert RevisionDataset(folder=str(checkout)).load() == {}


@pytest.mark.usefixtures("mlflow_store")
def test_the_sweeps_run_carries_the_revision():
    with mlflow.start_run() as run:
        RunTagsDataset().save(record_revision({"commit": "c0ffee", "changed": "true"}))
    tags = mlflow.get_run(run.info.run_id).data.tags
    assert tags["mlflow.source.git.commit"] == "c0ffee"
    assert tags["git_changed"] == "true"


@pytest.mark.usefixtures("mlflow_store")
def test_without_a_run_no_tag_is_set_and_no_run_is_started():
    RunTagsDataset().save({"mlflow.source.git.commit": "c0ffee"})
    assert mlflow.active_run() is None


def test_neither_is_read_or_written_the_wrong_way():
    with pytest.raises(DatasetError, match="read from git"):
        RevisionDataset(folder=".").save({})
    with pytest.raises(DatasetError, match="read in MLflow"):
        RunTagsDataset().load()
