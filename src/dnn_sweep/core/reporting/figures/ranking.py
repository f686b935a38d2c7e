"""The ranking: each combination's figure with its interval, and which ones are tied."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import count
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures.style import (
    COLOURS,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

MOST_ROWS = 60


@dataclass(frozen=True)
class Group:
    """Combinations that are drawn alike.

    Args:
        name: In the legend.
        colour: Of dot and bar.
        symbols: The dot in matplotlib and in Plotly.
    """

    name: str
    colour: str
    symbols: tuple[str, str]


BEST = Group("best", COLOURS[3], ("D", "diamond"))
TIED = Group("tied with the best", COLOURS[0], ("o", "circle"))
WORSE = Group("worse than the best", COLOURS[-1], ("o", "circle-open"))


@dataclass(frozen=True)
class Ranks:
    """What the figure shows, best first.

    Args:
        names: The combinations.
        values: Their means, shape ``(combinations,)``.
        low: Lower ends of the intervals, likewise.
        high: Upper ends of the intervals, likewise.
        groups: How each is drawn.
        limits: Ends of the axis. What lies beyond is drawn at the end, as a triangle.
        left_out: How many more combinations there are.
    """

    names: list[str]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    groups: list[Group]
    limits: tuple[float, float]
    left_out: int

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Which of them lie beyond the axis."""
        return (self.values < self.limits[0]) | (self.values > self.limits[1])

    @property
    def places(self) -> NDArray[np.float64]:
        """Where the dots are drawn: those beyond the axis just inside its end."""
        left, right = self.limits
        inset = 0.01 * (right - left)
        return np.where(self.outside, self.values.clip(left + inset, right - inset), self.values)


def ranks_of(leaderboard: pd.DataFrame, objective: Objective) -> Ranks:
    """Take the ranking from the leaderboard.

    Args:
        leaderboard: One row a combination, best first.
        objective: Which metric is shown.

    Returns:
        The sixty best, or all.
    """
    name = objective.validation_metric
    finite = leaderboard[np.isfinite(leaderboard[f"{name}_mean"].to_numpy(dtype=np.float64))]
    shown = finite.head(MOST_ROWS)
    values, low, high = (
        shown[f"{name}_{end}"].to_numpy(dtype=np.float64) for end in ("mean", "ci_low", "ci_high")
    )
    groups = [
        BEST if rank == 1 else TIED if tied else WORSE
        for rank, tied in zip(shown["rank"], shown["tied_with_best"], strict=True)
    ]
    return Ranks(
        names=[str(each) for each in shown["combination"]],
        values=values,
        low=low,
        high=high,
        groups=groups,
        limits=_limits(values, low, high, objective),
        left_out=len(leaderboard) - len(shown),
    )


