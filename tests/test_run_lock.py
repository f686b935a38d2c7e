"""One run at a time writes to an experiment's folders."""

import os
import subprocess
import sys

import click
import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from dnn_sweep.datasets.run_lock import RunLockDataset
from dnn_sweep.run_lock import RunLockHooks

HOLD = """
import sys, time
from dnn_sweep.datasets.run_lock import RunLockDataset
lock = RunLockDataset(sys.argv[1]).load()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def catalog(tmp_path):
    return DataCatalog({"run_lock": RunLockDataset(str(tmp_path / "digits" / ".lock"))})


@pytest.fixture
def other_run(tmp_path):
    """Another process that holds the lock of an experiment; gives the process."""
    path = tmp_path / "digits" / ".lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def pipeline_of(tag):
    return Pipeline([Node(lambda: 1, None, "rows", name="make_rows", tags=tag)])


def test_a_second_run_is_refused_until_the_first_has_ended_however(other_run, catalog):
    hooks = RunLockHooks()
    with pytest.raises(click.ClickException) as caught:
        hooks.before_pipeline_run(pipeline_of("training"), catalog)
    said = caught.value.message
    assert "another run of the experiment 'digits' is writing its outputs" in said
    assert f"(process {other_run.pid}, started 20" in said
    assert "\n" not in said
    hooks.before_pipeline_run(pipeline_of("inference"), catalog)  # writes nothing of the sweep's

    other_run.kill()
    other_run.wait()
    hooks.before_pipeline_run(pipeline_of("training"), catalog)


def test_experiments_do_not_wait_for_each_other(other_run, tmp_path):
    other = DataCatalog({"run_lock": RunLockDataset(str(tmp_path / "mnist" / ".lock"))})
    RunLockHooks().before_pipeline_run(pipeline_of("training"), other)


@pytest.mark.parametrize("end", ["after_pipeline_run", "on_pipeline_error"])
def test_a_run_frees_the_lock_well_or_not(end, catalog):
    first, second = RunLockHooks(), RunLockHooks()
    first.before_pipeline_run(pipeline_of("training"), catalog)
    with pytest.raises(click.ClickException, match=f"process {os.getpid()}"):
        second.before_pipeline_run(pipeline_of("reporting"), catalog)
    getattr(first, end)()
    second.before_pipeline_run(pipeline_of("reporting"), catalog)
    second.before_pipeline_run(
        pipeline_of("reporting"), catalog
    )  # after an interrupt in a notebook


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "digits").write_text("a file")
    catalog = DataCatalog({"run_lock": RunLockDataset(str(tmp_path / "digits" / ".lock"))})
    with pytest.raises(click.ClickException, match=r"cannot write to .*digits: "):
        RunLockHooks().before_pipeline_run(pipeline_of("training"), catalog)
