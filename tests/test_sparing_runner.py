"""What a figure that fails costs: a small pipeline with real files, through the runners."""

import os
import signal
from contextlib import suppress

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.text import TextDataset

from dnn_sweep.core.errors import PartlyFailedError
from dnn_sweep.core.missing import FOR_READERS, Missing
from dnn_sweep.core.training.interrupts import Interrupts, Stop
from dnn_sweep.runner import OutOfDateRunner
from dnn_sweep.sparing_runner import SparingRunner
from tests.test_runner import beside


def sketch(text):
    if text == "none":
        raise KeyError("relu")
    return f"a picture of {text}"


def write(**figures):
    return "\n".join(f"{name}: {figure}" for name, figure in sorted(figures.items()))


NODES = [
    Node(sketch, "first", "first_figure", name="sketch_first", tags=FOR_READERS),
    Node(sketch, "second", "second_figure", name="sketch_second", tags=FOR_READERS),
    Node(
        write,
        inputs={"first": "first_figure", "second": "second_figure"},
        outputs="report",
        name="write",
        tags=FOR_READERS,
    ),
]


@pytest.fixture
def run(tmp_path):
    def run(runner, first, nodes=NODES):
        (tmp_path / "first.txt").write_text(first)
        (tmp_path / "second.txt").write_text("b")
        files = {
            name: TextDataset(filepath=str(tmp_path / f"{name}.txt"))
            for name in ("first", "second", "first_figure", "second_figure", "report")
        }
        runner().run(Pipeline(nodes), DataCatalog(beside(tmp_path) | files))
        return (tmp_path / "report.txt").read_text()

    return run


def test_a_figure_that_fails_costs_itself_and_is_told_in_the_report_and_at_the_end(run, tmp_path):
    with pytest.raises(PartlyFailedError) as told:
        run(SparingRunner, "none")
    first, second = (tmp_path / "report.txt").read_text().splitlines()
    assert first.startswith("first: sketch_first failed: KeyError: 'relu' (test_sparing_runner.py")
    assert second == "second: a picture of b"
    assert str(told.value).startswith("sketch_first failed: KeyError: 'relu'")
    assert "Run the same command again" in str(told.value)
    (cause,) = told.value.__cause__.exceptions
    assert isinstance(cause, KeyError)


def test_what_is_for_no_reader_still_ends_the_run(run, tmp_path):
    broken = Node(sketch, "first", "trained", name="train")
    after = Node(write, inputs={"trained": "trained"}, outputs="report", name="write")
    with pytest.raises(KeyError, match="relu") as error:
        run(SparingRunner, "none", [broken, after])
    assert error.value.__notes__ == ["train failed"]
    assert not (tmp_path / "report.txt").exists()


def test_a_node_that_cannot_do_without_is_left_out(tmp_path):
    nodes = [
        Node(sketch, "first", "table", name="tabulate", tags=FOR_READERS),
        Node(len, "table", "size", name="measure", tags=FOR_READERS),
        Node(sketch, "second", "other", name="sketch"),
    ]
    catalog = DataCatalog({"first": MemoryDataset("none"), "second": MemoryDataset("b")})
    catalog["other"] = TextDataset(filepath=str(tmp_path / "other.txt"))
    with pytest.raises(PartlyFailedError, match="tabulate") as told:
        SparingRunner().run(Pipeline(nodes), catalog)
    assert "measure" not in str(told.value)
    assert (tmp_path / "other.txt").read_text() == "a picture of b"


def test_a_figure_that_cannot_be_saved_is_missing_as_well(run, tmp_path):
    (tmp_path / "first_figure.txt").mkdir()
    with pytest.raises(PartlyFailedError, match="IsADirectoryError"):
        run(SparingRunner, "a")
    assert "second: a picture of b" in (tmp_path / "report.txt").read_text()


def test_a_figure_that_failed_runs_again_and_so_does_the_report(run):
    assert "first: a picture of a" in run(OutOfDateRunner, "a")
    with pytest.raises(PartlyFailedError):
        run(OutOfDateRunner, "none")
    with pytest.raises(PartlyFailedError):  # the status tells as long as it is missing
        run(OutOfDateRunner, "none")
    assert "first: a picture of a" in run(OutOfDateRunner, "a")


def test_what_is_missing_says_what_failed():
    assert str(Missing("draw", "KeyError: 'relu'")) == "draw failed: KeyError: 'relu'"


def test_a_stop_that_a_library_swallowed_ends_the_run_before_the_next_node(run, tmp_path):
    def sketch_on(text):
        with suppress(BaseException):  # as fsspec does while it looks for a file
            os.kill(os.getpid(), signal.SIGTERM)
        return text

    swallowing = Node(sketch_on, "first", "first_figure", name="sketch_first", tags=FOR_READERS)
    with pytest.raises(Stop, match="SIGTERM"), Interrupts().listening():
        run(SparingRunner, "a", [swallowing, *NODES[1:]])
    assert (tmp_path / "first_figure.txt").read_text() == "a"
    assert not (tmp_path / "second_figure.txt").exists()
