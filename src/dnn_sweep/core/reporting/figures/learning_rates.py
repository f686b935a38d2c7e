"""Learning rates: what the screening measured at each, and which one it chose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import TIMES
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures import style
from dnn_sweep.core.reporting.results import describe_screening

MOST_TICKS = 6
# How the chosen rate is drawn, by the edge of the tried rates that it lies on.
CHOSEN = {"": ("o", "circle"), "low": ("<", "triangle-left"), "high": (">", "triangle-right")}


@dataclass(frozen=True)
class RateCurve:
    """One combination over the learning rates that were tried."""

    combination: str
    activation: str  # gives the colour
    optimizer: str  # gives the panel
    means: pd.Series[float]  # over the seeds, by rising rate; NaN where every trial diverged
    chosen: float  # the rate that went into the finals
    edge: str  # of the rates that the chosen one lies on: empty, "low" or "high"


@dataclass(frozen=True)
class LearningRatesInfo(style.FigureInfo):
    """What the screening shows: one panel per optimizer, one colour per activation."""

    objective: Objective
    curves: list[RateCurve]
    champion: str  # whose line is thicker
    limits: tuple[float, float]  # of the metric's axis

    @property
    def panels(self) -> list[str]:
        """The optimizers, one per panel."""
        return list(dict.fromkeys(curve.optimizer for curve in self.curves))

    @property
    def colours(self) -> dict[str, str]:
        """The colour of each activation."""
        names = dict.fromkeys(curve.activation for curve in self.curves)
        return {name: style.colour_of(index) for index, name in enumerate(names)}

    def ticks(self, panel: str) -> tuple[list[float], list[str]]:
        """The rates that were tried with an optimizer; every other one where they are many."""
        every = (rate for c in self.curves if c.optimizer == panel for rate in c.means.index)
        tried = sorted({float(f"{rate:.3g}") for rate in every})
        shown = tried[:: len(tried) // MOST_TICKS + 1]
        return shown, [f"{rate:.2g}" for rate in shown]

    def diverged(self, curve: RateCurve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rates that diverged, with a place for each near the worse end of the axis."""
        rates = curve.means.index[curve.means.isna()].to_numpy(dtype=np.float64)
        low, high = self.limits
        inset = 0.03 * (high - low)
        worse = low + inset if self.objective.mode == "max" else high - inset
        return rates, np.full(len(rates), worse)


def prepare(screening: pd.DataFrame, champion: Champion) -> style.FigureInfo:
    """Average the screening over its seeds; without one the titles say so."""
    objective = champion.metric
    if screening.empty:
        title = "No screening: the learning rates were fixed"
        why = "each combination was trained at the one rate that the leaderboard lists"
        return style.FigureInfo(title, why)
    curves = _rate_curves(screening, objective)
    edges = any(curve.edge for curve in curves)
    diverged = any(curve.means.isna().any() for curve in curves)
    return LearningRatesInfo(
        f"Validation {objective.label} by learning rate",
        style.subtitle(
            describe_screening(screening),
            "filled: the rate that went into the finals",
            edges and "triangle: it lies on the edge of what was tried",
            diverged and f"{TIMES} at the bottom or top: diverged",
        ),
        objective,
        curves,
        champion.combination,
        _limits(curves, objective),
    )


def _rate_curves(screening: pd.DataFrame, objective: Objective) -> list[RateCurve]:
    kept = screening[objective.validation_metric].where(~screening["diverged"])
    finite = kept.replace([np.inf, -np.inf], np.nan)
    table = screening.assign(value=finite, edge=screening["edge"].fillna(""))
    curves = []
    for name, rows in table.groupby("combination", sort=False):
        means = rows.groupby("learning_rate")["value"].mean()
        chosen = rows[rows["chosen"]].iloc[0]
        factors = str(chosen["activation"]), str(chosen["optimizer"])
        at = float(chosen["learning_rate"]), str(chosen["edge"])
        curves.append(RateCurve(str(name), *factors, means, *at))
    return curves


