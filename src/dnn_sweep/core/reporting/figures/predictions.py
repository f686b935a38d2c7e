"""The champion on the test split: a confusion matrix, or predicted against true values."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import METRIC_LABELS, count
from dnn_sweep.core.reporting.figures.style import (
    COLOURS,
    COUNT_SCALE,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

# Above this many classes the counts would not fit into their cells.
CLASSES_WITH_COUNTS = 20


def _titles(champion: Champion, shown: str, headline: str) -> tuple[str, str]:
    title = f"{champion.combination} on the test split: {shown}"
    notes = [
        f"{METRIC_LABELS.get(headline, headline)} {champion.test[headline]}",
        count(champion.rows.test, "test row"),
        f"chosen from {champion.budget}",
    ]
    return title, " · ".join(notes)


def _counts_of(confusion_matrix: pd.DataFrame) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Read labels, counts and each count's share of its true class."""
    # By position: a class that is called "true" gives two columns of that name.
    labels = [str(label) for label in confusion_matrix.iloc[:, 0]]
    counts = confusion_matrix.iloc[:, 1:].to_numpy(dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return labels, counts, shares


def plot_confusion_matrix(confusion_matrix: pd.DataFrame, champion: Champion) -> "go.Figure":
    """Draw how often each class was taken for which, interactively.

    Args:
        confusion_matrix: Counts; first the true label, then a column a predicted label in the
            same order.
        champion: The champion's record.

    Returns:
        The Plotly figure; the colour is the share of the true class.
    """
    import plotly.graph_objects as go

    labels, counts, shares = _counts_of(confusion_matrix)
    names = [plotly_text(label) for label in labels]
    figure = go.Figure(
        go.Heatmap(
            x=names,
            y=names,
            z=shares,
            zmin=0,
            zmax=1,
            text=counts,
            texttemplate="%{text}" if len(labels) <= CLASSES_WITH_COUNTS else None,
            colorscale=COUNT_SCALE,
            colorbar={
                "title": {"text": "share of the true class", "side": "right"},
                "thickness": 12,
                "tickformat": ".0%",
            },
            hovertemplate="true %{y}, predicted %{x}: %{text} (%{z:.1%})<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    title_plotly(
        figure,
        *_titles(champion, "confusion matrix", "accuracy"),
        height=220 + max(160, min(560, 42 * len(labels))),
    )
    figure.update_xaxes(type="category", title_text="predicted", showgrid=False)
    figure.update_yaxes(type="category", title_text="true", autorange="reversed", showgrid=False)
    return figure


def draw_confusion_matrix(confusion_matrix: pd.DataFrame, champion: Champion) -> "Figure":
    """Draw how often each class was taken for which as a picture.

    Args:
        confusion_matrix: As for `plot_confusion_matrix`.
        champion: The champion's record.

    Returns:
        The matplotlib figure.
    """
    labels, counts, shares = _counts_of(confusion_matrix)
    side = min(10.0, 3.2 + 0.42 * len(labels))
    figure = new_figure(max(6.0, side + 1), max(4.2, side))
    axis = figure.subplots()
    image = axis.imshow(shares, cmap=COUNT_SCALE, vmin=0, vmax=1)
    if len(labels) <= CLASSES_WITH_COUNTS:
        for i, j in np.ndindex(counts.shape):
            axis.text(
                j,
                i,
                f"{counts[i, j]}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if shares[i, j] > 0.5 else "black",
                alpha=1 if counts[i, j] else 0.35,
            )
    axis.set_xticks(range(len(labels)), labels, parse_math=False)
    axis.set_yticks(range(len(labels)), labels, parse_math=False)
    if max(map(len, labels)) > 4:
        axis.tick_params(axis="x", rotation=45)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    figure.colorbar(image, ax=axis, label="share of the true class", format="{x:.0%}", shrink=0.8)
    title_static(figure, *_titles(champion, "confusion matrix", "accuracy"))
    return figure


def _diagonal(predictions: pd.DataFrame) -> tuple[float, float]:
    values = predictions[["true", "predicted"]].to_numpy(dtype=np.float64)
    return float(np.nanmin(values)), float(np.nanmax(values))


def plot_predicted_against_true(test_predictions: pd.DataFrame, champion: Champion) -> "go.Figure":
    """Draw a regression's predictions against the true values, interactively.

    Args:
        test_predictions: ``row_id``, ``true`` and ``predicted``, in the target's unit.
        champion: The champion's record.

    Returns:
        The Plotly figure; on the diagonal a prediction is right.
    """
    import plotly.graph_objects as go

    low, high = _diagonal(test_predictions)
    figure = go.Figure()
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"color": COLOURS[-1], "dash": "dash"},
        name="exactly right",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=test_predictions["true"],
        y=test_predictions["predicted"],
        customdata=test_predictions["row_id"],
        mode="markers",
        marker={"color": COLOURS[0], "opacity": 0.6, "size": 7},
        name="test rows",
        hovertemplate="row %{customdata}: true %{x:.4g}, predicted %{y:.4g}<extra></extra>",
    )
    title_plotly(figure, *_titles(champion, "predicted against true values", "mae"), height=560)
    figure.update_xaxes(title_text="true")
    figure.update_yaxes(title_text="predicted")
    figure.update_layout(legend={"orientation": "h", "y": -0.18, "yanchor": "top"})
    return figure


def draw_predicted_against_true(test_predictions: pd.DataFrame, champion: Champion) -> "Figure":
    """Draw a regression's predictions against the true values as a picture.

    Args:
        test_predictions: ``row_id``, ``true`` and ``predicted``, in the target's unit.
        champion: The champion's record.

    Returns:
        The matplotlib figure.
    """
    low, high = _diagonal(test_predictions)
    figure = new_figure(6.5, 6)
    axis = figure.subplots()
    axis.plot([low, high], [low, high], "--", color=COLOURS[-1], label="exactly right")
    axis.scatter(
        test_predictions["true"],
        test_predictions["predicted"],
        s=18,
        alpha=0.6,
        color=COLOURS[0],
        label="test rows",
    )
    axis.grid(alpha=0.3, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.set_xlabel("true")
    axis.set_ylabel("predicted")
    axis.legend(frameon=False, fontsize=9)
    title_static(figure, *_titles(champion, "predicted against true values", "mae"))
    return figure
