"""The ranking: the metric of each row with its interval, and which combinations are tied."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.formatting import count, percent
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures import style

# Colour of each group of combinations, and its symbols in Matplotlib and in Plotly.
GROUPS = {
    "best": (style.COLOURS[3], "D", "diamond"),
    "tied with the best": (style.COLOURS[0], "o", "circle"),
    "undecided: too few seeds": (style.COLOURS[4], "v", "triangle-down"),
    "worse than the best": (style.GREY, "o", "circle-open"),
    "baseline, no deep network": (style.COLOURS[1], "s", "square"),
}
LEGEND = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "xanchor": "left"}


@dataclass(frozen=True)
class RankingInfo(style.FigureInfo):
    """What the ranking shows.

    One row per combination and baseline, best first: ``name``, ``value``, ``low`` and ``high``
    end of the interval, ``group``, whether the value is ``outside`` the axis, ``place`` of the dot
    (just inside the axis then) and the bar's reach ``below`` and ``above`` it (zero then).
    """

    objective: Objective
    rows: pd.DataFrame
    limits: tuple[float, float]  # of the axis; what lies beyond is a triangle at its end


def prepare(
    leaderboard: pd.DataFrame, champion: Champion, comparison: Comparison | None = None
) -> RankingInfo:
    """Take the sixty best combinations, or all, and the baselines from the leaderboard.

    The ``comparison`` names the undecided.
    """
    objective = champion.metric
    metric = objective.validation_metric
    finite = leaderboard[np.isfinite(leaderboard[f"{metric}_mean"])]
    is_baseline = finite["kind"] == "baseline"
    few = is_baseline | ((~is_baseline).cumsum() <= style.MOST_SHOWN)
    shown = finite[few].reset_index(drop=True)
    rows = pd.DataFrame({"name": shown["combination"].astype(str)})
    rows[["value", "low", "high"]] = shown[[f"{metric}_{e}" for e in ("mean", "ci_low", "ci_high")]]
    names = [*GROUPS]
    baselines, combinations = shown["kind"] == "baseline", combinations_of(leaderboard)
    is_best = shown["combination"] == combinations["combination"].iloc[0]
    undecided = shown["combination"].isin(comparison.undecided if comparison else ())
    kind = [baselines, is_best, undecided, shown["tied_with_best"]]
    groups = np.select(kind, [names[4], names[0], names[2], names[1]], names[3])
    rows["group"] = pd.Categorical(groups, categories=[*GROUPS])
    left, right = limits_of(rows, objective)
    inset = 0.01 * (right - left)
    rows["outside"] = ~rows["value"].between(left, right)
    at_end = rows["value"].clip(left + inset, right - inset)
    rows["place"] = rows["value"].mask(rows["outside"], at_end)
    rows["below"] = (rows["value"] - rows["low"]).mask(rows["outside"], 0).clip(lower=0)
    rows["above"] = (rows["high"] - rows["value"]).mask(rows["outside"], 0).clip(lower=0)
    outside = int(rows["outside"].sum())
    kinds = "row" if (rows["outside"] & baselines).any() else "combination"
    of = count(len(combinations), "combination")
    if (drawn := int((~baselines).sum())) < len(combinations):
        of = f"the best {drawn} of {of}"
    if baselines.any():
        of += f" and {count(int(baselines.sum()), 'baseline')}"
    luck = "seeds and validation rows" if len(champion.seeds) > 1 else "validation rows alone"
    return RankingInfo(
        f"Validation {objective.label} of {of}, with intervals",
        style.subtitle(
            champion.budget,
            f"bars are {percent(champion.confidence)} intervals over {luck}",
            outside and f"triangles: {count(outside, kinds)} beyond the axis",
        ),
        objective,
        rows,
        (left, right),
    )


def limits_of(rows: pd.DataFrame, objective: Objective) -> tuple[float, float]:
    """Leave room for the better half; one that failed would press all others together."""
    if rows.empty:
        return (0.0, 1.0)
    half = rows.head(max(2, (len(rows) + 1) // 2))
    first, last = float(half["low"].min()), float(half["high"].max())
    room = 0.5 * (last - first)
    if objective.mode == "max":
        first = max(float(rows["low"].min()), first - room)
    else:
        last = min(float(rows["high"].max()), last + room)
    margin = 0.03 * (last - first) or 0.01
    return (first - margin, last + margin)


def plot(info: RankingInfo) -> go.Figure:
    """Draw one trace for the best, one for the tied and one for the others."""
    beyond = "triangle-left" if info.objective.mode == "max" else "triangle-right"
    traces = []
    for group, rows in info.rows.groupby("group", observed=True):
        colour, _, symbol = GROUPS[str(group)]
        symbols = np.where(rows["outside"], beyond, symbol).tolist()
        bar = {"color": colour, "thickness": 1.6, "width": 0, "type": "data", "symmetric": False}
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": group,
                "x": rows["place"],
                "y": [style.plotly_text(name) for name in rows["name"]],
                "customdata": rows[["value", "low", "high"]],
                "marker": {"color": colour, "size": 9, "symbol": symbols},
                "error_x": bar | {"array": rows["above"], "arrayminus": rows["below"]},
                "hovertemplate": "%{y}: %{customdata[0]:.4g}, interval "
                "%{customdata[1]:.4g} to %{customdata[2]:.4g}<extra></extra>",
            }
        )
    figure = go.Figure(traces)
    figure.update_xaxes(title_text=f"validation {info.objective.label}", range=info.limits)
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=[style.plotly_text(name) for name in info.rows["name"]],
        range=[max(len(info.rows), 1) - 0.3, -0.7],
        automargin=True,
        dtick=1,
    )
    return style.finish_plotly(figure, info, 170 + 22 * max(3, len(info.rows)), legend=LEGEND)


def draw(info: RankingInfo) -> mpl.figure.Figure:
    """Draw the ranking with Matplotlib."""
    figure = style.new_figure(8, max(3.4, 1.9 + 0.21 * len(info.rows)))
    axis = figure.subplots()
    beyond = "<" if info.objective.mode == "max" else ">"
    for group, rows in info.rows.groupby("group", observed=True):
        colour, symbol, plotly_symbol = GROUPS[str(group)]
        inside, away = rows[~rows["outside"]], rows[rows["outside"]]
        axis.errorbar(
            inside["value"],
            inside.index,
            xerr=[inside["below"], inside["above"]],
            fmt=symbol,
            color=colour,
            markerfacecolor="white" if plotly_symbol.endswith("open") else colour,
            markersize=5,
            linewidth=1.3,
            label=group,
        )
        axis.plot(away["place"], away.index, beyond, color=colour, markersize=5)
    names = info.rows["name"].tolist()
    axis.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axis.set(ylim=(max(len(names), 1) - 0.4, -0.6), xlim=info.limits)
    axis.set_xlabel(f"validation {info.objective.label}")
    style.style_axis(axis, grid="x")
    axis.legend(frameon=False, fontsize=9, loc="best")
    return style.finish_static(figure, info)
