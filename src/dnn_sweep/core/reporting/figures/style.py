"""What the figures share: colours that colour-blind readers can tell apart, and titles."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

# Okabe and Ito's palette, without its yellow (too pale on white) and with grey for its black
# (which disappears on a dark page).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7F7F7F")

# From the eighth line on the colours come back with a marker.
MARKERS: tuple[tuple[str, str], ...] = (
    ("", ""),
    ("o", "circle"),
    ("s", "square"),
    ("^", "triangle-up"),
)

VALUE_SCALE = "cividis"
COUNT_SCALE = "Blues"


def colour_of(index: int) -> str:
    """The colour of the line with this index."""
    return COLOURS[index % len(COLOURS)]


def marker_of(index: int) -> tuple[str, str]:
    """The marker of the line with this index: matplotlib's name and Plotly's; empty for none."""
    return MARKERS[index // len(COLOURS) % len(MARKERS)]


# What a reader can tell apart at once: a colour each.
SHOWN_AT_FIRST = len(COLOURS)


def pale(colour: str, alpha: float) -> str:
    """A colour such as ``#0072B2``, see-through, as Plotly spells it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def visible_at_first(index: int) -> bool | str:
    """Whether the line with this index is drawn before the reader chooses: Plotly's ``visible``."""
    return True if index < SHOWN_AT_FIRST else "legendonly"


def plotly_text(text: object) -> str:
    """Escape what Plotly would read as markup: names and labels come from the user."""
    return escape(str(text), quote=False)


def title_plotly(figure: "go.Figure", title: str, subtitle: str, *, height: int) -> None:
    """Give a Plotly figure its look, its title and a line on what the title rests on.

    Args:
        figure: The figure; changed in place.
        title: What is shown.
        subtitle: Budget, rows, how to read it.
        height: In pixels.
    """
    figure.update_layout(
        template="plotly_white",
        title={"text": plotly_text(title), "subtitle": {"text": plotly_text(subtitle)}},
        height=height,
        margin={"t": 100, "l": 70, "r": 30, "b": 60},
    )


def new_figure(width: float, height: float) -> "Figure":
    """Make a matplotlib figure outside pyplot, so that no window system is asked for.

    Args:
        width: In inches.
        height: In inches.
    """
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=130, layout="constrained")


def title_static(figure: "Figure", title: str, subtitle: str) -> None:
    """Give a matplotlib figure its title and, in small print, what the title rests on.

    Long lines are broken at the figure's width; ``$`` is text, not mathematics.

    Args:
        figure: The figure; changed in place.
        title: What is shown.
        subtitle: Budget, rows, how to read it.
    """
    from textwrap import fill

    inches = figure.get_figwidth()
    figure.suptitle(
        fill(title, int(inches * 9.5)),
        fontsize=12,
        fontweight="bold",
        x=0.01,
        ha="left",
        parse_math=False,
    )
    # A label of the whole figure, because the layout keeps room for it, as it does not for text.
    figure.supxlabel(
        fill(subtitle, int(inches * 14)),
        fontsize=8,
        color="#555555",
        x=0.01,
        ha="left",
        parse_math=False,
    )
