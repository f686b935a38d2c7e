"""The ranking: the metric of each combination with its interval, and which ones are tied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import count, percent
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.reporting.figures import style

LEGEND = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"}


@dataclass(frozen=True)
class Group:
    """Combinations that are drawn alike."""

    name: str
    colour: str
    symbols: tuple[str, str]  # in Matplotlib and in Plotly


BEST = Group("best", style.COLOURS[3], ("D", "diamond"))
TIED = Group("tied with the best", style.COLOURS[0], ("o", "circle"))
WORSE = Group("worse than the best", style.GREY, ("o", "circle-open"))


@dataclass(frozen=True)
class RankingInfo(style.FigureInfo):
    """What the ranking shows, best first; arrays are of shape ``(combinations,)``."""

    objective: Objective
    names: list[str]
    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    groups: list[Group]
    limits: tuple[float, float]  # of the axis; what lies beyond is a triangle at its end

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

    def members(self) -> list[tuple[Group, NDArray[np.intp]]]:
        """Each group that has any combinations, with their places in the ranking."""
        found = [
            (group, np.flatnonzero([each is group for each in self.groups]))
            for group in (BEST, TIED, WORSE)
        ]
        return [(group, places) for group, places in found if len(places)]


def prepare(leaderboard: pd.DataFrame, champion: Champion) -> RankingInfo:
    """Take the sixty best combinations, or all, from the leaderboard.

    Args:
        leaderboard: One row per combination, best first.
        champion: The champion's record.
    """
    objective = objective_of(champion.task)
    name = objective.validation_metric
    finite = leaderboard[np.isfinite(leaderboard[f"{name}_mean"].to_numpy(dtype=np.float64))]
    shown = finite.head(style.MOST_SHOWN)
    values, low, high = (
        shown[f"{name}_{end}"].to_numpy(dtype=np.float64) for end in ("mean", "ci_low", "ci_high")
    )
    limits = _limits(low, high, objective)
    outside = int(((values < limits[0]) | (values > limits[1])).sum())
    best = f"the best {len(shown)} of " if len(shown) < len(leaderboard) else ""
    of = best + count(len(leaderboard), "combination")
    luck = "seeds and validation rows" if len(champion.seeds) > 1 else "validation rows alone"
    return RankingInfo(
        f"Validation {objective.label} of {of}, with intervals",
        style.subtitle(
            champion.budget,
            f"bars are {percent(champion.confidence)} intervals over {luck}",
            outside and f"triangles: {count(outside, 'combination')} beyond the axis",
        ),
        objective,
        [str(each) for each in shown["combination"]],
        values,
        low,
        high,
        [
            BEST if rank == 1 else TIED if tied else WORSE
            for rank, tied in zip(shown["rank"], shown["tied_with_best"], strict=True)
        ],
        limits,
    )


def _limits(
    low: NDArray[np.float64], high: NDArray[np.float64], objective: Objective
) -> tuple[float, float]:
    """Leave room for the better half; one that failed would press all others together."""
    if not len(low):
        return (0.0, 1.0)
    half = max(2, (len(low) + 1) // 2)
    first, last = float(np.min(low[:half])), float(np.max(high[:half]))
    room = 0.5 * (last - first)
    if objective.mode == "max":
        first = max(float(np.min(low)), first - room)
    else:
        last = min(float(np.max(high)), last + room)
    margin = 0.03 * (last - first) or 0.01
    return (first - margin, last + margin)


def plot(info: RankingInfo) -> go.Figure:
    """Draw one trace for the best, one for the tied and one for the others."""
    beyond = "triangle-left" if info.objective.mode == "max" else "triangle-right"
    traces = []
    for group, members in info.members():
        inside = ~info.outside[members]
        values, low, high = info.values[members], info.low[members], info.high[members]
        symbols = [group.symbols[1] if each else beyond for each in inside]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": group.name,
                "x": info.places[members],
                "y": [style.plotly_text(info.names[i]) for i in members],
                "customdata": np.stack([values, low, high], axis=1),
                "marker": {"color": group.colour, "size": 9, "symbol": symbols},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": np.where(inside, high - values, 0),
                    "arrayminus": np.where(inside, values - low, 0),
                    "color": group.colour,
                    "thickness": 1.6,
                    "width": 0,
                },
                "hovertemplate": "%{y}: %{customdata[0]:.4g}, interval "
                "%{customdata[1]:.4g} to %{customdata[2]:.4g}<extra></extra>",
            }
        )
    figure = go.Figure(traces)
    figure.update_xaxes(title_text=f"validation {info.objective.label}", range=info.limits)
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[style.plotly_text(name) for name in info.names],
        range=[max(len(info.names), 1) - 0.3, -0.7],
        automargin=True,
        dtick=1,
    )
    figure.update_layout(legend=LEGEND)
    return style.finish_plotly(figure, info, 170 + 22 * max(3, len(info.names)))


def draw(info: RankingInfo) -> mpl.figure.Figure:
    """Draw the ranking with Matplotlib."""
    figure = style.new_figure(8, max(3.4, 1.9 + 0.21 * len(info.names)))
    axis = figure.subplots()
    beyond = "<" if info.objective.mode == "max" else ">"
    for group, members in info.members():
        inside, away = members[~info.outside[members]], members[info.outside[members]]
        values = info.values[inside]
        axis.errorbar(
            values,
            inside,
            xerr=np.maximum([values - info.low[inside], info.high[inside] - values], 0),
            fmt=group.symbols[0],
            color=group.colour,
            markerfacecolor="white" if group is WORSE else group.colour,
            markersize=5,
            linewidth=1.3,
            label=group.name,
        )
        axis.plot(info.places[away], away, beyond, color=group.colour, markersize=5)
    axis.set_yticks(range(len(info.names)), info.names, fontsize=8, parse_math=False)
    axis.set(ylim=(max(len(info.names), 1) - 0.4, -0.6), xlim=info.limits)
    axis.set_xlabel(f"validation {info.objective.label}")
    style.style_axis(axis, grid="x")
    axis.legend(frameon=False, fontsize=9, loc="best")
    return style.finish_static(figure, info)
