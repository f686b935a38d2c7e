"""What every threshold would give: the ROC curve, or precision and recall of rare classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from dnn_sweep.core.champion.evaluation import estimate_metric
from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.data.targets import is_rare
from dnn_sweep.core.formatting import count, format_share, percent
from dnn_sweep.core.lazy import go, mpl, sklearn
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.reporting.figures import style
from dnn_sweep.core.scorer import Predictions, Scorer

ROC = ("false positive rate", "true positive rate")
PRECISION_RECALL = ("recall", "precision")
MOST_POINTS = 200  # of a curve; more cannot be told apart
FEWEST_ROWS = 2  # of a class, to judge an order of the rows


@dataclass(frozen=True)
class ClassCurve:
    """The curve of one class against all others, and where its predictions lie on it."""

    label: str
    area: str  # with its interval
    points: NDArray[np.float64]  # shape (points, 2): x and y
    chosen: tuple[float, float]  # what was predicted
    x_interval: tuple[float, float]  # exact, of the chosen point
    y_interval: tuple[float, float]


@dataclass(frozen=True)
class ThresholdCurvesInfo(style.FigureInfo):
    """One curve per class that is shown."""

    axes: tuple[str, str]
    curves: list[ClassCurve]
    chance: list[tuple[float, float]]  # ends of the line of a model without skill; none for several


def prepare(
    test_predictions: pd.DataFrame, champion: Champion, schema: Schema, test_rows: pd.DataFrame
) -> style.FigureInfo:
    """Compute the ROC curve of two classes, or precision and recall of each rare class.

    Of two classes of which none is rare, the curve is that of the class which the objective is
    about. A rare class has precision and recall instead, since a false positive rate hides how
    many of those that are predicted to be rare are not.
    """
    if schema.task == "regression":
        return style.FigureInfo("No threshold", "A regression predicts no classes.")
    true = test_predictions["true"]
    rows = true.value_counts().reindex(list(schema.classes), fill_value=0)
    share = rows / len(true)
    rare = [each for each in schema.classes if is_rare(share[each], len(rows))]
    enough = [each for each in rare if rows[each] >= FEWEST_ROWS]
    binary = schema.task == "binary"
    if binary and not rare and rows.min() >= FEWEST_ROWS:
        shown = [schema.classes[champion.metric.positive]]
    elif enough:
        shown = sorted(enough, key=lambda each: share[each])[: style.SHOWN_AT_FIRST]
    elif rare or binary:
        return style.FigureInfo("No curve over thresholds", "A class has too few test rows.")
    else:
        said = f"None of the {len(rows)} classes is rare; the confusion matrix shows them all."
        return style.FigureInfo("No curve over thresholds", said)
    is_roc = binary and not rare
    groups = None
    if schema.group:
        own = test_rows.loc[test_predictions["row_id"], schema.group]
        groups = pd.factorize(own)[0].astype(np.int64)
    curves = [_curve(each, test_predictions, champion, groups, is_roc=is_roc) for each in shown]
    kind = "ROC curve" if is_roc else "precision and recall"
    of = str(shown[0]) if len(shown) == 1 else f"{len(shown)} rare classes"
    chance = [(0.0, 0.0), (1.0, 1.0)]
    if not is_roc:
        chance = [(x, float(share[shown[0]])) for x in (0.0, 1.0)] if len(shown) == 1 else []
    described = ", ".join(f"{each} {format_share(share[each])} of the rows" for each in shown)
    return ThresholdCurvesInfo(
        f"{champion.name} on the test set: {kind} of {of}",
        style.subtitle(
            len(curves) == 1 and curves[0].area,
            f"{count(len(true), 'test row')}, {described}",
            f"dot: what is predicted, with {percent(champion.confidence)} intervals"
            + (" that take rows of a group for independent" if schema.group else ""),
            chance and "dashed: a model without skill",
            f"chosen from {champion.budget}",
        ),
        ROC if is_roc else PRECISION_RECALL,
        curves,
        chance,
    )


def _curve(
    label: Any,
    predictions: pd.DataFrame,
    champion: Champion,
    groups: NDArray[np.int64] | None,
    *,
    is_roc: bool,
) -> ClassCurve:
    true = (predictions["true"] == label).to_numpy(dtype=np.int64)
    said = (predictions["predicted"] == label).to_numpy()
    scores = predictions[f"probability_{label}"].to_numpy(dtype=np.float64)
    objective = named_objective("roc_auc" if is_roc else "average_precision", "binary")
    given = Predictions(said.astype(np.int64), np.column_stack([1 - scores, scores]))
    area = estimate_metric(Scorer(objective, true, 2, groups), given, champion.confidence)
    if is_roc:
        x, y, _ = sklearn.metrics.roc_curve(true, scores)
    else:
        y, x, _ = sklearn.metrics.precision_recall_curve(true, scores, drop_intermediate=True)
    points = np.column_stack([x, y])
    few = np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int))
    hits, found, named = int(said[true == 1].sum()), int(true.sum()), int(said.sum())
    right = hits, found  # recall, the true positive rate
    pairs = [(named - hits, len(true) - found), right] if is_roc else [right, (hits, named)]
    (x_chosen, *x_ends), (y_chosen, *y_ends) = (_share(*p, champion.confidence) for p in pairs)
    return ClassCurve(
        str(label),
        f"{objective.label} {area}",
        points[few],
        (x_chosen, y_chosen),
        (x_ends[0], x_ends[1]),
        (y_ends[0], y_ends[1]),
    )


def _share(hits: int, of: int, confidence: float) -> tuple[float, float, float]:
    """A share with its exact binomial interval; NaN of nothing."""
    if not of:
        return np.nan, np.nan, np.nan
    interval = scipy.stats.binomtest(hits, of).proportion_ci(confidence)
    return hits / of, float(interval.low), float(interval.high)


def plot(info: ThresholdCurvesInfo) -> go.Figure:
    """Draw the curves with Plotly."""
    figure = go.Figure()
    if info.chance:
        ends = np.array(info.chance).T
        dashed: dict[str, Any] = {"color": style.GREY, "dash": "dash"}
        figure.add_scatter(
            x=ends[0], y=ends[1], mode="lines", line=dashed, name="no skill", hoverinfo="skip"
        )
    for index, curve in enumerate(info.curves):
        colour = style.colour_of(index)
        x_title, y_title = info.axes
        hover = f"{x_title} %{{x:.1%}}, {y_title} %{{y:.1%}}"
        name = curve.label if len(info.curves) == 1 else f"{curve.label}: {curve.area}"
        line = {"mode": "lines", "line": {"color": colour, "width": 1.8}}
        figure.add_trace(
            style.scatter(name, hover, x=curve.points[:, 0], y=curve.points[:, 1], **line)
        )
        (x, y), bar = curve.chosen, {"type": "data", "symmetric": False, "thickness": 1.4}
        dot = {"mode": "markers", "marker": {"color": colour, "size": 10}, "showlegend": False}
        figure.add_trace(
            style.scatter(
                name,
                f"as predicted: {hover}",
                x=[x],
                y=[y],
                error_x=bar | _reach(x, curve.x_interval) | {"color": colour, "width": 0},
                error_y=bar | _reach(y, curve.y_interval) | {"color": colour, "width": 0},
                **dot,
            )
        )
    for update, title in zip((figure.update_xaxes, figure.update_yaxes), info.axes, strict=True):
        update(title_text=title, tickformat=".0%", range=[-0.03, 1.03])
    return style.finish_plotly(figure, info, 480, legend=style.LEGEND_BELOW | {"y": -0.2})


def _reach(value: float, interval: tuple[float, float]) -> dict[str, list[float]]:
    return {"array": [interval[1] - value], "arrayminus": [value - interval[0]]}


def draw(info: ThresholdCurvesInfo) -> mpl.figure.Figure:
    """Draw the curves with Matplotlib."""
    figure = style.new_figure(6.5, 6)
    axis = figure.subplots()
    if info.chance:
        axis.plot(*np.array(info.chance).T, "--", color=style.GREY, label="no skill")
    for index, curve in enumerate(info.curves):
        colour = style.colour_of(index)
        axis.plot(*curve.points.T, color=colour, label=f"{curve.label}: {curve.area}")
        (x, y), (left, right), (low, high) = curve.chosen, curve.x_interval, curve.y_interval
        bars: dict[str, Any] = {"xerr": [[x - left], [right - x]], "yerr": [[y - low], [high - y]]}
        axis.errorbar([x], [y], fmt="o", color=colour, **bars)
    style.style_axis(axis)
    axis.set(xlabel=info.axes[0], ylabel=info.axes[1], xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.yaxis.set_major_formatter("{x:.0%}")
    for text in axis.legend(frameon=False, fontsize=9, loc="lower left").get_texts():
        text.set_parse_math(False)
    return style.finish_static(figure, info)