def _limits(
    values: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    objective: Objective,
) -> tuple[float, float]:
    """Leave room for the better half; one that failed would press all others together."""
    if not len(values):
        return (0.0, 1.0)
    half = max(2, (len(values) + 1) // 2)
    first, last = float(np.min(low[:half])), float(np.max(high[:half]))
    room = 0.5 * (last - first)
    if objective.mode == "max":
        first = max(float(np.min(low)), first - room)
    else:
        last = min(float(np.max(high)), last + room)
    margin = 0.03 * (last - first) or 0.01
    return (first - margin, last + margin)


def _titles(ranks: Ranks, objective: Objective, champion: Champion) -> tuple[str, str]:
    shown = len(ranks.names)
    best = f"the best {shown} of " if ranks.left_out else ""
    of = best + count(shown + ranks.left_out, "combination")
    luck = "seeds and validation rows" if len(champion.seeds) > 1 else "validation rows alone"
    notes = [
        str(champion.budget),
        f"bars are {100 * champion.confidence:.0f} % intervals over {luck}",
    ]
    if ranks.outside.any():
        beyond = count(int(ranks.outside.sum()), "combination")
        notes.append(f"triangles: {beyond} beyond the axis")
    return f"Validation {objective.label} of {of}, with intervals", " · ".join(notes)


def plot_ranking(
    leaderboard: pd.DataFrame, objective: Objective, champion: Champion
) -> "go.Figure":
    """Draw each combination's mean and interval, interactively.

    Args:
        leaderboard: One row a combination, best first.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The Plotly figure; a trace for the best, one for the tied and one for the others.
    """
    import plotly.graph_objects as go

    ranks = ranks_of(leaderboard, objective)
    outside, (left, right) = ranks.outside, ranks.limits
    beyond = "triangle-left" if objective.mode == "max" else "triangle-right"
    traces = []
    for group in (BEST, TIED, WORSE):
        members = [i for i, each in enumerate(ranks.groups) if each is group]
        if not members:
            continue
        inside = ~outside[members]
        values = ranks.values[members]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": group.name,
                "x": ranks.places[members],
                "y": [plotly_text(ranks.names[i]) for i in members],
                "customdata": np.stack([values, ranks.low[members], ranks.high[members]], axis=1),
                "marker": {
                    "color": group.colour,
                    "size": 9,
                    "symbol": [group.symbols[1] if each else beyond for each in inside],
                },
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": np.where(inside, ranks.high[members] - values, 0),
                    "arrayminus": np.where(inside, values - ranks.low[members], 0),
                    "color": group.colour,
                    "thickness": 1.6,
                    "width": 0,
                },
                "hovertemplate": "%{y}: %{customdata[0]:.4g}, interval "
                "%{customdata[1]:.4g} to %{customdata[2]:.4g}<extra></extra>",
            }
        )
    figure = go.Figure(traces)
    title_plotly(
        figure, *_titles(ranks, objective, champion), height=170 + 22 * max(3, len(ranks.names))
    )
    figure.update_xaxes(title_text=f"validation {objective.label}", range=[left, right])
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[plotly_text(name) for name in ranks.names],
        range=[max(len(ranks.names), 1) - 0.3, -0.7],
        automargin=True,
        dtick=1,
    )
    figure.update_layout(
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"}
    )
    return figure


def draw_ranking(leaderboard: pd.DataFrame, objective: Objective, champion: Champion) -> "Figure":
    """Draw each combination's mean and interval as a picture.

    Args:
        leaderboard: One row a combination, best first.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The matplotlib figure.
    """
    ranks = ranks_of(leaderboard, objective)
    outside, (left, right) = ranks.outside, ranks.limits
    figure = new_figure(8, max(3.4, 1.9 + 0.21 * len(ranks.names)))
    axis = figure.subplots()
    for group in (BEST, TIED, WORSE):
        members = np.array([i for i, each in enumerate(ranks.groups) if each is group], dtype=int)
        if not len(members):
            continue
        inside = members[~outside[members]]
        values = ranks.values[inside]
        axis.errorbar(
            values,
            inside,
            xerr=np.maximum([values - ranks.low[inside], ranks.high[inside] - values], 0),
            fmt=group.symbols[0],
            color=group.colour,
            markerfacecolor="white" if group is WORSE else group.colour,
            markersize=5,
            linewidth=1.3,
            label=group.name,
        )
        away = members[outside[members]]
        symbol = "<" if objective.mode == "max" else ">"
        axis.plot(ranks.places[away], away, symbol, color=group.colour, markersize=5)
    axis.set_yticks(range(len(ranks.names)), ranks.names, fontsize=8, parse_math=False)
    axis.set_ylim(max(len(ranks.names), 1) - 0.4, -0.6)
    axis.set_xlim(left, right)
    axis.grid(axis="x", alpha=0.3, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel(f"validation {objective.label}")
    axis.legend(frameon=False, fontsize=9, loc="best")
    title_static(figure, *_titles(ranks, objective, champion))
    return figure
