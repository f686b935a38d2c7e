"""Diagnostics per layer: how far the signal gets on its way back, and what stops it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.diagnosis.layer_tables import OUTPUT_LAYER
from dnn_sweep.core.lazy import go, mpl
from dnn_sweep.core.reporting.figures import style

# Column of the diagnostics, what its panel is called, and whether its axis is logarithmic.
PANELS = (
    ("signal_gradient_norm", "gradient of the signal", True),
    ("dead_units", "dead units", False),
    ("saturated", "saturated", False),
)
MOMENTS = (("before training", "--", "dash"), ("at the end", "-", "solid"))
MOST_PROFILES = 7


@dataclass(frozen=True)
class Profile:
    """One combination, layer by layer.

    The values of each panel's column are means over the seeds before training and at each seed's
    last epoch, shape ``(2, layers)``; NaN where nothing can be shown.
    """

    combination: str
    verdict: str
    layers: list[str]  # the output layer first
    values: dict[str, NDArray[np.float64]]

    @property
    def label(self) -> str:
        """Its name in the legend."""
        return f"{self.combination}: {self.verdict}"


@dataclass(frozen=True)
class DiagnosticsInfo(style.FigureInfo):
    """What the diagnostics show: one colour per profile."""

    profiles: list[Profile]

    @property
    def is_empty(self) -> bool:
        """Whether no layer was measured."""
        return not self.profiles


def prepare(
    diagnostics: pd.DataFrame,
    verdicts: pd.DataFrame,
    leaderboard: pd.DataFrame,
    champion: Champion,
) -> DiagnosticsInfo:
    """Average the diagnostics of a few combinations over their seeds.

    These are the best, the worst and the best of each other verdict, as far as they were measured.

    Args:
        diagnostics: One row per trial, measured epoch and layer; may have none.
        verdicts: One row per combination.
        leaderboard: One row per combination, best first.
        champion: The champion's record.
    """
    verdict_of = dict(zip(verdicts["combination"], verdicts["verdict"], strict=True))
    order = [str(name) for name in leaderboard["combination"]]
    firsts: dict[str, str] = {}
    for name in order:
        firsts.setdefault(verdict_of[name], name)
    ends = [order[0], order[-1]]
    shown = {verdict_of[name] for name in ends}
    others = [name for verdict, name in firsts.items() if verdict not in shown]
    picked = [*ends, *others][:MOST_PROFILES]
    profiles = []
    for name in order:
        rows = diagnostics[diagnostics["combination"] == name]
        if name in picked and not rows.empty:
            profiles.append(_profile(name, verdict_of[name], rows))
    if not profiles:
        return DiagnosticsInfo("No diagnostics", "no layer was measured in this sweep", [])
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


def _profile(combination: str, verdict: str, rows: pd.DataFrame) -> Profile:
    layers = [str(layer) for layer in dict.fromkeys(rows["layer"])][::-1]
    last = rows["epoch"] == rows.groupby("trial_id")["epoch"].transform("max")
    moments = (rows[rows["epoch"] == 0], rows[last])
    values = {
        column: np.array([_mean(part, column, layers, log) for part in moments])
        for column, _, log in PANELS
    }
    return Profile(combination, verdict, layers, values)


def _mean(rows: pd.DataFrame, column: str, layers: list[str], log: bool) -> NDArray[np.float64]:
    """The mean over trials for each layer, on a logarithmic axis the geometric one."""
    values = rows[column].to_numpy(dtype=np.float64)
    if log:  # where there is no signal at all, there is nothing to draw
        values = np.log(np.where(values > 0, values, np.nan))
    means = pd.Series(values).groupby(rows["layer"].to_numpy()).mean().reindex(layers)
    return np.asarray(np.exp(means) if log else means, dtype=np.float64)


def plot(info: DiagnosticsInfo) -> go.Figure:
    """Draw one panel per measurement with Plotly."""
    titles = [title for _, title, _ in PANELS]
    figure = go.Figure().set_subplots(
        rows=1, cols=len(PANELS), subplot_titles=titles, horizontal_spacing=0.07
    )
    hover = "%{meta[0]}, %{meta[1]} %{meta[2]}<br>%{x}: %{y:.3g}"
    for index, profile in enumerate(info.profiles):
        marker = {"size": 6, "symbol": style.marker_of(index)[1] or "circle"}
        for column, (measured, title, _) in enumerate(PANELS, start=1):
            for (moment, _, dash), values in zip(MOMENTS, profile.values[measured], strict=True):
                trace = style.scatter(
                    profile.label,
                    profile.combination,
                    title,
                    moment,
                    hover=hover,
                    group=profile.combination,
                    x=profile.layers,
                    y=values,
                    showlegend=column == 1 and dash == "solid",
                    mode="lines+markers",
                    line={"color": style.colour_of(index), "dash": dash, "width": 1.8},
                    marker=marker,
                    opacity=1 if dash == "solid" else 0.6,
                )
                figure.add_trace(trace, row=1, col=column)
    for column, (_, _, log) in enumerate(PANELS, start=1):
        share = {"range": [-0.03, 1.03], "tickformat": ".0%"}
        axis = {"type": "log", "exponentformat": "power"} if log else share
        figure.update_yaxes(axis, row=1, col=column)
    figure.update_xaxes(type="category")
    figure.update_layout(legend=style.LEGEND_BELOW | {"y": -0.2}, hovermode="closest")
    return style.finish_plotly(figure, info, 520)


def draw(info: DiagnosticsInfo) -> mpl.figure.Figure:
    """Draw one panel per measurement with Matplotlib."""
    figure = style.new_figure(13, 4.6)
    axes = style.draw_panels(figure, [title for _, title, _ in PANELS])
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
