"""Learning curves: the metric of every combination, epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import TIMES, count, format_value
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.reporting.figures import style


@dataclass(frozen=True)
class Curve:
    """The mean of one combination over its seeds; NaN where a value was not finite."""

    combination: str
    activation: str
    optimizer: str
    epochs: NDArray[np.int64]  # from 1, shape (epochs,) like the following
    training: NDArray[np.float64]
    validation: NDArray[np.float64]
    low: NDArray[np.float64]  # the lowest of its seeds on the validation rows
    high: NDArray[np.float64]
    diverged: bool  # whether one of its trials did
    best: float  # validation value of any epoch, signed so that more is better

    @property
    def end(self) -> tuple[int, float] | None:
        """The last epoch with a finite validation value, and that value."""
        finite = np.flatnonzero(np.isfinite(self.validation))
        if not len(finite):
            return None
        return int(self.epochs[finite[-1]]), float(self.validation[finite[-1]])


@dataclass(frozen=True)
class LearningCurvesInfo(style.FigureInfo):
    """What the learning curves show."""

    label: str  # name of the metric
    curves: list[Curve]  # all or the best sixty, in the order of the grid
    several_seeds: bool
    limit: float | None  # where the axis ends because an error ran away


def prepare(histories: pd.DataFrame, champion: Champion) -> LearningCurvesInfo:
    """Average the history of every combination over its seeds.

    Args:
        histories: One row per trial and epoch.
        champion: The champion's record.
    """
    objective = objective_of(champion.task)
    every = _mean_curves(histories, objective)
    best = {curve.combination for curve in sorted(every, key=lambda c: c.best)[-style.MOST_SHOWN :]}
    curves = [curve for curve in every if curve.combination in best]
    limit = _limit(curves) if objective.mode == "min" else None
    seeds = int(histories["seed"].nunique())
    of = f"the best {len(curves)} of " if len(curves) < len(every) else ""
    diverged = any(curve.diverged for curve in curves)
    return LearningCurvesInfo(
        f"Learning curves of {of}{count(len(every), 'combination')}: {objective.label}",
        style.subtitle(
            champion.budget,
            champion.rows,
            "training dashed, validation solid",
            seeds > 1
            and f"mean over {count(seeds, 'seed')}, band from the lowest to the highest one",
            diverged and f"{TIMES} marks the end of a combination with a diverged trial",
            limit is not None and f"axis cut at {format_value(limit)}",
        ),
        objective.label,
        curves,
        seeds > 1,
        limit,
    )


def _mean_curves(histories: pd.DataFrame, objective: Objective) -> list[Curve]:
    values = {"training": objective.metric, "validation": objective.validation_metric}
    finite = histories[list(values.values())].replace([np.inf, -np.inf], np.nan)
    grouped = (
        histories[["combination", "epoch"]]
        .assign(**{name: finite[column] for name, column in values.items()})
        .groupby(["combination", "epoch"], sort=False)
    )
    means = grouped.agg(
        training=("training", "mean"),
        validation=("validation", "mean"),
        low=("validation", "min"),
        high=("validation", "max"),
    ).astype(np.float64)
    diverged = (histories["status"] == "diverged").groupby(histories["combination"]).any()
    factors = histories.drop_duplicates("combination").set_index("combination")
    curves = []
    for name, rows in means.groupby(level="combination", sort=False):
        combination = str(name)
        mean = rows.droplevel("combination").sort_index()
        best = (objective.sign * mean["validation"]).max()
        curves.append(
            Curve(
                combination,
                str(factors.loc[combination, "activation"]),
                str(factors.loc[combination, "optimizer"]),
                mean.index.to_numpy(dtype=np.int64),
                mean["training"].to_numpy(),
                mean["validation"].to_numpy(),
                mean["low"].to_numpy(),
                mean["high"].to_numpy(),
                bool(diverged.loc[combination]),
                -np.inf if np.isnan(best) else float(best),
            )
        )
    return curves


def _limit(curves: list[Curve]) -> float | None:
    """Where to cut the axis when an error ran away and would flatten all the others."""
    values = np.concatenate([each for c in curves for each in (c.training, c.high)])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    typical = 1.5 * float(np.quantile(values, 0.9))
    return typical if values.max() > 2 * typical else None


def plot(info: LearningCurvesInfo) -> go.Figure:
    """Draw one panel, which a phone can show; the best seven are visible at first."""
    traces = []
    for index, curve in enumerate(sorted(info.curves, key=lambda curve: -curve.best)):
        traces += _traces(index, curve, info.several_seeds)
    figure = go.Figure(traces)  # all at once: Plotly copies what is there for each trace added
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text=info.label)
    if info.limit is not None:
        figure.update_yaxes(range=[0, info.limit])
    figure.update_layout(hovermode="closest")
    return style.finish_plotly(figure, info, 480)


def _traces(index: int, curve: Curve, several_seeds: bool) -> list[dict[str, Any]]:
    """The band over the seeds, the two lines and the mark of a divergence."""
    name, colour, symbol = curve.combination, style.colour_of(index), style.marker_of(index)[1]
    visible = style.visible_at_first(index)
    traces = []
    inside = np.isfinite(curve.low)
    if several_seeds and inside.any():
        epochs, low, high = curve.epochs[inside], curve.low[inside], curve.high[inside]
        band: dict[str, Any] = {
            "x": np.concatenate([epochs, epochs[::-1]]),
            "y": np.concatenate([high, low[::-1]]),
            "mode": "lines",
            "line": {"width": 0, "color": colour},
            "fill": "toself",
            "fillcolor": style.pale(colour, 0.18),
            "hoverinfo": "skip",
        }
        traces.append(style.scatter(name, name, "band", visible=visible, showlegend=False, **band))
    lines: dict[str, Any] = {
        "x": curve.epochs,
        "visible": visible,
        "mode": "lines+markers" if symbol or len(curve.epochs) < 3 else "lines",
        "marker": {"symbol": symbol or "circle", "size": 5},
    }
    hover = "%{meta[0]}, %{meta[1]}<br>epoch %{x}: %{y:.4g}"
    seeds = "<br>seeds %{customdata[0]:.4g} to %{customdata[1]:.4g}" if several_seeds else ""
    training: dict[str, Any] = {
        "y": curve.training,
        "line": {"color": colour, "dash": "dash", "width": 1.2},
        "opacity": 0.6,
        "showlegend": False,
        "hover": hover,
    }
    validation: dict[str, Any] = {
        "y": curve.validation,
        "customdata": np.stack([curve.low, curve.high], axis=1),
        "line": {"color": colour, "dash": "solid", "width": 1.8},
        "opacity": 1,
        "showlegend": True,
        "hover": hover + seeds,
    }
    traces.append(style.scatter(name, name, "training", **lines, **training))
    traces.append(style.scatter(name, name, "validation", **lines, **validation))
    if curve.diverged and curve.end:
        end: dict[str, Any] = {
            "x": [curve.end[0]],
            "y": [curve.end[1]],
            "mode": "markers",
            "marker": {"symbol": "x", "size": 9, "color": colour},
            "hover": "%{meta[0]} diverged after epoch %{x}",
        }
        traces.append(
            style.scatter(name, name, "diverged", visible=visible, showlegend=False, **end)
        )
    return traces


def draw(info: LearningCurvesInfo) -> mpl.figure.Figure:
    """Draw up to seven combinations in one panel, more in one panel per activation."""
    one_panel = len(info.curves) <= style.SHOWN_AT_FIRST
    names = [curve.combination if one_panel else curve.optimizer for curve in info.curves]
    titles = [""] if one_panel else list(dict.fromkeys(c.activation for c in info.curves))
    labels = list(dict.fromkeys(names))
    rows, columns = style.panel_grid(len(titles))
    size = (9, 5.4) if len(titles) == 1 else (3.6 * columns, 1.2 + 2.7 * rows)
    figure = style.new_figure(*size)
    axes = style.draw_panels(figure, titles, sharex=True, sharey=True)
    for name, curve in zip(names, info.curves, strict=True):
        axis = axes[0 if one_panel else titles.index(curve.activation)]
        _draw_curve(axis, labels.index(name), curve, info.several_seeds)
    for place, axis in enumerate(axes):
        axis.xaxis.set_major_locator(mpl.ticker.MaxNLocator(integer=True, min_n_ticks=1))
        # The lowest panel of a column names the axis, also where the last row is short.
        if place + columns >= len(axes):
            axis.set_xlabel("epoch")
            axis.tick_params(labelbottom=True)
        if place % columns == 0:
            axis.set_ylabel(info.label)
    if info.limit is not None:
        axes[0].set_ylim(0, info.limit)
    last = max(curve.epochs.max() for curve in info.curves)
    axes[0].set_xlim(1 - max(0.5, 0.03 * last), last + max(0.5, 0.03 * last))
    handles = [
        mpl.lines.Line2D(
            [], [], color=style.colour_of(i), marker=style.marker_of(i)[0], markersize=3
        )
        for i in range(len(labels))
    ]
    style.outside_legend(figure, handles, labels)
    return style.finish_static(figure, info)


def _draw_curve(axis: mpl.axes.Axes, index: int, curve: Curve, several_seeds: bool) -> None:
    epochs, colour = curve.epochs, style.colour_of(index)
    marker = style.marker_of(index)[0] or ("o" if len(epochs) < 3 else "")
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 3}
    axis.plot(epochs, curve.training, "--", lw=1, alpha=0.6, markerfacecolor="white", **look)
    axis.plot(epochs, curve.validation, "-", lw=1.6, **look)
    if several_seeds:
        axis.fill_between(epochs, curve.low, curve.high, color=colour, alpha=0.15, lw=0)
    if curve.diverged and curve.end:
        axis.plot(*curve.end, "x", color=colour, markersize=8, markeredgewidth=2)
