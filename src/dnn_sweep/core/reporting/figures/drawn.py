"""A figure that is drawn twice."""

from typing import Any, NamedTuple


class Drawn(NamedTuple):
    """A figure as Plotly and as Matplotlib draw it.

    Args:
        interactive: A ``plotly.graph_objects.Figure``.
        still: A ``matplotlib.figure.Figure``; ``None`` where only the other was loaded.
    """

    interactive: Any
    still: Any = None
