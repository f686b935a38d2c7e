"""The heatmap: the metric of every activation with every optimizer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.formatting import format_value
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.reporting.figures import style

FACTORS = {"batch_size": "batch size", "dropout": "dropout", "kernel_initializer": "initializer"}
AXES = ("activation", "optimizer")


@dataclass(frozen=True)
class HeatmapInfo(style.FigureInfo):
    """What the heatmap shows."""

    objective: Objective
    activations: list[str]  # the rows, best first
    optimizers: list[str]  # the columns, best first
    values: NDArray[np.float64]  # shape (activations, optimizers); NaN where there is none
    texts: list[list[str]]  # of each cell; empty where the pair was not trained

    @property
    def scale(self) -> str:
        """The colour scale: brighter is better, whichever way the metric runs."""
        return "cividis" if self.objective.mode == "max" else "cividis_r"

    def ink(self, row: int, column: int) -> str | None:
        """Black on the bright half of the scale, white on its dark half, none on no colour."""
        value = self.values[row, column]
        if np.isnan(value):
            return None
        low, high = np.nanmin(self.values), np.nanmax(self.values)
        brightness = (value - low) / (high - low) if high > low else 0.5
        if self.objective.mode == "min":
            brightness = 1 - brightness
        return "black" if brightness > 0.45 else "white"


def prepare(leaderboard: pd.DataFrame, champion: Champion) -> HeatmapInfo:
    """Take the best combination of every activation and optimizer from the leaderboard."""
    objective = objective_of(champion.task)
    combinations = combinations_of(leaderboard)
    best = combinations.drop_duplicates(list(AXES))
    activations, optimizers = ([str(each) for each in best[axis].unique()] for axis in AXES)
    values = np.full((len(activations), len(optimizers)), np.nan)
    texts = [[""] * len(optimizers) for _ in activations]
    for place, row in enumerate(best.to_dict("records")):
        i, j = activations.index(str(row["activation"])), optimizers.index(str(row["optimizer"]))
        value = float(row[f"{objective.validation_metric}_mean"])
        lines = []
        if np.isfinite(value):
            values[i, j] = value
            mark = " ★" if place == 0 else " ≈" if row["tied_with_best"] else ""
            lines.append(format_value(value) + mark)
        if row["diverged"]:
            every = row["diverged"] == row["seeds"]
            lines.append("diverged" if every else f"{row['diverged']} of {row['seeds']} diverged")
        texts[i][j] = "\n".join(lines)
    varied = [name for column, name in FACTORS.items() if combinations[column].nunique() > 1]
    best_of = f" (each cell at its best {' and '.join(varied)})" if varied else ""
    ties = any("≈" in text for line in texts for text in line)
    return HeatmapInfo(
        f"Validation {objective.label} by activation and optimizer{best_of}",
        style.subtitle(
            champion.budget,
            champion.rows,
            "★\N{NO-BREAK SPACE}best",
            ties and "≈ cannot be told apart from it",
        ),
        objective,
        activations,
        optimizers,
        values,
        texts,
    )


def plot(info: HeatmapInfo) -> go.Figure:
    """Draw the heatmap with Plotly."""
    figure = style.plot_cells(
        info.activations,
        info.optimizers,
        AXES,
        info.objective.label,
        z=info.values,
        colorscale=info.scale,
        hoverongaps=False,
        hovertemplate="%{y} + %{x}: %{z:.4g}<extra></extra>",
        xgap=2,
        ygap=2,
    )
    # Not the trace's own texts: they are grey on grey in the scale's middle, and none is written
    # into a cell without a value. All at once: Plotly copies what is there for each one added.
    texts = [
        {"x": j, "y": i, "text": info.texts[i][j].replace("\n", "<br>"), "showarrow": False}
        | {"font": {"color": info.ink(i, j)}}
        for i, j in np.ndindex(info.values.shape)
        if info.texts[i][j]
    ]
    height = 220 + 60 * max(2, len(info.activations))
    return style.finish_plotly(figure, info, height, annotations=texts)


def draw(info: HeatmapInfo) -> mpl.figure.Figure:
    """Draw the heatmap with Matplotlib."""
    rows, columns = info.values.shape
    figure = style.new_figure(max(6.0, 2.6 + 1.15 * columns), max(3.4, 1.9 + 0.6 * rows))
    axis = figure.subplots()
    image = axis.imshow(np.ma.masked_invalid(info.values), cmap=info.scale, aspect="auto")
    for i, j in np.ndindex(rows, columns):
        ink = info.ink(i, j) or "black"
        axis.text(j, i, info.texts[i][j], color=ink, ha="center", va="center", fontsize=9)
    style.label_cells(axis, info.activations, info.optimizers, AXES)
    if max(map(len, info.optimizers)) > 10:
        axis.tick_params(axis="x", rotation=30)
    if np.isfinite(info.values).any():
        figure.colorbar(image, ax=axis, label=info.objective.label)
    return style.finish_static(figure, info)
