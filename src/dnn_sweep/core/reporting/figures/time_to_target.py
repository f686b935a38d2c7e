"""Time to target: how often each combination is how much slower than the fastest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison import time_to_target as measuring
from dnn_sweep.core.formatting import count
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.reporting.figures import style

FACTOR_AXIS = "epochs, times the fastest"
SHARE_AXIS = "share of seeds"
FACTORS = [1, 1.25, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100, 200, 500, 1000]


@dataclass(frozen=True)
class TimeToTargetInfo(style.FigureInfo):
    """What the performance profiles show."""

    profiles: list[measuring.Profile]  # of those that ever reached the target, best first


def measure_time_to_target(histories: pd.DataFrame, champion: Champion) -> pd.DataFrame:
    """Measure when each trial reached the default target; return one row per trial.

    >>> measure_time_to_target(histories, champion)[["combination", "reached"]].to_numpy().tolist()
    [['relu + sgd', False], ['relu + adam', True]]
    """
    objective = champion.metric.by_epoch
    target = measuring.default_target(histories, objective).value
    return measuring.time_to_target(histories, objective, champion.rows.trained_on, target)


def prepare(
    time_to_target: pd.DataFrame, histories: pd.DataFrame, champion: Champion
) -> TimeToTargetInfo:
    """Compare the epochs to the target with those of the fastest combination on each seed.

    Epochs count the rows that were computed with: the same on every machine and under every
    engine. The seconds of trials that trained in one stack are shares of the stack's.
    """
    objective = champion.metric.by_epoch
    target = measuring.default_target(histories, objective)
    profiles = [p for p in measuring.performance_profiles(time_to_target) if p.shares.any()]
    never = time_to_target["combination"].nunique() - len(profiles)
    seeds = count(int(time_to_target["seed"].nunique()), "seed")
    return TimeToTargetInfo(
        "Time to target: share of seeds within a factor of the fastest combination",
        style.subtitle(
            champion.budget,
            f"target: {target.describe(objective)}",
            f"epochs to the target, compared with the fastest combination on each of {seeds}",
            never and f"{count(never, 'combination')} never reached the target",
        ),
        profiles,
    )


def _width(index: int) -> float:
    """Later lines are thinner: seeds are few, so steps coincide, and all are to be seen."""
    return max(2.0, 7.4 - 0.9 * index)


def plot(info: TimeToTargetInfo) -> go.Figure:
    """Draw one step function per combination; the best seven are visible at first."""
    hover = "%{meta[0]}: %{y:.0%} of seeds within %{x:.3g} times the fastest"
    traces = [
        style.scatter(
            profile.combination,
            hover,
            profile.combination,
            mode="lines+markers",
            x=profile.factors,
            y=profile.shares,
            visible=style.visible_at_first(index),
            line={"color": style.colour_of(index), "shape": "hv", "width": _width(index)},
            marker={"symbol": style.marker_of(index)[1] or "circle", "size": 5},
        )
        for index, profile in enumerate(info.profiles)
    ]
    figure = go.Figure(traces)
    figure.update_xaxes(title_text=FACTOR_AXIS, type="log", tickvals=FACTORS)
    figure.update_yaxes(title_text=SHARE_AXIS, range=[-0.03, 1.05], tickformat=".0%")
    return style.finish_plotly(figure, info, 420, hovermode="closest")


def draw(info: TimeToTargetInfo) -> mpl.figure.Figure:
    """Draw the best seven in colour and the others in grey."""
    figure = style.new_figure(8.5, 4.6)
    axis = figure.subplots()
    for index, profile in enumerate(info.profiles):
        look: dict[str, Any] = {"color": style.GREY, "linewidth": 0.7, "zorder": 1.5, "alpha": 0.5}
        if index < style.SHOWN_AT_FIRST:
            look = {"color": style.colour_of(index), "linewidth": 0.7 * _width(index)}
            look |= {"zorder": 2 + 0.1 * index, "label": profile.combination}
        axis.step(profile.factors, profile.shares, where="post", **look)
    axis.set_xscale("log")
    last = max((profile.factors[-1] for profile in info.profiles), default=2.0)
    axis.set_xticks([factor for factor in FACTORS if factor <= last])
    axis.xaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    axis.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1.0))
    style.style_axis(axis)
    axis.set(xlabel=FACTOR_AXIS, ylabel=SHARE_AXIS, ylim=(-0.03, 1.05))
    style.outside_legend(figure, *axis.get_legend_handles_labels())
    return style.finish_static(figure, info)
