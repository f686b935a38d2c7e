from io import StringIO

import pytest
import rich
from rich.console import Console
from rich.table import Table

from dnn_sweep.datasets.console import ConsoleDataset


@pytest.fixture
def stream(monkeypatch):
    stream = StringIO()
    console = Console(file=stream, width=40, color_system=None)
    monkeypatch.setattr(rich, "get_console", lambda: console)
    return stream


def test_a_renderable_is_printed_to_richs_console(stream):
    table = Table("combination")
    table.add_row("relu + adam")

    ConsoleDataset().save(table)

    assert "relu + adam" in stream.getvalue()


def test_text_is_printed_as_it_is(stream):
    ConsoleDataset().save("[bold]grid.only[/bold] 0.5")

    assert stream.getvalue() == "[bold]grid.only[/bold] 0.5\n"