def _limits(curves: list[RateCurve], objective: Objective) -> tuple[float, float]:
    values = pd.concat([curve.means for curve in curves]).dropna()
    if values.empty:
        return (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if objective.mode == "min":
        high = min(high, 2 * float(np.quantile(values, 0.75)))
    room = 0.06 * (high - low) or 0.05
    return (low - room, high + room)


def plot(info: LearningRatesInfo) -> go.Figure:
    """Draw one panel per optimizer and one line per combination with Plotly."""
    rows, columns = style.panel_grid(len(info.panels))
    figure = go.Figure().set_subplots(
        rows=rows,
        cols=columns,
        shared_yaxes="all",
        subplot_titles=[style.plotly_text(name) for name in info.panels],
        horizontal_spacing=0.04,
        vertical_spacing=0.3 / rows,
    )
    first = {curve.activation: curve for curve in reversed(info.curves)}  # named in the legend
    drawn = []
    for curve in info.curves:
        row, column = divmod(info.panels.index(curve.optimizer), columns)
        traces = _traces(curve, info, named=curve is first[curve.activation])
        drawn += [(trace, row + 1, column + 1) for trace in traces]
    figure.add_traces(*zip(*drawn, strict=True))
    for axis, panel in zip(figure.select_xaxes(), info.panels, strict=False):
        ticks, texts = info.ticks(panel)
        axis.update(type="log", tickvals=ticks, ticktext=texts, tickangle=0)
    figure.update_xaxes(title_text="learning rate", row=rows)
    figure.update_yaxes(range=info.limits)
    figure.update_yaxes(title_text=f"validation {info.objective.label}", col=1)
    legend = style.LEGEND_BELOW | {"y": -0.28 if rows == 1 else -0.3 / rows}
    height = 420 if rows == 1 else 160 + 240 * rows
    return style.finish_plotly(figure, info, height, legend=legend, hovermode="closest")


def _traces(curve: RateCurve, info: LearningRatesInfo, named: bool) -> Iterator[dict[str, Any]]:
    """The line and, where any trial diverged, crosses at the worse end of the axis."""
    colour = info.colours[curve.activation]
    symbols = np.where(curve.means.index == curve.chosen, CHOSEN[curve.edge][1], "circle-open")

    def trace(value: str, **look: Any) -> dict[str, Any]:
        hover = "%{meta[0]}<br>learning rate %{x:.3g}: " + value
        return style.scatter(curve.activation, hover, curve.combination, **look)

    yield trace(
        "%{y:.4g}",
        x=curve.means.index,
        y=curve.means,
        mode="lines+markers",
        line={"color": colour, "width": 3 if curve.combination == info.champion else 1.6},
        marker={"symbol": symbols.tolist(), "size": 9},
        showlegend=named,
    )
    rates, places = info.diverged(curve)
    if len(rates):
        cross = {"symbol": "x", "size": 9, "color": colour}
        at_end = {"x": rates, "y": places, "mode": "markers", "marker": cross, "cliponaxis": False}
        yield trace("diverged", **at_end, showlegend=False)


def draw(info: LearningRatesInfo) -> mpl.figure.Figure:
    """Draw one panel per optimizer and one line per combination with Matplotlib."""
    rows, columns = style.panel_grid(len(info.panels))
    figure = style.new_figure(max(7.0, 3.4 * columns), 1.4 + 2.6 * rows)
    axes = style.draw_panels(figure, info.panels, sharey=True)
    for axis, panel in zip(axes, info.panels, strict=True):
        axis.set(xscale="log", xlabel="learning rate")
        axis.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        axis.set_xticks(*info.ticks(panel), fontsize=8)
    for curve in info.curves:
        _draw_curve(axes[info.panels.index(curve.optimizer)], curve, info)
    axes[0].set_ylim(*info.limits)
    for axis in axes[::columns]:
        axis.set_ylabel(f"validation {info.objective.label}")
    handles = [mpl.lines.Line2D([], [], color=c, marker="o") for c in info.colours.values()]
    style.outside_legend(figure, handles, list(info.colours))
    return style.finish_static(figure, info)


def _draw_curve(axis: mpl.axes.Axes, curve: RateCurve, info: LearningRatesInfo) -> None:
    colour = info.colours[curve.activation]
    width = 2.4 if curve.combination == info.champion else 1.3
    look: dict[str, Any] = {"color": colour, "markerfacecolor": "white", "markersize": 5}
    axis.plot(curve.means.index, curve.means, "o-", linewidth=width, **look)
    at = curve.chosen, curve.means[curve.chosen]
    axis.plot(*at, CHOSEN[curve.edge][0], color=colour, markersize=8)
    rates, at_end = info.diverged(curve)
    if len(rates):  # a line of no points that is not clipped would confuse the layout
        axis.plot(rates, at_end, "x", color=colour, clip_on=False)
