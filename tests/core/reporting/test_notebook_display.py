"""A training in a notebook is one bar per stage, updated in place."""

from types import SimpleNamespace

from rich.console import Console

from dnn_sweep.core.reporting import notebook_display
from dnn_sweep.core.reporting.notebook_display import NotebookDisplay


class Cell:
    """Stands for IPython's output."""

    def __init__(self):
        self.shown = []

    def display(self, content, **options):
        self.shown.append([content])
        return SimpleNamespace(update=lambda content, **_: self.shown[-1].append(content))


def test_a_stage_is_one_bar(monkeypatch):
    cell, seconds = Cell(), iter(range(0, 100, 10))
    monkeypatch.setattr("IPython.display.display", cell.display)
    monkeypatch.setattr(notebook_display, "REDRAW", 0)
    display = NotebookDisplay(Console(quiet=True), clock=lambda: next(seconds))
    trial = SimpleNamespace(id="a")

    display.start(2, 10, 0, "screening")
    display.trial_started(trial)
    display.epoch_finished(trial, 5, {})
    display.start(4, 10, 2, "finals")

    assert [len(each) for each in cell.shown] == [2, 1]
    (_, later), (finals,) = cell.shown
    assert later["text/plain"] == "screening: 0 of 2 trials, about 1 min 0 s left"
    assert '<progress value="5" max="20">' in later["text/html"]
    assert finals["text/plain"] == "finals: 2 of 4 trials"
