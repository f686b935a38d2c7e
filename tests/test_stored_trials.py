"""What a run says and does when a stored trial is damaged, or when another run goes on."""

import pytest

from dnn_sweep.datasets.file_lock import FileLock
from tests.quick import configure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(new_project):
    """A project whose four trials were trained."""
    project = new_project()
    configure(project, training={"epochs": 1, "seeds": [0, 1]})
    done = train(project)
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def train(project, *options):
    return project.kedro("run", "--pipeline=train", "--to-nodes=train_trials", *options)


def files_of(project):
    return sorted((project.path / "data/06_models/trials").glob("*/status.json"))


def test_a_second_run_in_the_experiment_is_refused_in_a_line(trained):
    lock = FileLock(trained.path / "data/06_models/digits/.lock")
    assert lock.acquire("process 4711, started just now")
    done = train(trained)
    lock.release()

    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert "another run of the experiment 'digits' is writing its outputs" in said[0]
    assert "(process 4711, started just now)" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stdout + done.stderr


def test_a_damaged_trial_is_named_and_trained_again(trained):
    files = files_of(trained)
    damaged, *sound = files
    before = {file: file.stat().st_mtime_ns for file in files}
    damaged.write_bytes(damaged.read_bytes()[:500])
    done = train(trained)

    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert said.count(f"the trial {damaged.parent.name} is damaged and counts as absent") == 1
    assert "3 of 4" in said
    assert files_of(trained) == files
    assert damaged.stat().st_size > 1000
    assert all(file.stat().st_mtime_ns == before[file] for file in sound)
