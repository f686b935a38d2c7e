"""Diagnostics per layer: how far the signal gets on its way back, and what stops it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.diagnosis.layer_tables import OUTPUT_LAYER
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.reporting.figures import style

# Column of the diagnostics, title of its panel, and whether its axis is logarithmic.
PANELS = (
    ("signal_gradient_norm", "gradient of the signal", True),
    ("dead_units", "dead units", False),
    ("saturated", "saturated", False),
)
TITLES = [title for _, title, _ in PANELS]
MOMENTS = (("before training", "--", "dash"), ("at the end", "-", "solid"))
MOST_PROFILES = 7


@dataclass(frozen=True)
class Profile:
    """One combination, layer by layer."""

    combination: str
    label: str  # its name in the legend, with its verdict
    layers: list[str]  # the output layer first
    # By column: means over the seeds before training and at each seed's last epoch, of shape
    # (2, layers); NaN where nothing can be shown.
    values: dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class DiagnosticsInfo(style.FigureInfo):
    """What the diagnostics show: one colour per profile."""

    profiles: list[Profile]


def prepare(
    diagnostics: pd.DataFrame, verdicts: pd.DataFrame, leaderboard: pd.DataFrame, champion: Champion
) -> style.FigureInfo:
    """Average the diagnostics of a few combinations over their seeds.

    These are the best, the worst and the best of each other verdict, as far as they were measured;
    if none was, the titles say so.
    """
    measured = dict(iter(diagnostics.groupby("combination")))
    judged = combinations_of(leaderboard)[["combination"]].merge(verdicts, on="combination")
    ends = judged.iloc[[0, -1]]
    others = judged[~judged["verdict"].isin(ends["verdict"])].drop_duplicates("verdict")
    picked = [*pd.concat([ends, others])["combination"]][:MOST_PROFILES]
    profiles = [
        _profile(name, f"{name}: {verdict}", measured[name])
        for name, verdict in zip(judged["combination"], judged["verdict"], strict=True)
        if name in picked and name in measured
    ]
    if not profiles:
        return style.FigureInfo("No diagnostics", "no layer was measured in this sweep")
    return DiagnosticsInfo(
        "Diagnostics by layer: the best, the worst and one combination of each other verdict",
        style.subtitle(
            champion.budget,
            champion.rows,
            f"from the {OUTPUT_LAYER} layer to the input side",
            "dashed before training, solid at the end",
        ),
        profiles,
    )


def _profile(combination: str, label: str, rows: pd.DataFrame) -> Profile:
    layers = [str(layer) for layer in rows["layer"].unique()][::-1]
    last = rows["epoch"] == rows.groupby("trial_id")["epoch"].transform("max")
    moments = (rows[rows["epoch"] == 0], rows[last])
    values = {
        column: np.array([_mean(part, column, layers, log) for part in moments])
        for column, _, log in PANELS
    }
    return Profile(combination, label, layers, values)


def _mean(rows: pd.DataFrame, column: str, layers: list[str], log: bool) -> NDArray[np.float64]:
    """The mean over trials for each layer, on a logarithmic axis the geometric one."""
    values = rows[column].to_numpy(dtype=np.float64)
    if log:  # where there is no signal at all, there is nothing to draw
        values = np.log(np.where(values > 0, values, np.nan))
    means = pd.Series(values).groupby(rows["layer"].to_numpy()).mean().reindex(layers)
    return np.asarray(np.exp(means) if log else means, dtype=np.float64)


def plot(info: DiagnosticsInfo) -> go.Figure:
    """Draw one panel per measurement with Plotly."""
    figure = go.Figure().set_subplots(
        rows=1, cols=len(PANELS), subplot_titles=TITLES, horizontal_spacing=0.07
    )
    hover = "%{meta[0]}, %{meta[1]} %{meta[2]}<br>%{x}: %{y:.3g}"
    for index, profile in enumerate(info.profiles):
        shared = {
            "legendgroup": style.plotly_text(profile.combination),
            "x": profile.layers,
            "mode": "lines+markers",
            "marker": {"size": 6, "symbol": style.marker_of(index)[1] or "circle"},
        }
        for column, (measured, title, _) in enumerate(PANELS, start=1):
            for (moment, _, dash), values in zip(MOMENTS, profile.values[measured], strict=True):
                solid = dash == "solid"
                line = {"color": style.colour_of(index), "dash": dash, "width": 1.8}
                look = {"line": line, "opacity": 1 if solid else 0.6, "y": values}
                named = {"showlegend": solid and column == 1}
                meta = profile.combination, title, moment
                trace = style.scatter(profile.label, hover, *meta, **shared, **look, **named)
                figure.add_trace(trace, row=1, col=column)
    share = {"range": [-0.03, 1.03], "tickformat": ".0%"}
    for axis, (_, _, log) in zip(figure.select_yaxes(), PANELS, strict=True):
        axis.update({"type": "log", "exponentformat": "power"} if log else share)
    figure.update_xaxes(type="category")
    legend = style.LEGEND_BELOW | {"y": -0.2}
    return style.finish_plotly(figure, info, 520, legend=legend, hovermode="closest")


def draw(info: DiagnosticsInfo) -> mpl.figure.Figure:
    """Draw one panel per measurement with Matplotlib."""
    figure = style.new_figure(13, 4.6)
    axes = style.draw_panels(figure, TITLES)
    for axis, (name, _, log) in zip(axes, PANELS, strict=True):
        axis.tick_params(axis="x", rotation=45)
        for index, profile in enumerate(info.profiles):
            for (_, line, _), values in zip(MOMENTS, profile.values[name], strict=True):
                solid = line == "-"
                axis.plot(
                    profile.layers,
                    values,
                    line,
                    color=style.colour_of(index),
                    marker=style.marker_of(index)[0] or "o",
                    markersize=3.5,
                    linewidth=1.6 if solid else 1,
                    alpha=1 if solid else 0.6,
                    label=profile.label if solid else None,
                )
        if log:
            axis.set_yscale("log")
        else:
            axis.set_ylim(-0.03, 1.03)
            axis.yaxis.set_major_formatter(mpl.ticker.PercentFormatter(1))
    style.outside_legend(figure, *axes[0].get_legend_handles_labels())
    return style.finish_static(figure, info)
