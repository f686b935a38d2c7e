"""The heatmap: the metric of every activation with every optimizer."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.diagnosis.verdicts import HEALTHY
from dnn_sweep.core.formatting import format_value
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures import style

FACTORS = {"batch_size": "batch size", "dropout": "dropout", "kernel_initializer": "initializer"}
AXES = ("activation", "optimizer")
FAILED = "#A9ADB2"  # stands out from a light and from a dark page
OUTLINE = {"color": style.COLOURS[3], "width": 3}
WIDEST = 13  # characters of a line in a cell


@dataclass(frozen=True)
class HeatmapInfo(style.FigureInfo):
    """What the heatmap shows."""

    objective: Objective
    activations: list[str]  # the rows, best first
    optimizers: list[str]  # the columns, best first
    values: NDArray[np.float64]  # shape (activations, optimizers); NaN where there is none
    texts: list[list[str]]  # of each cell; empty where the pair was not trained
    failed: NDArray[np.bool_]  # shape as the values; these cells are grey
    tied: NDArray[np.bool_]  # the best and those that learned and are tied with it: outlined
    limits: tuple[float, float]  # of the colour scale

    @property
    def scale(self) -> str:
        """The colour scale, in which no grey occurs: brighter is better."""
        return "viridis" if self.objective.mode == "max" else "viridis_r"

    @property
    def coloured(self) -> NDArray[np.float64]:
        """The values of those that learned."""
        return np.where(self.failed, np.nan, self.values)

    def ink(self, row: int, column: int) -> str | None:
        """Black on grey and on the bright half of the scale, white on its dark half."""
        if self.failed[row, column]:
            return "black"
        value = self.values[row, column]
        if np.isnan(value):
            return None
        low, high = self.limits
        brightness = (value - low) / (high - low)
        if self.objective.mode == "min":
            brightness = 1 - brightness
        return "black" if brightness > 0.45 else "white"

    def outline(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """Draw the outline of the tied cells as lines between corners ``(x, y)``."""
        lines = []
        inside = np.pad(self.tied, 1)
        for i, j in np.argwhere(self.tied):
            left, right, top, bottom = j - 0.5, j + 0.5, i - 0.5, i + 0.5
            for neighbour, line in (
                (inside[i, j + 1], ((left, top), (right, top))),
                (inside[i + 2, j + 1], ((left, bottom), (right, bottom))),
                (inside[i + 1, j], ((left, top), (left, bottom))),
                (inside[i + 1, j + 2], ((right, top), (right, bottom))),
            ):
                if not neighbour:
                    lines.append(line)
        return lines


def prepare(
    leaderboard: pd.DataFrame,
    champion: Champion,
    verdicts: pd.DataFrame,
    comparison: Comparison | None = None,
) -> HeatmapInfo:
    """Take the best combination of every activation and optimizer from the leaderboard.

    The ``comparison`` names the undecided.
    """
    too_few = comparison.undecided if comparison else ()
    objective = champion.metric
    combinations = combinations_of(leaderboard)
    best = combinations.drop_duplicates(list(AXES))
    activations, optimizers = ([str(each) for each in best[axis].unique()] for axis in AXES)
    metric = objective.validation_metric
    own = sorted(float(best.iloc[0][f"{metric}_ci_{end}"]) for end in ("low", "high"))
    judged = dict(zip(verdicts["combination"].map(str), verdicts["verdict"], strict=True))
    values = np.full((len(activations), len(optimizers)), np.nan)
    failed, tied = np.zeros(values.shape, dtype=bool), np.zeros(values.shape, dtype=bool)
    texts, undecided = [[""] * len(optimizers) for _ in activations], False
    for place, row in enumerate(best.to_dict("records")):
        i, j = activations.index(str(row["activation"])), optimizers.index(str(row["optimizer"]))
        value = float(row[f"{metric}_mean"])
        verdict = str(judged.get(str(row["combination"]), HEALTHY))
        not_shown = place == 0 or bool(row["tied_with_best"])
        # Tied and far below the best: only its own seeds differ too much to tell.
        far = place > 0 and not own[0] <= value <= own[1]
        failed[i, j] = row["diverged"] == row["seeds"] or (
            verdict != HEALTHY and (far or not not_shown)
        )
        tied[i, j] = not_shown and not failed[i, j] and row["combination"] not in too_few
        undecided |= not_shown and not tied[i, j]
        lines = []
        if np.isfinite(value):
            values[i, j] = value
            mark = " ★" if place == 0 else " ≈" if tied[i, j] else " ?" if not_shown else ""
            lines.append(format_value(value) + mark)
        if row["diverged"]:
            every = row["diverged"] == row["seeds"]
            lines.append("diverged" if every else f"{row['diverged']} of {row['seeds']} diverged")
        elif failed[i, j]:
            lines.append(fill(verdict, WIDEST))
        texts[i][j] = "\n".join(lines)
    varied = [name for column, name in FACTORS.items() if combinations[column].nunique() > 1]
    best_of = f" (each cell at its best {' and '.join(varied)})" if varied else ""
    return HeatmapInfo(
        f"Validation {objective.label} by activation and optimizer{best_of}",
        style.subtitle(
            champion.budget,
            champion.rows,
            "★\N{NO-BREAK SPACE}best",
            tied.sum() > 1 and "≈ and outline: cannot be told apart from it",
            failed.any() and "grey: failed, and why",
            undecided and "?\N{NO-BREAK SPACE}seeds differ too much to tell",
        ),
        objective,
        activations,
        optimizers,
        values,
        texts,
        failed,
        tied,
        _limits(np.where(failed, np.nan, values), best.iloc[0], objective),
    )


def _limits(
    learned: NDArray[np.float64], best: pd.Series, objective: Objective
) -> tuple[float, float]:
    """The range of those that learned, or the best one's interval where that is wider.

    So no small difference, which chance could have made, looks large.
    """
    metric = objective.validation_metric
    known = learned[np.isfinite(learned)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    interval = float(best[f"{metric}_ci_high"] - best[f"{metric}_ci_low"])
    span = max(high - low, interval if np.isfinite(interval) else 0.0) or 1.0
    return (high - span, high) if objective.mode == "max" else (low, low + span)


def plot(info: HeatmapInfo) -> go.Figure:
    """Draw the heatmap with Plotly."""
    look = {"hoverongaps": False, "xgap": 2, "ygap": 2}
    hover = "%{y} + %{x}: %{z:.4g}"
    figure = style.plot_cells(
        info.activations,
        info.optimizers,
        AXES,
        info.objective.label,
        z=info.coloured,
        zmin=info.limits[0],
        zmax=info.limits[1],
        colorscale=info.scale,
        hovertemplate=f"{hover}<extra></extra>",
        **look,
    )
    figure.add_heatmap(
        x=figure.data[0].x,
        y=figure.data[0].y,
        z=np.where(info.failed, np.nan_to_num(info.values), np.nan),
        colorscale=[[0, FAILED], [1, FAILED]],
        showscale=False,
        hovertemplate=f"{hover}, failed<extra></extra>",
        **look,
    )
    # Not the trace's own texts: they are grey on grey in the scale's middle, and none is written
    # into a cell without a value. All at once: Plotly copies what is there for each one added.
    texts = [
        {"x": j, "y": i, "text": info.texts[i][j].replace("\n", "<br>"), "showarrow": False}
        | {"font": {"color": info.ink(i, j)}}
        for i, j in np.ndindex(info.values.shape)
        if info.texts[i][j]
    ]
    outline = [
        {"type": "line", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "line": OUTLINE}
        for (x0, y0), (x1, y1) in info.outline()
    ]
    rows, columns = info.values.shape  # with room for the outline at the edge
    figure.update_xaxes(range=[-0.52, columns - 0.48])
    figure.update_yaxes(range=[rows - 0.48, -0.52], autorange=False)
    height = 220 + 60 * max(2, rows)
    return style.finish_plotly(figure, info, height, annotations=texts, shapes=outline)


def draw(info: HeatmapInfo) -> mpl.figure.Figure:
    """Draw the heatmap with Matplotlib."""
    rows, columns = info.values.shape
    figure = style.new_figure(max(6.0, 2.6 + 1.15 * columns), max(3.4, 1.9 + 0.6 * rows))
    axis = figure.subplots()
    image = axis.imshow(
        np.ma.masked_invalid(info.coloured),
        cmap=info.scale,
        aspect="auto",
        vmin=info.limits[0],
        vmax=info.limits[1],
    )
    for i, j in np.argwhere(info.failed):
        axis.add_patch(mpl.patches.Rectangle((j - 0.5, i - 0.5), 1, 1, color=FAILED, lw=0))
    for i, j in np.ndindex(rows, columns):
        ink = info.ink(i, j) or "black"
        size = 8 if "\n" in info.texts[i][j] else 9
        axis.text(j, i, info.texts[i][j], color=ink, ha="center", va="center", fontsize=size)
    for (x0, y0), (x1, y1) in info.outline():
        axis.plot(
            [x0, x1], [y0, y1], color=OUTLINE["color"], lw=2, solid_capstyle="round", clip_on=False
        )
    axis.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    style.label_cells(axis, info.activations, info.optimizers, AXES)
    if max(map(len, info.optimizers)) > 10:
        axis.tick_params(axis="x", rotation=30)
    if np.isfinite(info.coloured).any():
        figure.colorbar(image, ax=axis, label=info.objective.label)
    return style.finish_static(figure, info)
