"""Learning curves: what every combination did, epoch by epoch."""

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import TIMES, count, format_value
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures.curves import (
    Curve,
    arrange,
    best_curves,
    mean_curves,
    upper_limit,
)
from dnn_sweep.core.reporting.figures.style import (
    colour_of,
    marker_of,
    new_figure,
    pale,
    plotly_text,
    title_plotly,
    title_static,
    visible_at_first,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

PANEL_COLUMNS = 3


def _titles(
    histories: pd.DataFrame,
    curves: list[Curve],
    trained: int,
    objective: Objective,
    champion: Champion,
) -> tuple[str, str]:
    seeds = int(histories["seed"].nunique())
    best = "" if len(curves) == trained else f"the best {len(curves)} of "
    title = f"Learning curves of {best}{count(trained, 'combination')}: {objective.label}"
    notes = [str(champion.budget), str(champion.rows)]
    notes.append("training dashed, validation solid")
    if seeds > 1:
        notes.append(f"mean over {count(seeds, 'seed')}, band from the lowest to the highest one")
    if any(curve.diverged for curve in curves):
        notes.append(f"{TIMES} marks the end of a combination of which a trial diverged")
    limit = upper_limit(curves, objective)
    if limit is not None:
        notes.append(f"axis cut at {format_value(limit)}")
    return title, " · ".join(notes)


def plot_learning_curves(
    histories: pd.DataFrame, objective: Objective, champion: Champion
) -> "go.Figure":
    """Draw every combination's training and validation curve, interactively.

    All share one panel, which a telephone can show. The best are drawn at first, one a colour;
    the others wait in the legend, and in the report's own list of combinations.

    Args:
        histories: One row a trial and epoch.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The Plotly figure; a combination's traces share a legend group.
    """
    import plotly.graph_objects as go

    every = mean_curves(histories, objective)
    curves = best_curves(every, objective)
    ordered = sorted(curves, key=lambda curve: -curve.furthest(objective))
    several = histories["seed"].nunique() > 1
    # All at once: plotly copies what is there for each trace added.
    figure = go.Figure(
        [trace for index, curve in enumerate(ordered) for trace in _traces(index, curve, several)]
    )
    title_plotly(figure, *_titles(histories, curves, len(every), objective, champion), height=480)
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text=objective.label)
    if (limit := upper_limit(curves, objective)) is not None:
        figure.update_yaxes(range=[0, limit])
    figure.update_layout(hovermode="closest")
    return figure


def _traces(index: int, curve: Curve, several: bool) -> list[dict[str, Any]]:
    """The band over the seeds, the two lines and the mark of a divergence."""
    colour, symbol = colour_of(index), marker_of(index)[1]
    name = plotly_text(curve.combination)
    shared = {"name": name, "legendgroup": name, "visible": visible_at_first(index)}
    traces: list[dict[str, Any]] = []
    inside = np.isfinite(curve.low)
    if several and inside.any():
        epochs = curve.epochs[inside]
        traces.append(
            shared
            | {
                "x": np.concatenate([epochs, epochs[::-1]]),
                "y": np.concatenate([curve.high[inside], curve.low[inside][::-1]]),
                "mode": "lines",
                "line": {"width": 0, "color": colour},
                "fill": "toself",
                "fillcolor": pale(colour, 0.18),
                "showlegend": False,
                "hoverinfo": "skip",
                "meta": [name, "band"],
            }
        )
    for split, values, dash in (
        ("training", curve.training, "dash"),
        ("validation", curve.validation, "solid"),
    ):
        validation = split == "validation"
        hover = "%{meta[0]}, %{meta[1]}<br>epoch %{x}: %{y:.4g}"
        if several and validation:
            hover += "<br>seeds %{customdata[0]:.4g} to %{customdata[1]:.4g}"
        traces.append(
            shared
            | {
                "x": curve.epochs,
                "y": values,
                "customdata": np.stack([curve.low, curve.high], axis=1) if validation else None,
                "showlegend": validation,
                "line": {"color": colour, "dash": dash, "width": 1.8 if validation else 1.2},
                "mode": "lines+markers" if symbol or len(values) < 3 else "lines",
                "marker": {"symbol": symbol or "circle", "size": 5},
                "opacity": 1 if validation else 0.6,
                "meta": [name, split],
                "hovertemplate": hover + "<extra></extra>",
            }
        )
    if curve.diverged and curve.end:
        traces.append(
            shared
            | {
                "x": [curve.end[0]],
                "y": [curve.end[1]],
                "mode": "markers",
                "showlegend": False,
                "marker": {"symbol": "x", "size": 9, "color": colour},
                "meta": [name, "diverged"],
                "hovertemplate": "%{meta[0]} diverged after epoch %{x}<extra></extra>",
            }
        )
    return traces


def draw_learning_curves(
    histories: pd.DataFrame, objective: Objective, champion: Champion
) -> "Figure":
    """Draw every combination's training and validation curve as a picture.

    Up to seven combinations share a panel; more get a panel an activation and a colour an
    optimizer, since nobody can choose in a picture.

    Args:
        histories: One row a trial and epoch.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The matplotlib figure.
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
    several = histories["seed"].nunique() > 1
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
            if several:
                axis.fill_between(
                    curve.epochs, curve.low, curve.high, color=colour_of(index), alpha=0.15, lw=0
                )
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
