"""Diagnostics per layer: how far the signal comes on its way back, and what stops it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.diagnosis.layer_tables import OUTPUT_LAYER
from dnn_sweep.core.reporting.figures.style import (
    colour_of,
    marker_of,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

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

    Args:
        combination: Its name.
        verdict: Its verdict.
        layers: Names, the output layer first.
        values: For each panel's column, mean over the seeds before training and at each seed's
            last epoch, shape ``(2, layers)``; NaN where nothing can be shown.
    """

    combination: str
    verdict: str
    layers: list[str]
    values: dict[str, NDArray[np.float64]]

    @property
    def label(self) -> str:
        """How the legend calls it."""
        return f"{self.combination}: {self.verdict}"


def choose_combinations(leaderboard: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """Choose whom to show: the best, the worst, and the best of each other verdict.

    Args:
        leaderboard: One row a combination, best first.
        verdicts: One row a combination.

    Returns:
        At most ``MOST_PROFILES`` names, in the order of the leaderboard.
    """
    order = [str(name) for name in leaderboard["combination"]]
    verdict_of = dict(zip(verdicts["combination"], verdicts["verdict"], strict=True))
    chosen = [order[0], order[-1]]
    shown = {verdict_of[name] for name in chosen}
    for name in order:
        if verdict_of[name] not in shown:
            shown.add(verdict_of[name])
            chosen.append(name)
    return [name for name in order if name in chosen[:MOST_PROFILES]]


def layer_profiles(
    diagnostics: pd.DataFrame, verdicts: pd.DataFrame, leaderboard: pd.DataFrame
) -> list[Profile]:
    """Average the diagnostics of the chosen combinations over their seeds.

    Args:
        diagnostics: One row a trial, measured epoch and layer.
        verdicts: One row a combination.
        leaderboard: One row a combination, best first.

    Returns:
        The profiles; those of combinations of which nothing was measured are left out.
    """
    verdict_of = dict(zip(verdicts["combination"], verdicts["verdict"], strict=True))
    profiles = []
    for name in choose_combinations(leaderboard, verdicts):
        rows = diagnostics[diagnostics["combination"] == name]
        if rows.empty:
            continue
        layers = [str(layer) for layer in dict.fromkeys(rows["layer"])][::-1]
        last = rows["epoch"] == rows.groupby("trial_id")["epoch"].transform("max")
        values = {
            column: np.array(
                [
                    _mean(part, column, layers, log)
                    for part in (rows[rows["epoch"] == 0], rows[last])
                ]
            )
            for column, _, log in PANELS
        }
        profiles.append(Profile(name, verdict_of[name], layers, values))
    return profiles


def plot_diagnostics(
    diagnostics: pd.DataFrame,
    verdicts: pd.DataFrame,
    leaderboard: pd.DataFrame,
    champion: Champion,
) -> "go.Figure":
    """Draw what happens on the way from the output to the input side, interactively.

    Args:
        diagnostics: One row a trial, measured epoch and layer.
        verdicts: One row a combination.
        leaderboard: One row a combination, best first.
        champion: The champion's record, for the budget in the title.

    Returns:
        The Plotly figure: a panel a figure, a colour a combination.
    """
    from plotly.subplots import make_subplots

    profiles = layer_profiles(diagnostics, verdicts, leaderboard)
    figure = make_subplots(
        rows=1,
        cols=len(PANELS),
        subplot_titles=[title for _, title, _ in PANELS],
        horizontal_spacing=0.07,
    )
    for index, profile in enumerate(profiles):
        for column, (name, title, _) in enumerate(PANELS, start=1):
            for (moment, _, dash), values in zip(MOMENTS, profile.values[name], strict=True):
                figure.add_scatter(
                    x=profile.layers,
                    y=values,
                    name=plotly_text(profile.label),
                    legendgroup=profile.combination,
                    showlegend=column == 1 and dash == "solid",
                    mode="lines+markers",
                    line={"color": colour_of(index), "dash": dash, "width": 1.8},
                    marker={"size": 6, "symbol": marker_of(index)[1] or "circle"},
                    opacity=1 if dash == "solid" else 0.6,
                    meta=[plotly_text(profile.combination), title, moment],
                    hovertemplate="%{meta[0]}, %{meta[1]} %{meta[2]}<br>%{x}: %{y:.3g}"
                    "<extra></extra>",
                    row=1,
                    col=column,
                )
    title_plotly(figure, *_titles(champion), height=520)
    for column, (_, _, log) in enumerate(PANELS, start=1):
        if log:
            figure.update_yaxes(type="log", exponentformat="power", row=1, col=column)
        else:
            figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", row=1, col=column)
    figure.update_xaxes(type="category")
    figure.update_layout(
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"}, hovermode="closest"
    )
    return figure


def draw_diagnostics(
    diagnostics: pd.DataFrame,
    verdicts: pd.DataFrame,
    leaderboard: pd.DataFrame,
    champion: Champion,
) -> "Figure":
    """Draw what happens on the way from the output to the input side, as a picture.

    Args:
        diagnostics: One row a trial, measured epoch and layer.
        verdicts: One row a combination.
        leaderboard: One row a combination, best first.
        champion: The champion's record, for the budget in the title.

    Returns:
        The matplotlib figure, in the same arrangement as the interactive one.
    """
    from matplotlib.ticker import PercentFormatter

    profiles = layer_profiles(diagnostics, verdicts, leaderboard)
    figure = new_figure(13, 4.6)
    axes = figure.subplots(1, len(PANELS))
    for axis, (name, title, log) in zip(axes, PANELS, strict=True):
        axis.set_title(title, fontsize=10)
        axis.grid(alpha=0.3, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(axis="x", rotation=45)
        for index, profile in enumerate(profiles):
            for (_, line, _), values in zip(MOMENTS, profile.values[name], strict=True):
                axis.plot(
                    profile.layers,
                    values,
                    line,
                    color=colour_of(index),
                    marker=marker_of(index)[0] or "o",
                    markersize=3.5,
                    linewidth=1.6 if line == "-" else 1,
                    alpha=1 if line == "-" else 0.6,
                    label=profile.label if line == "-" else None,
                )
        if log:
            axis.set_yscale("log")
        else:
            axis.set_ylim(-0.03, 1.03)
            axis.yaxis.set_major_formatter(PercentFormatter(1))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        [label.replace("$", r"\$") for label in labels],
        loc="outside right center",
        frameon=False,
        fontsize=9,
    )
    title_static(figure, *_titles(champion))
    return figure


def _titles(champion: Champion) -> tuple[str, str]:
    notes = [
        str(champion.budget),
        str(champion.rows),
        f"from the {OUTPUT_LAYER} layer to the input side",
        "dashed before training, solid at the end",
    ]
    return "What every layer does: the best, the worst and one of each verdict", " · ".join(notes)


def _mean(rows: pd.DataFrame, column: str, layers: list[str], log: bool) -> NDArray[np.float64]:
    """The mean over trials for each layer, on a logarithmic axis the geometric one."""
    values = rows[column].to_numpy(dtype=np.float64)
    if log:  # where there is no signal at all, there is nothing to draw
        values = np.log(np.where(values > 0, values, np.nan))
    means = pd.Series(values).groupby(rows["layer"].to_numpy()).mean().reindex(layers)
    return np.asarray(np.exp(means) if log else means, dtype=np.float64)
