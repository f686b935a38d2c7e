"""Which factor matters: the score of every combination by the level of each factor that varies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.formatting import count, format_value, percent
from dnn_sweep.core.lazy import LazyModule, go, mpl
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures import heatmap, style
from dnn_sweep.core.reporting.figures.ranking import limits_of

NAMES = {"activation": "activation", "optimizer": "optimizer"} | heatmap.FACTORS
FEWEST = 3  # factors; the heatmap shows two
subplots = LazyModule("plotly.subplots")


@dataclass(frozen=True)
class Factor:
    """A factor of the grid and what its levels reached."""

    name: str
    levels: list[str]  # by mean, the best first; numbers in their own order
    places: list[int]  # of each combination's level
    means: list[float]  # of each level
    share: float  # of the variance between combinations

    @property
    def title(self) -> str:
        """The factor with its share."""
        return f"{self.name}: {percent(self.share)}"


@dataclass(frozen=True)
class FactorsInfo(style.FigureInfo):
    """One panel per factor, the one that explains most first."""

    objective: Objective
    factors: list[Factor]
    names: list[str]  # of the combinations
    values: list[float]  # of the combinations
    limits: tuple[float, float]  # of the axis; what lies beyond is at its end


def prepare(leaderboard: pd.DataFrame, champion: Champion) -> style.FigureInfo:
    """Group the combinations by each factor that varies, where these are more than two.

    A factor's share is that of the variance between the combinations' scores which the means of
    its levels explain, its main effect. What is missing to 100 % depends on how factors meet.

    References:
        Hutter, Hoos & Leyton-Brown 2014, An efficient approach for assessing hyperparameter
        importance.
    """
    metric = champion.metric.validation_metric
    combinations = combinations_of(leaderboard)
    finite = combinations[np.isfinite(combinations[f"{metric}_mean"])].reset_index(drop=True)
    varied = [each for each in NAMES if finite[each].nunique() > 1]
    if len(varied) < FEWEST:
        said = "Only activation and optimizer vary, which the heatmap shows."
        return style.FigureInfo("No comparison of further factors", said)
    scores = finite[f"{metric}_mean"].astype(np.float64)
    factors = [_factor(each, finite[each], scores, champion.metric) for each in varied]
    factors.sort(key=lambda factor: -factor.share)
    bounds = pd.DataFrame({"value": scores})
    bounds[["low", "high"]] = finite[[f"{metric}_ci_low", f"{metric}_ci_high"]]
    low, high = limits_of(bounds, champion.metric)
    outside = int((~scores.between(low, high)).sum())
    missing = len(combinations) - len(finite)
    return FactorsInfo(
        f"Which factor matters: validation {champion.metric.label} of "
        f"{count(len(finite), 'combination')} by the level of each factor",
        style.subtitle(
            champion.budget,
            champion.rows,
            "line: mean of a level",
            "percentage: share of the variance between combinations that the factor explains alone",
            outside and f"triangles: {count(outside, 'combination')} beyond the axis",
            missing and f"{count(missing, 'combination')} without a score left out",
        ),
        champion.metric,
        factors,
        finite["combination"].astype(str).tolist(),
        scores.tolist(),
        (low, high),
    )


def _factor(column: str, levels: pd.Series, scores: pd.Series, objective: Objective) -> Factor:
    means = scores.groupby(levels, sort=True).mean()
    if not pd.api.types.is_numeric_dtype(levels):
        means = means.sort_values(ascending=objective.mode == "min")
    share = means.loc[levels].var(ddof=0) / scores.var(ddof=0) if scores.var(ddof=0) else 0.0
    order = list(means.index)
    return Factor(
        NAMES[column],
        [f"{each:g}" if isinstance(each, float) else str(each) for each in order],
        [order.index(each) for each in levels],
        means.tolist(),
        float(share),
    )


def _placed(info: FactorsInfo, factor: Factor) -> pd.DataFrame:
    """Each combination's dot: ``x`` beside its level, ``y`` within the axis, ``beyond`` it."""
    values = np.array(info.values)
    low, high = info.limits
    inset = 0.015 * (high - low)
    # Spread by their order, so that dots of the same level do not hide one another.
    order = pd.Series(values).groupby(factor.places).rank(method="first")
    wide = pd.Series(factor.places).map(pd.Series(factor.places).value_counts())
    x = np.array(factor.places) + 0.5 * ((order * 7) % wide / np.maximum(wide, 1) - 0.5)
    y = np.clip(values, low + inset, high - inset)
    return pd.DataFrame({"x": x, "y": y, "beyond": (values < low) | (values > high)})


