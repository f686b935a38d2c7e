"""Learning curves: what every combination did, epoch by epoch."""

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Any

import pandas as pd

from dnn_sweep.core.figures.curves import (
    Curve,
    arrange,
    best_curves,
    mean_curves,
    upper_limit,
)
from dnn_sweep.core.figures.style import (
    colour_of,
    marker_of,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
)
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.wording import TIMES, count, describe_budget, describe_rows, format_value

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

PANEL_COLUMNS = 3


def _titles(
    histories: pd.DataFrame,
    curves: list[Curve],
    trained: int,
    objective: Objective,
    champion: Mapping[str, Any],
) -> tuple[str, str]:
    seeds = int(histories["seed"].nunique())
    best = "" if len(curves) == trained else f"the best {len(curves)} of "
    title = f"Learning curves of {best}{count(trained, 'combination')}: {objective.label}"
    notes = [describe_budget(champion), describe_rows(champion)]
    notes.append("training dashed, validation solid")
    if seeds > 1:
        notes.append(f"mean over {count(seeds, 'seed')}")
    if any(curve.diverged for curve in curves):
        notes.append(f"{TIMES} marks the end of a combination of which a trial diverged")
    limit = upper_limit(curves, objective)
    if limit is not None:
        notes.append(f"axis cut at {format_value(limit)}")
    return title, " · ".join(notes)


def plot_learning_curves(
    histories: pd.DataFrame, objective: Objective, champion: Mapping[str, Any]
) -> "go.Figure":
    """Draw every combination's training and validation curve, interactively.

    Up to seven combinations share a panel; more get a panel an activation and a colour an
    optimizer, and a click in the legend hides an optimizer in every panel.

    Args:
        histories: One row a trial and epoch.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The Plotly figure.
    """
    from plotly.subplots import make_subplots

    every = mean_curves(histories, objective)
    curves = best_curves(every, objective)
    panels = arrange(curves)
    columns = min(PANEL_COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=[plotly_text(name) for name in panels],
        horizontal_spacing=0.04,
        vertical_spacing=0.25 / rows,
    )
    labels: list[str] = []
    for place, members in enumerate(panels.values()):
        cell = {"row": place // columns + 1, "col": place % columns + 1}
        for label, curve in members:
            first = label not in labels
            if first:
                labels.append(label)
            index = labels.index(label)
            for split, values, dash in (
                ("training", curve.training, "dash"),
                ("validation", curve.validation, "solid"),
            ):
                figure.add_scatter(
                    x=curve.epochs,
                    y=values,
                    name=plotly_text(label),
                    legendgroup=label,
                    showlegend=first and split == "validation",
                    line={"color": colour_of(index), "dash": dash, "width": 1.6},
                    mode="lines+markers" if marker_of(index)[1] or len(values) < 3 else "lines",
                    marker={"symbol": marker_of(index)[1] or "circle", "size": 5},
                    opacity=0.6 if split == "training" else 1,
                    meta=[plotly_text(curve.combination), split],
                    hovertemplate="%{meta[0]}, %{meta[1]}<br>epoch %{x}: %{y:.4g}<extra></extra>",
                    **cell,
                )
            if curve.diverged and curve.end:
                figure.add_scatter(
                    x=[curve.end[0]],
                    y=[curve.end[1]],
                    mode="markers",
                    name=plotly_text(label),
                    legendgroup=label,
                    showlegend=False,
                    marker={"symbol": "x", "size": 9, "color": colour_of(index)},
                    meta=[plotly_text(curve.combination), "diverged"],
                    hovertemplate="%{meta[0]} diverged after epoch %{x}<extra></extra>",
                    **cell,
                )
    title_plotly(
        figure,
        *_titles(histories, curves, len(every), objective, champion),
        height=480 if rows == 1 else 140 + 240 * rows,
    )
    figure.update_xaxes(title_text="epoch", row=rows)
    figure.update_yaxes(title_text=objective.label, col=1)
    if (limit := upper_limit(curves, objective)) is not None:
        figure.update_yaxes(range=[0, limit])
    figure.update_layout(
        legend={"orientation": "h", "y": -0.22 if rows == 1 else -0.3 / rows, "yanchor": "top"},
        hovermode="closest",
    )
    return figure


def draw_learning_curves(
    histories: pd.DataFrame, objective: Objective, champion: Mapping[str, Any]
) -> "Figure":
    """Draw every combination's training and validation curve as a picture.

    Args:
        histories: One row a trial and epoch.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The matplotlib figure, in the same arrangement as the interactive one.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    every = mean_curves(histories, objective)
    curves = best_curves(every, objective)
    panels = arrange(curves)
    columns = min(PANEL_COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    figure = new_figure(9, 5.4) if len(panels) == 1 else new_figure(3.6 * columns, 1.2 + 2.7 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    labels: list[str] = []
    for axis, (name, members) in zip(axes, panels.items(), strict=False):
        axis.set_title(name, fontsize=10, parse_math=False)
        axis.grid(alpha=0.3, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for label, curve in members:
            if label not in labels:
                labels.append(label)
            index = labels.index(label)
            marker = marker_of(index)[0] or ("o" if len(curve.epochs) < 3 else "")
            look: dict[str, Any] = {"color": colour_of(index), "marker": marker, "markersize": 3}
            axis.plot(
                curve.epochs,
                curve.training,
                "--",
                linewidth=1,
                alpha=0.6,
                markerfacecolor="white",
                **look,
            )
            axis.plot(curve.epochs, curve.validation, "-", linewidth=1.6, **look)
            if curve.diverged and curve.end:
                axis.plot(*curve.end, "x", color=colour_of(index), markersize=8, markeredgewidth=2)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    for place, axis in enumerate(axes[: len(panels)]):
        # The lowest panel of a column says what the axis is, also where the last row is short.
        if place + columns >= len(panels):
            axis.set_xlabel("epoch")
            axis.tick_params(labelbottom=True)
        if place % columns == 0:
            axis.set_ylabel(objective.label)
    if (limit := upper_limit(curves, objective)) is not None:
        axes[0].set_ylim(0, limit)
    last = max(curve.epochs.max() for curve in curves)
    axes[0].set_xlim(1 - max(0.5, 0.03 * last), last + max(0.5, 0.03 * last))
    handles = [
        Line2D([], [], color=colour_of(i), marker=marker_of(i)[0], markersize=3)
        for i in range(len(labels))
    ]
    figure.legend(
        handles,
        [label.replace("$", r"\$") for label in labels],
        loc="outside right center",
        frameon=False,
        fontsize=9,
    )
    title_static(figure, *_titles(histories, curves, len(every), objective, champion))
    return figure
