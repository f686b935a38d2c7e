"""The champion on the test set: a confusion matrix, or predicted against true values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import METRIC_LABELS, count
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.reporting.figures import style

COUNT_SCALE = "Blues"
SHARE = "share of the true class"
# Above this many classes the counts would not fit into their cells.
CLASSES_WITH_COUNTS = 20


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
    """Choose what shows the champion's predictions on the test set.

    Args:
        confusion_matrix: Counts; first the true label, then one column per predicted label in the
            same order. No rows for a regression.
        test_predictions: ``row_id``, ``true`` and ``predicted``, in the unit of the target.
        champion: The champion's record.
    """
    regression = champion.task == "regression"
    shown = "predicted against true values" if regression else "confusion matrix"
    metric = objective_of(champion.task).metric
    titles = (
        f"{champion.combination} on the test set: {shown}",
        style.subtitle(
            f"{METRIC_LABELS.get(metric, metric)} {champion.test[metric]}",
            count(champion.rows.test, "test row"),
            f"chosen from {champion.budget}",
        ),
    )
    if regression:
        values = test_predictions[["true", "predicted"]].to_numpy(dtype=np.float64)
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
    names = [style.plotly_text(label) for label in info.labels]
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=info.shares,
            zmin=0,
            zmax=1,
            text=info.counts,
            texttemplate="%{text}" if info.with_counts else None,
            colorscale=COUNT_SCALE,
            colorbar={"title": {"text": SHARE, "side": "right"}, "thickness": 12}
            | {"tickformat": ".0%"},
            hovertemplate="true %{y}, predicted %{x}: %{text} (%{z:.1%})<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    axis = {"type": "category", "showgrid": False}
    figure.update_xaxes(axis, title_text="predicted")
    figure.update_yaxes(axis, title_text="true", autorange="reversed")
    return style.finish_plotly(figure, info, 220 + max(160, min(560, 42 * len(names))))


def _draw_confusion(info: ConfusionInfo) -> mpl.figure.Figure:
    side = min(10.0, 3.2 + 0.42 * len(info.labels))
    figure = style.new_figure(max(6.0, side + 1), max(4.2, side))
    axis = figure.subplots()
    image = axis.imshow(info.shares, cmap=COUNT_SCALE, vmin=0, vmax=1)
    look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
    for i, j in np.ndindex(info.counts.shape) if info.with_counts else ():
        ink = "white" if info.shares[i, j] > 0.5 else "black"
        alpha = 1 if info.counts[i, j] else 0.35
        axis.text(j, i, f"{info.counts[i, j]}", color=ink, alpha=alpha, **look)
    style.label_cells(axis, info.labels, info.labels)
    if max(map(len, info.labels)) > 4:
        axis.tick_params(axis="x", rotation=45)
    axis.set(xlabel="predicted", ylabel="true")
    figure.colorbar(image, ax=axis, label=SHARE, format="{x:.0%}", shrink=0.8)
    return style.finish_static(figure, info)


def _plot_scatter(info: RegressionInfo) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(
        x=info.diagonal,
        y=info.diagonal,
        mode="lines",
        line={"color": style.GREY, "dash": "dash"},
        name="exactly right",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=info.rows["true"],
        y=info.rows["predicted"],
        customdata=info.rows["row_id"],
        mode="markers",
        marker={"color": style.COLOURS[0], "opacity": 0.6, "size": 7},
        name="test rows",
        hovertemplate="row %{customdata}: true %{x:.4g}, predicted %{y:.4g}<extra></extra>",
    )
    figure.update_xaxes(title_text="true")
    figure.update_yaxes(title_text="predicted")
    figure.update_layout(legend=style.LEGEND_BELOW | {"y": -0.18})
    return style.finish_plotly(figure, info, 560)


def _draw_scatter(info: RegressionInfo) -> mpl.figure.Figure:
    figure = style.new_figure(6.5, 6)
    axis = figure.subplots()
    axis.plot(info.diagonal, info.diagonal, "--", color=style.GREY, label="exactly right")
    look: dict[str, Any] = {"s": 18, "alpha": 0.6, "color": style.COLOURS[0]}
    axis.scatter(info.rows["true"], info.rows["predicted"], label="test rows", **look)
    style.style_axis(axis)
    axis.set(xlabel="true", ylabel="predicted")
    axis.legend(frameon=False, fontsize=9)
    return style.finish_static(figure, info)
