"""What was understood of the data, as one screen and as a page."""

from rich import box
from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from dnn_sweep.core.data.source import SourceColumn
from dnn_sweep.core.data.summary import DataSummary
from dnn_sweep.core.formatting import count, format_share
from dnn_sweep.core.reporting.pages import page_template

MOST_COLUMNS, MOST_CLASSES, MOST_WARNINGS = 8, 8, 3  # on the screen; the page has them all
LONGEST_NAME = 30


def write_data_summary(data_summary: DataSummary) -> str:
    """Write what was understood of the data as a self-contained HTML page.

    >>> write_data_summary(data_summary)[:15]
    '<!doctype html>'
    """
    return page_template("data_summary.html.j2", {"share": format_share}).render(data=data_summary)


def show_data_summary(data_summary: DataSummary, reports: str) -> Group:
    """Show on one screen what was understood of the data; ``reports`` is the folder of the page.

    >>> print(show_data_summary(data_summary, reports).renderables[-1])
    page: data/08_reporting/iris/data_summary.html
    """
    data, warnings = data_summary, data_summary.warnings
    columns = data.columns
    room = MOST_COLUMNS + 2 * max(0, MOST_WARNINGS - len(warnings))  # a warning takes two lines
    # What may have been misread first, but in the order of the source.
    heaviest = sorted(range(len(columns)), key=lambda at: _weight(columns[at]))[:room]
    shown = [columns[at] for at in sorted(heaviest)]
    parts: list[RenderableType] = [
        Rule(Text("What was understood of the data"), characters="-"),
        _facts(
            ("read", f"{data.source.how}; {_size(data)}" if data.source.how else _size(data)),
            ("columns", data.kinds),
            ("sample", data.what_a_row_is),
            ("target", f"{data.target}, {data.task}: {_values(data)}"),
            ("split", data.split_sizes),
        ),
        _table(shown),
    ]
    if more := len(data.source.columns) - sum(each.columns for each in shown):
        parts.append(Text(f"… and {count(more, 'more column')} on the page", style="dim"))
    first = enumerate(warnings[:MOST_WARNINGS], start=1)
    parts += [Text(f"{place}. {warning}", style="yellow") for place, warning in first]
    if (more := len(warnings) - MOST_WARNINGS) > 0:
        parts.append(Text(f"… and {count(more, 'more warning')} on the page", style="yellow"))
    page = Text(f"page: {reports}/data_summary.html", no_wrap=True, overflow="ignore")
    return Group(*parts, page)


def _facts(*facts: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in facts:
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def _size(data: DataSummary) -> str:
    size = f"{count(data.source.rows, 'row')}, {count(len(data.source.columns), 'column')}"
    return size if data.rows == data.source.rows else f"{size}; {data.rows:,} samples are used"


def _values(data: DataSummary) -> str:
    if data.quantiles:
        least, median, most = data.quantiles
        return f"{least:g} to {most:g}, median {median:g}"
    listed = ", ".join(f"{each.label} ({each.rows:,})" for each in data.classes[:MOST_CLASSES])
    more = len(data.classes) - MOST_CLASSES
    return listed + (f" and {more} more classes" if more > 0 else "")


def _weight(column: SourceColumn) -> int:
    suspicious = column.ambiguous or column.kind == "left out"
    return 0 if suspicious else 1 if column.kind == "target" else 2 if column.gaps else 3


def _table(columns: list[SourceColumn]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=True)
    table.add_column("column", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("gaps", justify="right", no_wrap=True)
    table.add_column("as written → as read, or why it is left out", no_wrap=True, ratio=1)
    for each in columns:
        examples = " · ".join(each.examples)
        said = [each.note, examples] if each.kind == "left out" else [examples, each.note]
        kind = f"{each.columns:,} {each.kind}" if each.columns > 1 else each.kind
        table.add_row(
            Text(each.name if len(each.name) <= LONGEST_NAME else f"{each.name[:LONGEST_NAME]}…"),
            Text(kind),
            f"{each.gaps:,}" if each.gaps else "",
            Text("; ".join(filter(None, said)), overflow="ellipsis"),
            style="yellow" if each.kind == "left out" else "",
        )
    return table
