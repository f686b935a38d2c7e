"""Learning rates: what the screening measured at each, and which one it chose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import TIMES
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.reporting.figures import style
from dnn_sweep.core.reporting.screening_words import describe_screening

MOST_TICKS = 6
# How the chosen rate is drawn, by the edge of the tried rates that it lies on.
CHOSEN = {"": ("o", "circle"), "low": ("<", "triangle-left"), "high": (">", "triangle-right")}


@dataclass(frozen=True)
class RateCurve:
    """One combination over the learning rates that were tried."""

    combination: str
    activation: str  # gives the colour
    optimizer: str  # gives the panel
    rates: NDArray[np.float64]  # rising, shape (rates,)
    values: NDArray[np.float64]  # means over seeds, likewise; NaN where every trial diverged
    chosen: int | None  # place of the rate that went into the finals
    edge: str  # of the rates that the chosen one lies on: empty, "low" or "high"


@dataclass(frozen=True)
class LearningRatesInfo(style.FigureInfo):
    """What the screening shows: one panel per optimizer, one colour per activation."""

    objective: Objective
    curves: list[RateCurve]  # none where nothing was screened
    champion: str  # whose line is thicker
    limits: tuple[float, float] = (0.0, 1.0)  # of the metric's axis

    @property
    def is_empty(self) -> bool:
        """Whether nothing was screened."""
        return not self.curves

    @property
    def panels(self) -> list[str]:
        """The optimizers, one per panel."""
        return list(dict.fromkeys(curve.optimizer for curve in self.curves))

    @property
    def activations(self) -> list[str]:
        """The activations, one per colour."""
        return list(dict.fromkeys(curve.activation for curve in self.curves))

    def ticks(self, panel: str) -> tuple[list[float], list[str]]:
        """The rates that were tried with an optimizer; every other one where they are many."""
        every = (rate for c in self.curves if c.optimizer == panel for rate in c.rates)
        tried = sorted({float(f"{rate:.3g}") for rate in every})
        shown = tried[:: len(tried) // MOST_TICKS + 1]
        return shown, [f"{rate:.2g}" for rate in shown]

    def diverged(self, curve: RateCurve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The rates that diverged, with a place for each near the worse end of the axis."""
        rates = curve.rates[np.isnan(curve.values)]
        inset = 0.03 * (self.limits[1] - self.limits[0])
        worse = self.limits[0] + inset if self.objective.mode == "max" else self.limits[1] - inset
        return rates, np.full(len(rates), worse)


def prepare(screening: pd.DataFrame, champion: Champion) -> LearningRatesInfo:
    """Average the screening over its seeds.

    Args:
        screening: One row per screened trial: ``combination``, ``activation``, ``optimizer``,
            ``learning_rate``, ``seed``, ``epochs``, the validation metric, ``diverged``,
            ``chosen`` and ``edge``; no rows where the learning rates were fixed.
        champion: The champion's record.
    """
    objective = objective_of(champion.task)
    name = champion.combination
    if screening.empty:
        title = "No screening: the learning rates were fixed"
        why = "each combination was trained at the one rate that the leaderboard lists"
        return LearningRatesInfo(title, why, objective, [], name)
    curves = _rate_curves(screening, objective)
    edges = any(curve.edge for curve in curves)
    diverged = any(np.isnan(curve.values).any() for curve in curves)
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
        name,
        _limits(curves, objective),
    )


def _rate_curves(screening: pd.DataFrame, objective: Objective) -> list[RateCurve]:
    kept = screening[objective.validation_metric].where(~screening["diverged"].astype(bool))
    table = screening.assign(value=kept.replace([np.inf, -np.inf], np.nan))
    curves = []
    for name, rows in table.groupby("combination", sort=False):
        by_rate = rows.groupby("learning_rate", sort=True).agg(
            value=("value", "mean"), chosen=("chosen", "any")
        )
        places = np.flatnonzero(by_rate["chosen"].to_numpy(dtype=bool))
        edges = rows.loc[rows["chosen"].astype(bool), "edge"].fillna("")
        curves.append(
            RateCurve(
                str(name),
                str(rows["activation"].iloc[0]),
                str(rows["optimizer"].iloc[0]),
                by_rate.index.to_numpy(dtype=np.float64),
                by_rate["value"].to_numpy(dtype=np.float64),
                int(places[0]) if len(places) else None,
                str(edges.iloc[0]) if len(edges) else "",
            )
        )
    return curves


