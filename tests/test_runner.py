"""Which nodes run again: on a small pipeline with real files, through Kedro's runner."""

import os
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset
from kedro_datasets.text import TextDataset

from dnn_sweep import runner
from dnn_sweep.datasets.console import ConsoleDataset
from dnn_sweep.datasets.model_json import ModelJSONDataset
from dnn_sweep.datasets.sweep_description import SweepDescriptionDataset
from dnn_sweep.runner import OutOfDateRunner


def beside(folder):
    """What the runner needs in a catalog, whatever the nodes read and write."""
    records = str(folder / "records.json")
    return {
        "params:sweep": MemoryDataset({}),
        "node_records": ModelJSONDataset(records, "dnn_sweep.runner.NodeRecords", optional=True),
    }


class Made:
    """A pipeline of four nodes, and which of them have run since it was last asked.

    ``source`` is read by ``load``, whose file ``double`` reads with a parameter and passes in
    memory to ``write``; ``say`` prints what ``write`` wrote.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._ran, self.factor = folder, [], 2
        (folder / "source.txt").write_text("3")

    def run(self, *, fails: bool = False) -> list[str]:
        def load(text):
            return {"number": int(text)}

        def double(loaded, factor):
            return loaded["number"] * factor

        def write(number):
            if fails:
                raise RuntimeError("the disk is full")
            return str(number)

        def say(text):
            return text

        inputs = {"load": ["source"], "double": ["loaded", "params:factor"], "write": ["doubled"]}
        outputs = {"load": "loaded", "double": "doubled", "write": "written", "say": "screen"}
        nodes = [
            Node(self._noting(each), inputs.get(each.__name__, ["written"]), outputs[each.__name__],
                 name=each.__name__)
            for each in (load, double, write, say)
        ]  # fmt: skip
        catalog = DataCatalog(
            {
                "source": TextDataset(filepath=str(self.folder / "source.txt")),
                "loaded": JSONDataset(filepath=str(self.folder / "loaded.json")),
                "written": TextDataset(filepath=str(self.folder / "written.txt")),
                "screen": ConsoleDataset(),
                "params:factor": MemoryDataset(self.factor),
            }
            | beside(self.folder)
        )
        self._ran.clear()
        try:
            OutOfDateRunner().run(Pipeline(nodes), catalog)
        except RuntimeError:
            self._ran.append("failed")
        return list(self._ran)

    def _noting(self, function):
        def noted(*given):
            self._ran.append(function.__name__)
            return function(*given)

        return noted

    def change(self, name: str, text: str) -> None:
        """Write a file, at another time than before."""
        path = self.folder / name
        path.write_text(text)
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))


@pytest.fixture
def made(tmp_path):
    made = Made(tmp_path)
    assert made.run() == ["load", "double", "write", "say"]
    return made


def test_where_nothing_has_changed_only_what_prints_runs(made, capsys):
    capsys.readouterr()
    assert made.run() == ["say"]
    assert capsys.readouterr().out.splitlines()[-1] == "6"


def test_a_changed_parameter_runs_the_nodes_that_depend_on_it(made):
    made.factor = 5
    assert made.run() == ["double", "write", "say"]
    assert (made.folder / "written.txt").read_text() == "15"
    assert made.run() == ["say"]


def test_a_changed_file_runs_everything_after_it(made):
    made.change("source.txt", "4")
    assert made.run() == ["load", "double", "write", "say"]
    assert (made.folder / "written.txt").read_text() == "8"


def test_a_lost_or_edited_output_is_made_again_with_what_passes_through_memory(made):
    (made.folder / "written.txt").unlink()
    assert made.run() == ["double", "write", "say"]
    made.change("written.txt", "7")
    assert made.run() == ["double", "write", "say"]
    assert (made.folder / "written.txt").read_text() == "6"


def test_a_file_that_is_read_before_it_is_written_and_after_is_no_change(tmp_path):
    ran = []

    def add(before):
        ran.append("add")
        return f"{before}+"

    def show(after):
        ran.append("show")
        return after

    def run():
        ran.clear()
        log = {"filepath": str(tmp_path / "log.txt")}
        catalog = DataCatalog(
            {
                "before": TextDataset(**log),
                "after": TextDataset(**log),
                "shown": TextDataset(filepath=str(tmp_path / "shown.txt")),
                **beside(tmp_path),
            }
        )
        nodes = [Node(add, "before", "after", name="a"), Node(show, "after", "shown", name="s")]
        OutOfDateRunner().run(Pipeline(nodes), catalog)
        return list(ran)

    (tmp_path / "log.txt").write_text("begun")
    assert run() == ["add", "show"]
    assert run() == []


def test_another_version_of_the_code_runs_everything(made, monkeypatch):
    monkeypatch.setattr(runner, "_package", lambda: "another")
    assert made.run() == ["load", "double", "write", "say"]


def test_what_a_failed_run_has_finished_does_not_run_again(made):
    made.change("source.txt", "4")
    assert made.run(fails=True) == ["load", "double", "write", "failed"]
    assert made.run() == ["double", "write", "say"]


def test_another_run_of_mlflow_gets_what_is_tracked_and_nothing_else_runs(tmp_path, monkeypatch):
    ran = []

    def track(text):
        ran.append("track")
        return text

    def keep(text):
        ran.append("keep")
        return text

    def run():
        ran.clear()
        catalog = DataCatalog(
            {
                "source": TextDataset(filepath=str(tmp_path / "source.txt")),
                "described": SweepDescriptionDataset(),
                "kept": TextDataset(filepath=str(tmp_path / "kept.txt")),
                **beside(tmp_path),
            }
        )
        nodes = [
            Node(track, "source", "described", name="t"),
            Node(keep, "source", "kept", name="k"),
        ]
        OutOfDateRunner().run(Pipeline(nodes), catalog)
        return sorted(ran)

    (tmp_path / "source.txt").write_text("1")
    assert run() == ["keep", "track"]
    assert run() == []
    monkeypatch.setattr(runner.sweep_run, "sweep_to_record", lambda: "a new run")
    assert run() == ["track"]
    assert run() == []


def test_a_changed_function_of_the_users_is_a_change_of_what_names_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    node = Node(lambda network: network, "params:network", "text", name="build")
    network = MemoryDataset({"function": "networks_of_mine:build"})
    catalog = DataCatalog({"params:network": network, "text": MemoryDataset()})

    def digest_with(source):
        (tmp_path / "networks_of_mine.py").write_text(source)
        return runner._code(node, catalog)

    before = digest_with("def build(): ...")
    assert digest_with("def build(): return 1") != before
    assert digest_with("def build(): ...") == before


@pytest.mark.parametrize("function", ["no_package.networks:build", "broken.networks:build"])
def test_a_function_that_cannot_be_found_is_left_to_the_node_that_needs_it(
    tmp_path, monkeypatch, function
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/__init__.py").write_text("1 / 0")
    node = Node(lambda network: network, "params:network", "text", name="build")
    network = MemoryDataset({"function": function})
    catalog = DataCatalog({"params:network": network, "text": MemoryDataset()})
    assert runner._code(node, catalog)


def test_a_sweep_that_starts_over_runs_whatever_is_there(tmp_path):
    ran = []
    node = Node(lambda sweep: ran.append(sweep) or "done", "params:sweep", "text", name="train")

    def run(**sweep):
        text = TextDataset(filepath=str(tmp_path / "text.txt"))
        given = beside(tmp_path) | {"params:sweep": MemoryDataset(sweep), "text": text}
        ran.clear()
        OutOfDateRunner().run(Pipeline([node]), DataCatalog(given))
        return len(ran)

    assert [run(fresh=False), run(fresh=False)] == [1, 0]
    assert [run(fresh=True), run(fresh=True)] == [1, 1]