def plot(info: FactorsInfo) -> go.Figure:
    """Draw one panel per factor with Plotly."""
    rows, columns = style.panel_grid(len(info.factors))
    titles = [style.plotly_text(factor.title) for factor in info.factors]
    figure = subplots.make_subplots(
        rows, columns, shared_yaxes="all", subplot_titles=titles, vertical_spacing=0.3 / rows
    )
    beyond = "triangle-down" if info.objective.mode == "max" else "triangle-up"
    for place, factor in enumerate(info.factors):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        dots = _placed(info, factor)
        look: dict[str, Any] = {"mode": "markers", "showlegend": False}
        marker = {"color": style.COLOURS[0], "size": 6, "opacity": 0.6}
        marker["symbol"] = np.where(dots["beyond"], beyond, "circle").tolist()
        named = zip(info.names, info.values, strict=True)
        said = [style.plotly_text(f"{name}: {format_value(value)}") for name, value in named]
        hover = {"customdata": said, "hovertemplate": "%{customdata}<extra></extra>"}
        figure.add_scatter(x=dots["x"], y=dots["y"], marker=marker, **look, **hover, **at)
        x, y = _mean_lines(info, factor)
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": style.COLOURS[3], "width": 3},
            showlegend=False, hoverinfo="skip", **at,
        )  # fmt: skip
        levels = [style.plotly_text(level) for level in factor.levels]
        figure.update_xaxes(tickvals=list(range(len(levels))), ticktext=levels, **at)
        figure.update_xaxes(range=[-0.5, len(levels) - 0.5], showgrid=False, **at)
    figure.update_yaxes(range=list(info.limits))
    figure.update_yaxes(title_text=f"validation {info.objective.label}", col=1)
    return style.finish_plotly(figure, info, 160 + 260 * rows)


def _mean_lines(info: FactorsInfo, factor: Factor) -> tuple[list[float], list[float]]:
    """Short lines at the means of the levels within the axis, with a gap between two."""
    low, high = info.limits
    x: list[float] = []
    y: list[float] = []
    for level, mean in enumerate(factor.means):
        x += [level - 0.32, level + 0.32, np.nan]
        y += [mean if low <= mean <= high else np.nan] * 2 + [np.nan]
    return x, y


def draw(info: FactorsInfo) -> mpl.figure.Figure:
    """Draw one panel per factor with Matplotlib."""
    rows, columns = style.panel_grid(len(info.factors))
    figure = style.new_figure(3.8 * columns, 1.2 + 3 * rows)
    axes = style.draw_panels(figure, [factor.title for factor in info.factors], sharey=True)
    beyond = "v" if info.objective.mode == "max" else "^"
    for axis, factor in zip(axes, info.factors, strict=True):
        dots = _placed(info, factor)
        for far, marker in ((False, "o"), (True, beyond)):
            own = dots[dots["beyond"] == far]
            axis.plot(own["x"], own["y"], marker, ms=4, alpha=0.6, color=style.COLOURS[0])
        axis.plot(*_mean_lines(info, factor), color=style.COLOURS[3], linewidth=2.5)
        axis.set_xticks(range(len(factor.levels)), factor.levels, parse_math=False)
        axis.tick_params(axis="x", rotation=30 if max(map(len, factor.levels)) > 7 else 0)
        axis.set(ylim=info.limits, xlim=(-0.5, len(factor.levels) - 0.5))
    for axis in axes[::columns]:
        axis.set_ylabel(f"validation {info.objective.label}")
    return style.finish_static(figure, info)
