from io import StringIO

import pytest
import rich
from rich.console import Console

from dnn_sweep.core.reporting.training_display import LiveDisplay, PlainDisplay
from dnn_sweep.datasets.training_display import TrainingDisplayDataset


@pytest.mark.parametrize(("interactive", "kind"), [(True, LiveDisplay), (False, PlainDisplay)])
def test_a_terminal_gets_the_live_display_and_a_pipe_plain_lines(monkeypatch, interactive, kind):
    console = Console(force_terminal=interactive, force_interactive=interactive)
    monkeypatch.setattr(rich, "get_console", lambda: console)

    assert type(TrainingDisplayDataset().load()) is kind


def test_every_load_gives_a_display_of_its_own():
    dataset = TrainingDisplayDataset()

    assert dataset.load() is not dataset.load()


def test_with_a_file_the_live_page_is_written_there_and_its_place_is_told(tmp_path, monkeypatch):
    console = Console(file=StringIO(), force_interactive=False)
    monkeypatch.setattr(rich, "get_console", lambda: console)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "data" / "iris" / "live.html"

    with TrainingDisplayDataset(str(file)).load() as display:
        display.start(2, 3, 0)
        assert "iris: training, trials" in file.read_text()

    assert "Training has finished" in file.read_text()
    assert "live page: data/iris/live.html" in console.file.getvalue()
    assert [each.name for each in file.parent.iterdir()] == ["live.html"]
