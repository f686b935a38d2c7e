"""The heatmap: how well every activation did with every optimizer."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import format_value
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures.style import (
    VALUE_SCALE,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

FURTHER_FACTORS = {
    "batch_size": "batch size",
    "dropout": "dropout",
    "kernel_initializer": "initializer",
}


@dataclass(frozen=True)
class Cells:
    """What the heatmap shows.

    Args:
        activations: The rows, best first.
        optimizers: The columns, best first.
        values: The objective, shape ``(activations, optimizers)``; NaN where there is none.
        texts: What is written in each cell; empty where the pair was not trained.
        best_of: Factors of which each cell shows the best choice.
        ties: Whether a cell besides the best carries the mark of a tie.
        diverged: Whether a cell tells of diverged trials.
    """

    activations: list[str]
    optimizers: list[str]
    values: NDArray[np.float64]
    texts: list[list[str]]
    best_of: list[str]
    ties: bool
    diverged: bool


def heatmap_cells(leaderboard: pd.DataFrame, objective: Objective) -> Cells:
    """Take the best combination of every pair from the leaderboard.

    Args:
        leaderboard: One row a combination, best first.
        objective: Which metric is shown.

    Returns:
        The cells.
    """
    best = leaderboard.drop_duplicates(["activation", "optimizer"])
    activations = [str(each) for each in best["activation"].unique()]
    optimizers = [str(each) for each in best["optimizer"].unique()]
    values = np.full((len(activations), len(optimizers)), np.nan)
    texts = [[""] * len(optimizers) for _ in activations]
    for row in best.to_dict("records"):
        i, j = activations.index(str(row["activation"])), optimizers.index(str(row["optimizer"]))
        value = float(row[f"{objective.validation_metric}_mean"])
        lines = []
        if np.isfinite(value):
            values[i, j] = value
            mark = " ★" if row["rank"] == 1 else " ≈" if row["tied_with_best"] else ""
            lines.append(format_value(value) + mark)
        if row["diverged"]:
            every = row["diverged"] == row["seeds"]
            lines.append("diverged" if every else f"{row['diverged']} of {row['seeds']} diverged")
        texts[i][j] = "\n".join(lines)
    return Cells(
        activations=activations,
        optimizers=optimizers,
        values=values,
        texts=texts,
        best_of=[
            label for column, label in FURTHER_FACTORS.items() if leaderboard[column].nunique() > 1
        ],
        ties=any("≈" in text for line in texts for text in line),
        diverged=any("diverged" in text for line in texts for text in line),
    )


def _titles(cells: Cells, objective: Objective, champion: Champion) -> tuple[str, str]:
    title = f"Validation {objective.label} by activation and optimizer"
    if cells.best_of:
        title += f" (each cell at its best {' and '.join(cells.best_of)})"
    notes = [str(champion.budget), str(champion.rows), "★\N{NO-BREAK SPACE}best"]
    if cells.ties:
        notes.append("≈ cannot be told apart from it")
    return title, " · ".join(notes)


def _scale(objective: Objective) -> str:
    """Brighter is better, whichever way the metric runs."""
    return VALUE_SCALE + ("" if objective.mode == "max" else "_r")


def _ink(cells: Cells, objective: Objective, row: int, column: int) -> str | None:
    """Black on the scale's bright half, white on its dark half, the page's own on no colour."""
    value = cells.values[row, column]
    if np.isnan(value):
        return None
    low, high = np.nanmin(cells.values), np.nanmax(cells.values)
    brightness = (value - low) / (high - low) if high > low else 0.5
    if objective.mode == "min":
        brightness = 1 - brightness
    return "black" if brightness > 0.45 else "white"


def plot_heatmap(
    leaderboard: pd.DataFrame, objective: Objective, champion: Champion
) -> "go.Figure":
    """Draw the validation objective of every activation with every optimizer, interactively.

    Args:
        leaderboard: One row a combination, best first.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The Plotly figure.
    """
    import plotly.graph_objects as go

    cells = heatmap_cells(leaderboard, objective)
    figure = go.Figure(
        go.Heatmap(
            x=[plotly_text(each) for each in cells.optimizers],
            y=[plotly_text(each) for each in cells.activations],
            z=cells.values,
            colorscale=_scale(objective),
            colorbar={"title": {"text": objective.label, "side": "right"}, "thickness": 12},
            hoverongaps=False,
            hovertemplate="%{y} + %{x}: %{z:.4g}<extra></extra>",
            xgap=2,
            ygap=2,
        )
    )
    # Not the trace's own texts: they are grey on grey in the scale's middle, and none is written
    # into a cell without a value. All at once: plotly copies what is there for each one added.
    figure.update_layout(
        annotations=[
            {
                "x": j,
                "y": i,
                "text": cells.texts[i][j].replace("\n", "<br>"),
                "showarrow": False,
                "font": {"color": _ink(cells, objective, i, j)},
            }
            for i, j in np.ndindex(cells.values.shape)
            if cells.texts[i][j]
        ]
    )
    title_plotly(
        figure,
        *_titles(cells, objective, champion),
        height=220 + 60 * max(2, len(cells.activations)),
    )
    # Categories, so that no name is read as a number or a date.
    figure.update_xaxes(type="category", title_text="optimizer", showgrid=False)
    figure.update_yaxes(
        type="category", title_text="activation", autorange="reversed", showgrid=False
    )
    return figure


def draw_heatmap(leaderboard: pd.DataFrame, objective: Objective, champion: Champion) -> "Figure":
    """Draw the validation objective of every activation with every optimizer as a picture.

    Args:
        leaderboard: One row a combination, best first.
        objective: Which metric is shown.
        champion: The champion's record, for the budget in the title.

    Returns:
        The matplotlib figure.
    """
    cells = heatmap_cells(leaderboard, objective)
    rows, columns = cells.values.shape
    figure = new_figure(max(6.0, 2.6 + 1.15 * columns), max(3.4, 1.9 + 0.6 * rows))
    axis = figure.subplots()
    image = axis.imshow(np.ma.masked_invalid(cells.values), cmap=_scale(objective), aspect="auto")
    for i, j in np.ndindex(rows, columns):
        axis.text(
            j,
            i,
            cells.texts[i][j],
            ha="center",
            va="center",
            fontsize=9,
            color=_ink(cells, objective, i, j) or "black",
        )
    axis.set_xticks(range(columns), cells.optimizers, parse_math=False)
    axis.set_yticks(range(rows), cells.activations, parse_math=False)
    if max(map(len, cells.optimizers)) > 10:
        axis.tick_params(axis="x", rotation=30)
    axis.set_xlabel("optimizer")
    axis.set_ylabel("activation")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    if np.isfinite(cells.values).any():
        figure.colorbar(image, ax=axis, label=objective.label)
    title_static(figure, *_titles(cells, objective, champion))
    return figure
