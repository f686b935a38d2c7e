"""Calibration: whether predicted probabilities come true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.formatting import count, format_value, percent
from dnn_sweep.core.lazy import go, mpl, sklearn
from dnn_sweep.core.reporting.figures import style
from dnn_sweep.core.reporting.predicted_rows import confidence_of
from dnn_sweep.parameters import Configuration

AXES = ("probability of the predicted class", "share that was right")
RIGHTLY_SURE = "as sure as right"
SMALLEST, LARGEST = 6, 16  # of a dot, in pixels; its area is the bin's rows


@dataclass(frozen=True)
class CalibrationInfo(style.FigureInfo):
    """How often predictions of about the same probability were right.

    One row per bin that has test rows: ``confidence`` (mean probability of the predicted class),
    ``right`` (share), ``low`` and ``high`` end of its exact binomial interval, ``rows``.
    """

    bins: pd.DataFrame

    @property
    def sizes(self) -> pd.Series:
        """Diameters of the dots, in pixels."""
        share = np.sqrt(self.bins["rows"] / self.bins["rows"].max())
        return pd.Series(SMALLEST + (LARGEST - SMALLEST) * share)

    @property
    def start(self) -> float:
        """Where both axes begin: below everything that is shown."""
        return float(self.bins[["confidence", "low"]].min().min()) - 0.04

    @property
    def ideal(self) -> list[float]:
        """Ends of the line on which predictions are as sure as right."""
        return [max(0.0, self.start), 1.0]


def prepare(
    test_predictions: pd.DataFrame,
    champion: Champion,
    schema: Schema,
    configuration: Configuration,
) -> style.FigureInfo:
    """Group the test rows by the probability of the class that was predicted."""
    if schema.task == "regression":
        return style.FigureInfo("No calibration", "A regression predicts no probabilities.")
    confidence = confidence_of(test_predictions, schema).to_numpy(dtype=np.float64)
    right = (test_predictions["predicted"] == test_predictions["true"]).to_numpy(dtype=np.int64)
    number = configuration.evaluation.calibration_bins
    shares, means = sklearn.calibration.calibration_curve(
        right, np.clip(confidence, 0, 1), n_bins=number, strategy="uniform"
    )
    # The bins as scikit-learn draws them; of these it returns those with rows.
    bin_of = np.searchsorted(np.linspace(0, 1, number + 1)[1:-1], confidence)
    rows = np.bincount(bin_of, minlength=number)
    bins = pd.DataFrame({"confidence": means, "right": shares, "rows": rows[rows > 0]})
    hits = (bins["right"] * bins["rows"]).round().astype(int)
    exact = [
        scipy.stats.binomtest(hit, of).proportion_ci(champion.confidence)
        for hit, of in zip(hits, bins["rows"], strict=True)
    ]
    bins["low"], bins["high"] = [each.low for each in exact], [each.high for each in exact]
    error = champion.test.get("calibration_error")
    return CalibrationInfo(
        f"{champion.name} on the test set: calibration",
        style.subtitle(
            error and f"calibration error {format_value(error.value)}",
            f"{count(len(right), 'test row')} in {count(len(bins), 'bin')} of probability",
            f"bars are {percent(champion.confidence)} intervals"
            + (" that take rows of a group for independent" if schema.group else ""),
            "below the dashed line: surer than right",
            f"chosen from {champion.budget}",
        ),
        bins,
    )


def plot(info: CalibrationInfo) -> go.Figure:
    """Draw the bins with Plotly."""
    bins, ends = info.bins, info.ideal
    bar = {"type": "data", "symmetric": False, "thickness": 1.6, "width": 0}
    reach = {"array": bins["high"] - bins["right"], "arrayminus": bins["right"] - bins["low"]}
    figure = go.Figure()
    ideal: dict[str, Any] = {"color": style.GREY, "dash": "dash"}
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line=ideal, name=RIGHTLY_SURE, hoverinfo="skip"
    )
    figure.add_scatter(
        x=bins["confidence"],
        y=bins["right"],
        customdata=bins[["rows", "low", "high"]],
        error_y=bar | reach | {"color": style.COLOURS[0]},
        mode="markers",
        marker={"color": style.COLOURS[0], "size": info.sizes, "opacity": 1},
        name="test rows; a larger dot has more",
        hovertemplate="%{customdata[0]} rows, %{x:.1%} sure: %{y:.1%} right, interval "
        "%{customdata[1]:.1%} to %{customdata[2]:.1%}<extra></extra>",
    )
    span = [info.start, 1.04]
    figure.update_xaxes(title_text=AXES[0], tickformat=".0%", range=span)
    figure.update_yaxes(title_text=AXES[1], tickformat=".0%", range=span)
    return style.finish_plotly(figure, info, 460, legend=style.LEGEND_BELOW | {"y": -0.2})


def draw(info: CalibrationInfo) -> mpl.figure.Figure:
    """Draw the bins with Matplotlib."""
    figure = style.new_figure(6.5, 5.4)
    axis, bins = figure.subplots(), info.bins
    axis.plot(info.ideal, info.ideal, "--", color=style.GREY, label=RIGHTLY_SURE)
    reach = [bins["right"] - bins["low"], bins["high"] - bins["right"]]
    axis.errorbar(bins["confidence"], bins["right"], yerr=reach, fmt="none", color=style.COLOURS[0])
    dots = axis.scatter(bins["confidence"], bins["right"], s=(0.8 * info.sizes) ** 2, zorder=3)
    dots.set(color=style.COLOURS[0], label="test rows; a larger dot has more")
    style.style_axis(axis)
    axis.set(xlabel=AXES[0], ylabel=AXES[1], xlim=(info.start, 1.04), ylim=(info.start, 1.04))
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.yaxis.set_major_formatter("{x:.0%}")
    axis.legend(frameon=False, fontsize=9)
    return style.finish_static(figure, info)
