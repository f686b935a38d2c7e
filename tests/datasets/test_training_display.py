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
