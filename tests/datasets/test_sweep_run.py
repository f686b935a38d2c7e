import subprocess

import mlflow
import pytest
from kedro.framework.session.session import _describe_git

from dnn_sweep.datasets.sweep_run import RecordedSession, tag_revision


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()

    def git(*arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
        subprocess.run(["git", "-C", folder, *identity, *arguments], check=True)

    git("init", "-q")
    (folder / "code.py").write_text("1")
    git("add", ".")
    git("commit", "-qm", "first")
    return folder


@pytest.fixture
def session():
    yield RecordedSession(path="", session_id="")
    RecordedSession.latest = None


def tags_of_a_run(**tags):
    with mlflow.start_run(tags=tags) as run:
        tag_revision()
    return mlflow.get_run(run.info.run_id).data.tags


@pytest.mark.usefixtures("mlflow_store")
def test_the_sweeps_run_has_kedros_commit_and_whether_files_differ_from_it(checkout, session):
    session.update(_describe_git(checkout))  # as `KedroSession.create` does
    clean = tags_of_a_run()
    (checkout / "code.py").write_text("2")
    session.update(_describe_git(checkout))
    changed = tags_of_a_run()

    head = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    for tags in (clean, changed):
        assert len(tags["mlflow.source.git.commit"]) >= 4
        assert head.startswith(tags["mlflow.source.git.commit"])
    assert clean["git_changed"] == "false"
    assert changed["git_changed"] == "true"


@pytest.mark.usefixtures("mlflow_store")
@pytest.mark.parametrize(("own", "kept"), [("c0ffee42", "c0ffee42"), ("badcafe0", "c0ffee")])
def test_mlflows_own_commit_stays_only_if_it_is_the_same_in_full(session, own, kept):
    session["git"] = {"commit_sha": "c0ffee", "dirty": False}

    assert tags_of_a_run(**{"mlflow.source.git.commit": own})["mlflow.source.git.commit"] == kept


@pytest.mark.usefixtures("mlflow_store")
def test_without_git_there_is_no_tag_and_without_a_run_none_is_started(session):
    assert "git_changed" not in tags_of_a_run()
    session["git"] = {"commit_sha": "c0ffee", "dirty": False}
    tag_revision()
    assert mlflow.active_run() is None
