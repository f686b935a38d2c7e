"""Curves by learning rate: what the screening saw, and which rate it chose."""

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import TIMES
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures.rate_curves import RateCurve, describe_screening, rate_curves
from dnn_sweep.core.reporting.figures.style import (
    colour_of,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

PANEL_COLUMNS = 3
MOST_TICKS = 6
NOT_SCREENED = (
    "No screening: the learning rates were fixed",
    "each combination ran at the one rate that the leaderboard lists",
)
# How the chosen rate is drawn, by the edge of the tried rates that it lies on.
CHOSEN = {"": ("o", "circle"), "low": ("<", "triangle-left"), "high": (">", "triangle-right")}


def _limits(curves: list[RateCurve], objective: Objective) -> tuple[float, float]:
    """Ends of the value axis; an error that ran away does not flatten the rest."""
    values = np.concatenate([curve.values for curve in curves])
    values = values[np.isfinite(values)]
    if not len(values):
        return (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if objective.mode == "min":
        high = min(high, 2 * float(np.quantile(values, 0.75)))
    room = 0.06 * (high - low) or 0.05
    return (low - room, high + room)


def _titles(
    screening: pd.DataFrame, curves: list[RateCurve], objective: Objective
) -> tuple[str, str]:
    notes = [describe_screening(screening), "filled: the rate that went into the finals"]
    if any(curve.edge for curve in curves):
        notes.append("triangle: it lies on the edge of what was tried")
    if any(np.isnan(curve.values).any() for curve in curves):
        notes.append(f"{TIMES} at the bottom or top: diverged")
    return f"Validation {objective.label} by learning rate", " · ".join(notes)


def _ticks(curves: list[RateCurve], panel: str) -> list[float]:
    """The rates that were tried with an optimizer; every other one where they are many."""
    tried = sorted({float(f"{r:.3g}") for c in curves if c.optimizer == panel for r in c.rates})
    return tried[:: len(tried) // MOST_TICKS + 1]


def _diverged_at(
    curve: RateCurve, limits: tuple[float, float], objective: Objective
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rates that diverged, at the axis's worse end."""
    gone = curve.rates[np.isnan(curve.values)]
    inset = 0.03 * (limits[1] - limits[0])
    worse = limits[0] + inset if objective.mode == "max" else limits[1] - inset
    return gone, np.full(len(gone), worse)


def plot_learning_rates(
    screening: pd.DataFrame, objective: Objective, champion: Champion
) -> "go.Figure":
    """Draw the screening, a panel an optimizer and a line a combination, interactively.

    Args:
        screening: One row a screened trial: ``combination``, ``activation``, ``optimizer``,
            ``learning_rate``, ``seed``, ``epochs``, the validation objective, ``diverged``,
            ``chosen`` and ``edge``.
        objective: Which metric is shown.
        champion: The champion's record; its line is thicker.

    Returns:
        The Plotly figure; only words where nothing was screened.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    if screening.empty:
        figure = go.Figure()
        title_plotly(figure, *NOT_SCREENED, height=200)
        return figure
    curves = rate_curves(screening, objective)
    limits = _limits(curves, objective)
    panels = list(dict.fromkeys(curve.optimizer for curve in curves))
    activations = list(dict.fromkeys(curve.activation for curve in curves))
    columns = min(PANEL_COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes="all",
        subplot_titles=[plotly_text(name) for name in panels],
        horizontal_spacing=0.04,
        vertical_spacing=0.3 / rows,
    )
    traces, places = [], []
    named: set[str] = set()
    for curve in curves:
        place = panels.index(curve.optimizer)
        colour = colour_of(activations.index(curve.activation))
        symbols = ["circle-open"] * len(curve.rates)
        if curve.chosen is not None:
            symbols[curve.chosen] = CHOSEN[curve.edge][1]
        name = plotly_text(curve.activation)
        shared = {"type": "scatter", "name": name, "legendgroup": name}
        cells = [
            shared
            | {
                "x": curve.rates,
                "y": curve.values,
                "mode": "lines+markers",
                "line": {
                    "color": colour,
                    "width": 3 if curve.combination == champion.combination else 1.6,
                },
                "marker": {"symbol": symbols, "size": 9},
                "showlegend": name not in named,
                "meta": [plotly_text(curve.combination)],
                "hovertemplate": "%{meta[0]}<br>learning rate %{x:.3g}: %{y:.4g}<extra></extra>",
            }
        ]
        named.add(name)
        gone, at = _diverged_at(curve, limits, objective)
        if len(gone):
            cells.append(
                shared
                | {
                    "x": gone,
                    "y": at,
                    "mode": "markers",
                    "marker": {"symbol": "x", "size": 9, "color": colour},
                    "showlegend": False,
                    "cliponaxis": False,
                    "meta": [plotly_text(curve.combination)],
                    "hovertemplate": "%{meta[0]}<br>learning rate %{x:.3g}: diverged"
                    "<extra></extra>",
                }
            )
        traces += cells
        places += [place] * len(cells)
    figure.add_traces(
        traces,
        rows=[place // columns + 1 for place in places],
        cols=[place % columns + 1 for place in places],
    )
    title_plotly(
        figure,
        *_titles(screening, curves, objective),
        height=420 if rows == 1 else 160 + 240 * rows,
    )
    for place, panel in enumerate(panels):
        rates = _ticks(curves, panel)
        figure.update_xaxes(
            type="log",
            tickvals=rates,
            ticktext=[f"{rate:.2g}" for rate in rates],
            tickangle=0,
            row=place // columns + 1,
            col=place % columns + 1,
        )
    figure.update_xaxes(title_text="learning rate", row=rows)
    figure.update_yaxes(range=limits)
    figure.update_yaxes(title_text=f"validation {objective.label}", col=1)
    figure.update_layout(
        legend={"orientation": "h", "y": -0.28 if rows == 1 else -0.3 / rows, "yanchor": "top"},
        hovermode="closest",
    )
    return figure


def draw_learning_rates(
    screening: pd.DataFrame, objective: Objective, champion: Champion
) -> "Figure":
    """Draw the screening, a panel an optimizer and a line a combination, as a picture.

    Args:
        screening: As for `plot_learning_rates`.
        objective: Which metric is shown.
        champion: The champion's record; its line is thicker.

    Returns:
        The matplotlib figure.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import NullLocator

    if screening.empty:
        figure = new_figure(7, 1.6)
        title_static(figure, *NOT_SCREENED)
        return figure
    curves = rate_curves(screening, objective)
    limits = _limits(curves, objective)
    panels = list(dict.fromkeys(curve.optimizer for curve in curves))
    activations = list(dict.fromkeys(curve.activation for curve in curves))
    columns = min(PANEL_COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    figure = new_figure(max(7.0, 3.4 * columns), 1.4 + 2.6 * rows)
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).flatten()
    for axis, panel in zip(axes, panels, strict=False):
        axis.set_title(panel, fontsize=10, parse_math=False)
        axis.set_xscale("log")
        axis.xaxis.set_minor_locator(NullLocator())
        rates = _ticks(curves, panel)
        axis.set_xticks(rates, [f"{rate:.2g}" for rate in rates], fontsize=8)
        axis.grid(alpha=0.3, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlabel("learning rate")
        for curve in (each for each in curves if each.optimizer == panel):
            colour = colour_of(activations.index(curve.activation))
            best = curve.combination == champion.combination
            axis.plot(
                curve.rates,
                curve.values,
                "o-",
                color=colour,
                markerfacecolor="white",
                markersize=5,
                linewidth=2.4 if best else 1.3,
            )
            if curve.chosen is not None:
                axis.plot(
                    curve.rates[curve.chosen],
                    curve.values[curve.chosen],
                    CHOSEN[curve.edge][0],
                    color=colour,
                    markersize=8,
                )
            gone, at = _diverged_at(curve, limits, objective)
            if len(gone):  # a line of no points that is not clipped would confuse the layout
                axis.plot(gone, at, "x", color=colour, clip_on=False)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    axes[0].set_ylim(*limits)
    for axis in axes[::columns]:
        axis.set_ylabel(f"validation {objective.label}")
    figure.legend(
        [Line2D([], [], color=colour_of(i), marker="o") for i in range(len(activations))],
        [each.replace("$", r"\$") for each in activations],
        loc="outside right center",
        frameon=False,
        fontsize=9,
    )
    title_static(figure, *_titles(screening, curves, objective))
    return figure