def _limits(curves: list[RateCurve], objective: Objective) -> tuple[float, float]:
    values = np.concatenate([curve.values for curve in curves])
    values = values[np.isfinite(values)]
    if not len(values):
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
    traces, places = [], []
    named: set[str] = set()
    for curve in info.curves:
        drawn = _traces(curve, info, showlegend=curve.activation not in named)
        named.add(curve.activation)
        traces += drawn
        places += [divmod(info.panels.index(curve.optimizer), columns)] * len(drawn)
    figure.add_traces(
        traces, rows=[row + 1 for row, _ in places], cols=[column + 1 for _, column in places]
    )
    for place, panel in enumerate(info.panels):
        row, column = divmod(place, columns)
        ticks, texts = info.ticks(panel)
        axis = {"type": "log", "tickvals": ticks, "ticktext": texts, "tickangle": 0}
        figure.update_xaxes(axis, row=row + 1, col=column + 1)
    figure.update_xaxes(title_text="learning rate", row=rows)
    figure.update_yaxes(range=info.limits)
    figure.update_yaxes(title_text=f"validation {info.objective.label}", col=1)
    below = -0.28 if rows == 1 else -0.3 / rows
    figure.update_layout(legend=style.LEGEND_BELOW | {"y": below}, hovermode="closest")
    return style.finish_plotly(figure, info, 420 if rows == 1 else 160 + 240 * rows)


def _traces(curve: RateCurve, info: LearningRatesInfo, showlegend: bool) -> list[dict[str, Any]]:
    """The line and, where any trial diverged, crosses at the worse end of the axis."""
    colour = style.colour_of(info.activations.index(curve.activation))
    symbols = ["circle-open"] * len(curve.rates)
    if curve.chosen is not None:
        symbols[curve.chosen] = CHOSEN[curve.edge][1]
    hover = "%{meta[0]}<br>learning rate %{x:.3g}: "
    line = style.scatter(
        curve.activation,
        curve.combination,
        hover=hover + "%{y:.4g}",
        x=curve.rates,
        y=curve.values,
        mode="lines+markers",
        line={"color": colour, "width": 3 if curve.combination == info.champion else 1.6},
        marker={"symbol": symbols, "size": 9},
        showlegend=showlegend,
    )
    rates, places = info.diverged(curve)
    if not len(rates):
        return [line]
    crosses = style.scatter(
        curve.activation,
        curve.combination,
        hover=hover + "diverged",
        x=rates,
        y=places,
        mode="markers",
        marker={"symbol": "x", "size": 9, "color": colour},
        showlegend=False,
        cliponaxis=False,
    )
    return [line, crosses]


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
            if curve.optimizer == panel:
                _draw_curve(axis, curve, info)
    axes[0].set_ylim(*info.limits)
    for axis in axes[::columns]:
        axis.set_ylabel(f"validation {info.objective.label}")
    handles = [
        mpl.lines.Line2D([], [], color=style.colour_of(i), marker="o")
        for i in range(len(info.activations))
    ]
    style.outside_legend(figure, handles, info.activations)
    return style.finish_static(figure, info)


def _draw_curve(axis: mpl.axes.Axes, curve: RateCurve, info: LearningRatesInfo) -> None:
    colour = style.colour_of(info.activations.index(curve.activation))
    width = 2.4 if curve.combination == info.champion else 1.3
    look: dict[str, Any] = {"color": colour, "markerfacecolor": "white", "markersize": 5}
    axis.plot(curve.rates, curve.values, "o-", linewidth=width, **look)
    if curve.chosen is not None:
        at = curve.rates[curve.chosen], curve.values[curve.chosen]
        axis.plot(*at, CHOSEN[curve.edge][0], color=colour, markersize=8)
    rates, at_end = info.diverged(curve)
    if len(rates):  # a line of no points that is not clipped would confuse the layout
        axis.plot(rates, at_end, "x", color=colour, clip_on=False)
