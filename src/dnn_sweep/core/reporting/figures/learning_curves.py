"""Learning curves: the metric of every combination, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import TIMES, count, format_value
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures import style


@dataclass(frozen=True)
class Curve:
    """The mean of one combination over its seeds; NaN where a value was not finite."""

    combination: str
    activation: str
    optimizer: str
    diverged: bool  # whether one of its trials did
    best: float  # validation value of any epoch, signed so that more is better
    place: float  # in the ranking; infinite where that is not known
    values: pd.DataFrame  # by epoch: training, validation, low and high of its seeds' validation

    @property
    def end(self) -> tuple[int, float] | None:
        """The last epoch with a finite validation value, and that value."""
        finite = self.values["validation"].dropna()
        return None if finite.empty else (int(finite.index[-1]), float(finite.iloc[-1]))


@dataclass(frozen=True)
class LearningCurvesInfo(style.FigureInfo):
    """What the learning curves show."""

    label: str  # name of the metric
    curves: list[Curve]  # all or the best sixty, in the order of the grid
    several_seeds: bool
    limit: float | None  # where the axis ends because an error ran away
    floor: float | None  # where the axis begins because a curve stays far below the best ones

    @property
    def ranked(self) -> list[Curve]:
        """The curves in the order of the ranking."""
        return _ranked(self.curves)

    @property
    def top(self) -> float:
        """Where the axis ends if it begins at the floor: a little above all curves."""
        high = max(float(curve.values[["training", "high"]].max().max()) for curve in self.curves)
        return high + 0.05 * (high - (self.floor or 0.0))


def prepare(
    histories: pd.DataFrame, champion: Champion, leaderboard: pd.DataFrame | None = None
) -> LearningCurvesInfo:
    """Average the history of every combination over its seeds.

    The ``leaderboard`` gives their order; without it they are ordered by their best epoch.
    """
    objective = champion.metric.by_epoch
    places: dict[str, float] = {}
    if leaderboard is not None:
        places = {str(name): place for place, name in enumerate(leaderboard["combination"])}
    every = _mean_curves(histories, objective, places)
    best = {curve.combination for curve in _ranked(every)[: style.MOST_SHOWN]}
    curves = [curve for curve in every if curve.combination in best]
    least = objective.mode == "min"
    limit, floor = (_limit(curves), None) if least else (None, _floor(curves))
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
            floor is not None and f"axis begins at {format_value(floor)}; some curves lie below",
        ),
        objective.label,
        curves,
        seeds > 1,
        limit,
        floor,
    )


def _ranked(curves: list[Curve]) -> list[Curve]:
    return sorted(curves, key=lambda curve: (curve.place, -curve.best))


def _mean_curves(
    histories: pd.DataFrame, objective: Objective, places: Mapping[str, float]
) -> list[Curve]:
    metric, validation = objective.metric, objective.validation_metric
    finite = histories[[metric, validation]].replace([np.inf, -np.inf], np.nan)
    by_epoch = finite.groupby([histories["combination"], histories["epoch"]], sort=False)
    means = by_epoch.agg(
        training=(metric, "mean"),
        validation=(validation, "mean"),
        low=(validation, "min"),
        high=(validation, "max"),
    ).astype(np.float64)
    diverged = set(histories.loc[histories["status"] == "diverged", "combination"])
    factors = histories.drop_duplicates("combination").set_index("combination")
    curves = []
    for name, rows in means.groupby(level="combination", sort=False):
        values = rows.droplevel("combination").sort_index()
        best = (objective.sign * values["validation"]).max()
        best = -np.inf if np.isnan(best) else float(best)
        combination, own = str(name), factors.loc[str(name)]
        pair = str(own["activation"]), str(own["optimizer"])
        place = places.get(combination, np.inf)
        curves.append(Curve(combination, *pair, combination in diverged, best, place, values))
    return curves


def _limit(curves: list[Curve]) -> float | None:
    """Where to cut the axis so that an error that ran away does not flatten all the others."""
    values = pd.concat([curve.values[each] for curve in curves for each in ("training", "high")])
    values = values.dropna()
    if values.empty:
        return None
    typical = 1.5 * float(np.quantile(values, 0.9))
    return typical if values.max() > 2 * typical else None


def _floor(curves: list[Curve]) -> float | None:
    """Where the axis may begin so that one that hardly learns does not flatten all the others."""
    better = _ranked(curves)[: min(style.SHOWN_AT_FIRST, (len(curves) + 1) // 2)]
    top = pd.concat([curve.values["validation"] for curve in better])
    lowest = min(curve.values["validation"].min() for curve in curves)
    if top.dropna().empty:
        return None
    low, high = float(top.quantile(0.05)), float(top.max())
    return low - 0.1 * (high - low) if high - lowest > 2 * (high - low) > 0 else None


def plot(info: LearningCurvesInfo) -> go.Figure:
    """Draw one panel, which a phone can show; the best seven are visible at first."""
    ranked = enumerate(info.ranked)
    # All at once: Plotly copies what is there for each trace added.
    figure = go.Figure([t for i, c in ranked for t in _traces(i, c, info.several_seeds)])
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text=info.label)
    if info.limit is not None:
        figure.update_yaxes(range=[0, info.limit])
    if info.floor is not None:
        figure.update_yaxes(range=[info.floor, info.top])
    return style.finish_plotly(figure, info, 480, hovermode="closest")


def _traces(index: int, curve: Curve, several_seeds: bool) -> Iterator[dict[str, Any]]:
    """The band over the seeds, the two lines and the mark of a divergence."""
    colour, symbol = style.colour_of(index), style.marker_of(index)[1]

    def trace(part: str, hover: str, **look: Any) -> dict[str, Any]:
        shared = {"visible": style.visible_at_first(index), "showlegend": part == "validation"}
        return style.scatter(curve.combination, hover, curve.combination, part, **shared, **look)

    bounds = curve.values[["low", "high"]]
    inside = bounds.dropna()
    if several_seeds and not inside.empty:
        around = np.concatenate([inside.index, inside.index[::-1]])
        edge = np.concatenate([inside["high"], inside["low"][::-1]])
        pale = "rgba({},{},{},0.18)".format(*bytes.fromhex(colour[1:]))
        area = {"mode": "lines", "line": {"width": 0, "color": colour}, "fill": "toself"}
        yield trace("band", "", x=around, y=edge, **area, fillcolor=pale, hoverinfo="skip")
    hover = "%{meta[0]}, %{meta[1]}<br>epoch %{x}: %{y:.4g}"
    seeds = "<br>seeds %{customdata[0]:.4g} to %{customdata[1]:.4g}" if several_seeds else ""
    both = {
        "x": curve.values.index,
        "mode": "lines+markers" if symbol or len(curve.values) < 3 else "lines",
        "marker": {"symbol": symbol or "circle", "size": 5},
    }
    dashed = {"color": colour, "dash": "dash", "width": 1.2}
    solid = {"color": colour, "dash": "solid", "width": 1.8}
    training = {"y": curve.values["training"], "line": dashed, "opacity": 0.6}
    validation = {"y": curve.values["validation"], "line": solid, "opacity": 1}
    yield trace("training", hover, **both, **training)
    yield trace("validation", hover + seeds, **both, **validation, customdata=bounds)
    if curve.diverged and curve.end:
        end: dict[str, Any] = {"x": [curve.end[0]], "y": [curve.end[1]], "mode": "markers"}
        cross = {"symbol": "x", "size": 9, "color": colour}
        yield trace("diverged", "%{meta[0]} diverged after epoch %{x}", **end, marker=cross)


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
    if info.floor is not None:
        axes[0].set_ylim(info.floor, info.top)
    last = max(curve.values.index[-1] for curve in info.curves)
    room = max(0.5, 0.03 * last)
    axes[0].set_xlim(1 - room, last + room)
    looks = [(style.colour_of(i), style.marker_of(i)[0]) for i in range(len(labels))]
    handles = [mpl.lines.Line2D([], [], color=c, marker=m, markersize=3) for c, m in looks]
    style.outside_legend(figure, handles, labels)
    return style.finish_static(figure, info)


def _draw_curve(axis: mpl.axes.Axes, index: int, curve: Curve, several_seeds: bool) -> None:
    epochs, values, colour = curve.values.index, curve.values, style.colour_of(index)
    marker = style.marker_of(index)[0] or ("o" if len(epochs) < 3 else "")
    look: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 3}
    axis.plot(epochs, values["training"], "--", lw=1, alpha=0.6, markerfacecolor="white", **look)
    axis.plot(epochs, values["validation"], "-", lw=1.6, **look)
    if several_seeds:
        look = {"color": colour, "alpha": 0.15, "lw": 0}
        axis.fill_between(epochs, values["low"], values["high"], **look)
    if curve.diverged and curve.end:
        axis.plot(*curve.end, "x", color=colour, markersize=8, markeredgewidth=2)
