"""Disks that are full, folders that cannot be written: told in a few lines, nothing half-done."""

import errno
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from kedro.io import DatasetError
from mlflow.exceptions import MlflowException

from dnn_sweep import failures
from dnn_sweep.core.errors import PartlyFailedError
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from tests.builders import make_plan, make_result
from tests.quick import configure


@pytest.fixture(autouse=True)
def own_project(tmp_path, monkeypatch):
    (tmp_path / "data/08_reporting").mkdir(parents=True)
    monkeypatch.setattr(failures, "PROJECT_ROOT", tmp_path)


def raised(error, cause=None):
    try:
        raise error from cause
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("cause", "help_"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (OSError(errno.EROFS, "Read-only file system"), "cannot be written"),
        (PermissionError(errno.EACCES, "Permission denied"), "cannot be written"),
        (MlflowException("(sqlite3.OperationalError) database or disk is full"), "disk is full"),
        (MlflowException("attempt to write a readonly database"), "cannot be written"),
        (MemoryError(), "memory is not enough"),
    ],
    ids=str,
)
def test_what_is_known_to_help_is_said(cause, help_, tmp_path):
    error = raised(RuntimeError("Failed while saving data to a dataset"), cause)
    error.add_note("train_trials failed")
    first, second, third, last = failures.tell(error).splitlines()
    assert first.startswith(f"train_trials failed: {type(cause).__name__}")
    assert help_ in second
    assert "the same command goes on" in third
    assert last == f"Traceback: {tmp_path / 'data/08_reporting/traceback.txt'}"
    assert "in raised" in (tmp_path / "data/08_reporting/traceback.txt").read_text()


def test_of_figures_that_failed_the_tracebacks_are_kept(tmp_path):
    group = ExceptionGroup("nodes", [raised(OSError(errno.ENOSPC, "No space left"))])
    said = failures.tell(raised(PartlyFailedError("draw_heatmap failed"), group))
    assert said.startswith("draw_heatmap failed\nThe disk is full")
    assert "No space left" in (tmp_path / "data/08_reporting/traceback.txt").read_text()


def test_a_traceback_that_cannot_be_kept_is_no_second_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(failures, "PROJECT_ROOT", tmp_path / "file")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    assert "Traceback" not in failures.tell(raised(ValueError("no")))


def test_where_the_project_cannot_be_written_each_traceback_has_a_file_of_its_own(
    tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setattr(failures, "PROJECT_ROOT", tmp_path / "file")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = {failures.tell(raised(ValueError(each))).split("Traceback: ")[1] for each in "ab"}
    assert len(kept) == 2
    for each in kept:
        assert Path(each).parent == tmp_path
        assert "ValueError" in Path(each).read_text()


def test_passwords_are_neither_told_nor_kept_and_the_folder_is_made(tmp_path):
    shutil.rmtree(tmp_path / "data")
    secret = "-".join(["not", "to", "be", "seen"])
    said = failures.tell(raised(ValueError(f"no postgresql://ann:{secret}@db.example/runs")))
    kept = (tmp_path / "data/08_reporting/traceback.txt").read_text()
    for each in said, kept:
        assert "postgresql://ann:***@db.example/runs" in each
        assert secret not in each


@contextmanager
def small_disk(folder: Path, kilobytes: int):
    """A file system of this size, where root may mount one."""
    folder.mkdir()
    mount = shutil.which("mount")
    size = f"size={kilobytes}k"
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, check=False
    )
    if not made or made.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_leaves_whole_trials_and_nothing_else(tmp_path):
    (trial,) = make_plan().trials
    trials = [trial.model_copy(update={"seed": seed}) for seed in range(20)]
    outputs = np.random.default_rng(0).normal(size=(40, 3))
    with small_disk(tmp_path / "disk", 150) as disk:
        store = TrialStoreDataset(str(disk / "trials"))
        saved = []
        with pytest.raises(DatasetError, match="No space left"):
            for each in trials:
                store.save(make_result(each, outputs))
                saved.append(each.id)
        assert saved
        assert sorted(store.load()) == sorted(saved)
        assert len(list((disk / "trials").iterdir())) == len(saved)  # no drafts


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_told_without_a_traceback(project):
    configure(project)
    (project.path / "data/02_intermediate/digits").mkdir()
    (project.path / "data/02_intermediate/digits/table.parquet").mkdir()
    done = project.kedro("run", "--pipeline=ingestion", cold=True)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" not in done.stdout + done.stderr
    error = done.stderr[done.stderr.index("Error: ") :].splitlines()
    assert error[0].startswith("Error: validate_source failed: ")
    assert error[-1].startswith("Traceback: ")
    assert len(error) <= 4
