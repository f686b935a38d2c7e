"""The champion on the test set: a confusion matrix, or predicted against true values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import count
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.reporting.figures import style

COUNT_SCALE = "Blues"
AXES = ("true", "predicted")
SHARE = "share of the true class"
CLASSES_WITH_COUNTS = 20  # the counts of more would not fit into their cells


@dataclass(frozen=True)
class ConfusionInfo(style.FigureInfo):
    """How often each class was predicted as which."""

    labels: list[str]
    counts: NDArray[np.int64]  # rows of true, columns of predicted labels
    shares: NDArray[np.float64]  # the same as shares of the true class

    @property
    def with_counts(self) -> bool:
        """Whether the counts fit into their cells."""
        return len(self.labels) <= CLASSES_WITH_COUNTS


@dataclass(frozen=True)
class RegressionInfo(style.FigureInfo):
    """Predicted against true values, in the unit of the target."""

    rows: pd.DataFrame  # row_id, true, predicted
    diagonal: list[float]  # ends of the line on which a prediction is right


def prepare(
    confusion_matrix: pd.DataFrame, test_predictions: pd.DataFrame, champion: Champion
) -> ConfusionInfo | RegressionInfo:
    """Collect the counts of a classification, or the predicted values of a regression.

    The first column of the confusion matrix has the true labels, the others are the predicted
    labels in the same order.
    """
    regression = champion.task == "regression"
    shown = "predicted against true values" if regression else "confusion matrix"
    objective = champion.metric
    titles = (
        f"{champion.name} on the test set: {shown}",
        style.subtitle(
            f"{objective.label} {champion.test[objective.metric]}",
            count(champion.rows.test, "test row"),
            f"chosen from {champion.budget}",
        ),
    )
    if regression:
        values = test_predictions[list(AXES)].to_numpy(dtype=np.float64)
        diagonal = [float(np.nanmin(values)), float(np.nanmax(values))]
        return RegressionInfo(*titles, test_predictions, diagonal)
    # By position: a class that is called "true" gives two columns of that name.
    labels = [str(label) for label in confusion_matrix.iloc[:, 0]]
    counts = confusion_matrix.iloc[:, 1:].to_numpy(dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return ConfusionInfo(*titles, labels, counts, shares)


def plot(info: ConfusionInfo | RegressionInfo) -> go.Figure:
    """Draw the confusion matrix, or the scatter of a regression, with Plotly."""
    return _plot_scatter(info) if isinstance(info, RegressionInfo) else _plot_confusion(info)


def draw(info: ConfusionInfo | RegressionInfo) -> mpl.figure.Figure:
    """Draw the confusion matrix, or the scatter of a regression, with Matplotlib."""
    return _draw_scatter(info) if isinstance(info, RegressionInfo) else _draw_confusion(info)


def _plot_confusion(info: ConfusionInfo) -> go.Figure:
    figure = style.plot_cells(
        info.labels,
        info.labels,
        AXES,
        SHARE,
        z=info.shares,
        zmin=0,
        zmax=1,
        text=info.counts,
        texttemplate="%{text}" if info.with_counts else None,
        colorscale=COUNT_SCALE,
        meta="shares",  # the page gives it other colours when it is dark
        colorbar_tickformat=".0%",
        hovertemplate="true %{y}, predicted %{x}: %{text} (%{z:.1%})<extra></extra>",
        xgap=1,
        ygap=1,
    )
    return style.finish_plotly(figure, info, 220 + max(160, min(560, 42 * len(info.labels))))


def _draw_confusion(info: ConfusionInfo) -> mpl.figure.Figure:
    side = min(10.0, 3.2 + 0.42 * len(info.labels))
    figure = style.new_figure(max(6.0, side + 1), max(4.2, side))
    axis = figure.subplots()
    image = axis.imshow(info.shares, cmap=COUNT_SCALE, vmin=0, vmax=1)
    for i, j in np.ndindex(info.counts.shape) if info.with_counts else ():
        ink = "white" if info.shares[i, j] > 0.5 else "black"
        text = axis.text(j, i, f"{info.counts[i, j]}", color=ink, fontsize=8)
        text.set(ha="center", va="center", alpha=1 if info.counts[i, j] else 0.35)
    style.label_cells(axis, info.labels, info.labels, AXES)
    if max(map(len, info.labels)) > 4:
        axis.tick_params(axis="x", rotation=45)
    figure.colorbar(image, ax=axis, label=SHARE, format="{x:.0%}", shrink=0.8)
    return style.finish_static(figure, info)


def _plot_scatter(info: RegressionInfo) -> go.Figure:
    ideal = {"x": info.diagonal, "y": info.diagonal, "line": {"color": style.GREY, "dash": "dash"}}
    rows = {"x": info.rows["true"], "y": info.rows["predicted"], "customdata": info.rows["row_id"]}
    dots = {"color": style.COLOURS[0], "opacity": 0.6, "size": 7}
    hover = "row %{customdata}: true %{x:.4g}, predicted %{y:.4g}<extra></extra>"
    figure = go.Figure()
    figure.add_scatter(**ideal, mode="lines", name="exactly right", hoverinfo="skip")
    figure.add_scatter(**rows, mode="markers", marker=dots, name="test rows", hovertemplate=hover)
    figure.update_xaxes(title_text="true")
    figure.update_yaxes(title_text="predicted")
    return style.finish_plotly(figure, info, 560, legend=style.LEGEND_BELOW | {"y": -0.18})


def _draw_scatter(info: RegressionInfo) -> mpl.figure.Figure:
    figure = style.new_figure(6.5, 6)
    axis = figure.subplots()
    axis.plot(info.diagonal, info.diagonal, "--", color=style.GREY, label="exactly right")
    dots = axis.scatter(info.rows["true"], info.rows["predicted"], s=18, label="test rows")
    dots.set(color=style.COLOURS[0], alpha=0.6)
    style.style_axis(axis)
    axis.set(xlabel="true", ylabel="predicted")
    axis.legend(frameon=False, fontsize=9)
    return style.finish_static(figure, info)
