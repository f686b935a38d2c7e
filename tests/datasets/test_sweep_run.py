import subprocess

import pytest
from kedro.framework.session.session import _describe_git

from dnn_sweep.datasets import sweep_run
from dnn_sweep.datasets.session_store import RecordedSession
from dnn_sweep.datasets.sweep_run import revision_tags


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


def test_the_sweeps_run_has_kedros_commit_and_whether_files_differ_from_it(checkout, session):
    session.update(_describe_git(checkout))  # as `KedroSession.create` does
    clean = revision_tags()
    (checkout / "code.py").write_text("2")
    session.update(_describe_git(checkout))
    changed = revision_tags()

    head = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout
    for tags in (clean, changed):
        assert len(tags["mlflow.source.git.commit"]) >= 4
        assert head.startswith(tags["mlflow.source.git.commit"])
    assert clean["git_changed"] == "false"
    assert changed["git_changed"] == "true"


@pytest.mark.parametrize(("own", "kept"), [("c0ffee42", "c0ffee42"), ("badcafe0", "c0ffee")])
def test_mlflows_own_commit_stays_only_if_it_is_the_same_in_full(session, monkeypatch, own, kept):
    session["git"] = {"commit_sha": "c0ffee", "dirty": False}
    monkeypatch.setattr(sweep_run, "resolve_tags", lambda: {"mlflow.source.git.commit": own})

    assert revision_tags()["mlflow.source.git.commit"] == kept


def test_without_git_there_is_no_tag(session):
    assert "git_changed" not in revision_tags()
