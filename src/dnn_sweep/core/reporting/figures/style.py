"""What the figures share: titles, colours that colour-blind readers can tell apart, axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil
from textwrap import fill
from typing import Any

from dnn_sweep.core.lazy import go, mpl

# Okabe and Ito's palette, without its yellow (too pale on white) and with grey for its black
# (which disappears on a dark page).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F")
GREY = COLOURS[-1]
# From the eighth line on the colours come back with a marker: Matplotlib's and Plotly's names.
MARKERS = (("", ""), ("o", "circle"), ("s", "square"), ("^", "triangle-up"))
SHOWN_AT_FIRST = len(COLOURS)  # what a reader can tell apart at once: one colour each
MOST_SHOWN = 60  # combinations in one figure
PANEL_COLUMNS = 3
LEGEND_BELOW = {"orientation": "h", "yanchor": "top"}


@dataclass(frozen=True)
class FigureInfo:
    """What every figure shows; alone, these titles say why there is nothing to draw."""

    title: str
    subtitle: str  # what the title rests on and how to read the figure


def subtitle(*notes: object) -> str:
    """Join notes on a figure; those that are empty are left out."""
    return " · ".join(str(note) for note in notes if note)


def colour_of(index: int) -> str:
    """Return the colour of the line with this index."""
    return COLOURS[index % len(COLOURS)]


def marker_of(index: int) -> tuple[str, str]:
    """Return the marker of the line with this index in Matplotlib and Plotly; empty for none."""
    return MARKERS[index // len(COLOURS) % len(MARKERS)]


def panel_grid(panels: int) -> tuple[int, int]:
    """Return the rows and columns that so many panels take."""
    columns = min(PANEL_COLUMNS, panels)
    return ceil(panels / columns), columns


# ---- Plotly ------------------------------------------------------------------------------------
def plotly_text(text: object) -> str:
    """Escape what Plotly would read as markup: names and labels come from the user."""
    return escape(str(text), quote=False)


def scatter(name: str, hover: str, /, *meta: str, **look: Any) -> dict[str, Any]:
    """Describe a trace; its hover text, if any, may use ``%{meta[0]}``."""
    return {
        "type": "scatter",
        "name": plotly_text(name),
        "legendgroup": plotly_text(name),
        "meta": [plotly_text(each) for each in meta],
        "hovertemplate": f"{hover}<extra></extra>" if hover else None,
        **look,
    }


def visible_at_first(index: int) -> bool | str:
    """Return Plotly's ``visible`` of the line with this index: the first seven are drawn."""
    return True if index < SHOWN_AT_FIRST else "legendonly"


def plot_cells(
    rows: Sequence[str], columns: Sequence[str], titles: tuple[str, str], scale: str, **look: Any
) -> go.Figure:
    """Make a heatmap, its first row on top; the titles are those of the rows and the scale."""
    y, x = ([plotly_text(name) for name in names] for names in (rows, columns))
    bar = {"title": {"text": scale, "side": "right"}, "thickness": 12}
    figure = go.Figure(go.Heatmap(x=x, y=y, colorbar=bar, **look))
    # Categories, so that no name is read as a number or a date.
    axis = {"type": "category", "showgrid": False}
    figure.update_xaxes(axis, title_text=titles[1])
    return figure.update_yaxes(axis, title_text=titles[0], autorange="reversed")


def finish_plotly(figure: go.Figure, info: FigureInfo, height: int, **layout: Any) -> go.Figure:
    """Give a Plotly figure its look, its titles and its height in pixels."""
    title, notes = plotly_text(info.title), plotly_text(info.subtitle)
    return figure.update_layout(
        template="plotly_white",
        title={"text": title, "subtitle": {"text": notes}},
        height=height,
        margin={"t": 100, "l": 70, "r": 30, "b": 60},
        **layout,
    )


# ---- Matplotlib --------------------------------------------------------------------------------
def new_figure(width: float, height: float) -> mpl.figure.Figure:
    """Make a figure (sizes in inches) without pyplot, which would look for a window system."""
    return mpl.figure.Figure(figsize=(width, height), dpi=130, layout="constrained")


def finish_static(figure: mpl.figure.Figure, info: FigureInfo) -> mpl.figure.Figure:
    """Give a Matplotlib figure its title and, in small print, what the title rests on."""
    inches = figure.get_figwidth()
    left: dict[str, Any] = {"x": 0.01, "ha": "left", "parse_math": False}
    figure.suptitle(fill(info.title, int(inches * 9.5)), fontsize=12, fontweight="bold", **left)
    # A label of the whole figure, because the layout keeps room for it, as it does not for text.
    figure.supxlabel(fill(info.subtitle, int(inches * 14)), fontsize=8, color="#555555", **left)
    return figure


def style_axis(axis: mpl.axes.Axes, grid: Any = "both") -> None:
    """Draw a faint grid and no frame on the top and right."""
    axis.grid(axis=grid, alpha=0.3, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def draw_panels(
    figure: mpl.figure.Figure, titles: Sequence[str], **shared: Any
) -> list[mpl.axes.Axes]:
    """Make one panel per title, with the axes ``shared`` (``sharex``, ``sharey``)."""
    rows, columns = panel_grid(len(titles))
    axes = list(figure.subplots(rows, columns, squeeze=False, **shared).flatten())
    for axis in axes[len(titles) :]:
        axis.set_visible(False)
    for axis, title in zip(axes, titles, strict=False):
        axis.set_title(title, fontsize=10, parse_math=False)
        style_axis(axis)
    return axes[: len(titles)]


def label_cells(
    axis: mpl.axes.Axes, rows: Sequence[str], columns: Sequence[str], titles: tuple[str, str]
) -> None:
    """Name the rows and columns of an image; ``$`` is text, not mathematics."""
    axis.set_xticks(range(len(columns)), columns, parse_math=False)
    axis.set_yticks(range(len(rows)), rows, parse_math=False)
    axis.set(ylabel=titles[0], xlabel=titles[1])
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)


def outside_legend(figure: mpl.figure.Figure, handles: Iterable[Any], labels: list[str]) -> None:
    """Put a legend to the right of all panels."""
    texts = [label.replace("$", r"\$") for label in labels]
    figure.legend(list(handles), texts, loc="outside right center", frameon=False, fontsize=9)
