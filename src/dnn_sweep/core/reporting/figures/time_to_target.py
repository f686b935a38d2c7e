"""Time to target: how often each combination is how much slower than the fastest."""

from typing import TYPE_CHECKING

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.time_to_target import Profile, Target, Unit, performance_profiles
from dnn_sweep.core.formatting import count
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures.style import (
    COLOURS,
    SHOWN_AT_FIRST,
    colour_of,
    marker_of,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
    visible_at_first,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

AXIS = "share of seeds"
FACTORS = [1, 1.25, 1.5, 2, 3, 4, 5, 7, 10, 20, 50, 100, 200, 500, 1000]
NAMES: dict[Unit, str] = {
    "epochs": "epochs",
    "steps": "optimizer steps",
    "seconds": "seconds of training",
}


def _titles(
    times: pd.DataFrame,
    profiles: list[Profile],
    target: Target,
    objective: Objective,
    champion: Champion,
    unit: Unit,
) -> tuple[str, str]:
    never = times["combination"].nunique() - len(profiles)
    notes = [str(champion.budget), f"target: {target.describe(objective)}"]
    seeds = int(times["seed"].nunique())
    notes.append(
        f"{NAMES[unit]} until then, compared on each of {count(seeds, 'seed')} with the "
        "fastest combination on it"
    )
    if never:
        notes.append(f"{count(never, 'combination')} never got there")
    return "Time to target: who is within a factor of the fastest", " · ".join(notes)


def _drawn(times: pd.DataFrame, unit: Unit) -> list[Profile]:
    """Those that got there at least once; a flat line at zero tells nothing."""
    return [profile for profile in performance_profiles(times, unit) if profile.shares.any()]


def _width(index: int) -> float:
    """Later lines are thinner: seeds are few, so steps coincide, and all are to be seen."""
    return max(2.0, 7.4 - 0.9 * index)


def plot_time_to_target(
    times: pd.DataFrame,
    target: Target,
    objective: Objective,
    champion: Champion,
    unit: Unit = "epochs",
) -> "go.Figure":
    """Draw performance profiles, interactively.

    Args:
        times: From `dnn_sweep.core.comparison.time_to_target.time_to_target`.
        target: What had to be reached; stated in the title.
        objective: Which metric that is.
        champion: The champion's record, for the budget in the title.
        unit: Which time is compared. Epochs count the rows that were computed with, the same on
            every machine and under every engine; seconds of trials that trained in one stack
            are shares of the stack's.

    Returns:
        The Plotly figure; a step function a combination, the best seven drawn at first.
    """
    import plotly.graph_objects as go

    profiles = _drawn(times, unit)
    figure = go.Figure(
        [
            {
                "type": "scatter",
                "mode": "lines+markers",
                "x": profile.factors,
                "y": profile.shares,
                "name": plotly_text(profile.combination),
                "legendgroup": plotly_text(profile.combination),
                "visible": visible_at_first(index),
                "line": {"color": colour_of(index), "shape": "hv", "width": _width(index)},
                "marker": {"symbol": marker_of(index)[1] or "circle", "size": 5},
                "meta": [plotly_text(profile.combination)],
                "hovertemplate": "%{meta[0]}: %{y:.0%} of seeds within %{x:.3g} times the "
                "fastest<extra></extra>",
            }
            for index, profile in enumerate(profiles)
        ]
    )
    title_plotly(figure, *_titles(times, profiles, target, objective, champion, unit), height=420)
    figure.update_xaxes(
        title_text=f"{NAMES[unit]}, times the fastest", type="log", tickvals=FACTORS
    )
    figure.update_yaxes(title_text=AXIS, range=[-0.03, 1.05], tickformat=".0%")
    figure.update_layout(hovermode="closest")
    return figure


def draw_time_to_target(
    times: pd.DataFrame,
    target: Target,
    objective: Objective,
    champion: Champion,
    unit: Unit = "epochs",
) -> "Figure":
    """Draw performance profiles as a picture: the best seven in colour, the others in grey.

    Args:
        times: From `dnn_sweep.core.comparison.time_to_target.time_to_target`.
        target: What had to be reached; stated in the title.
        objective: Which metric that is.
        champion: The champion's record, for the budget in the title.
        unit: Which time is compared. Epochs count the rows that were computed with, the same on
            every machine and under every engine; seconds of trials that trained in one stack
            are shares of the stack's.

    Returns:
        The matplotlib figure.
    """
    from matplotlib.ticker import NullLocator, PercentFormatter, StrMethodFormatter

    profiles = _drawn(times, unit)
    figure = new_figure(8.5, 4.6)
    axis = figure.subplots()
    for index, profile in enumerate(profiles):
        first = index < SHOWN_AT_FIRST
        axis.step(
            profile.factors,
            profile.shares,
            where="post",
            color=colour_of(index) if first else COLOURS[-1],
            linewidth=0.7 * _width(index) if first else 0.7,
            zorder=2 + 0.1 * index if first else 1.5,
            alpha=1 if first else 0.5,
            label=profile.combination.replace("$", r"\$") if first else None,
        )
    axis.set_xscale("log")
    last = max((profile.factors[-1] for profile in profiles), default=2.0)
    axis.set_xticks([factor for factor in FACTORS if factor <= last])
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_ylim(-0.03, 1.05)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.grid(alpha=0.3, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel(f"{NAMES[unit]}, times the fastest")
    axis.set_ylabel(AXIS)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False, fontsize=9)
    title_static(figure, *_titles(times, profiles, target, objective, champion, unit))
    return figure
