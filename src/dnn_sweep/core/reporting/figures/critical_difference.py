"""The critical-difference diagram: mean ranks over the seeds, and which are too close to call."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import count
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.figures.curves import MOST_CURVES
from dnn_sweep.core.reporting.figures.style import (
    COLOURS,
    new_figure,
    plotly_text,
    title_plotly,
    title_static,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

LEAST_SEEDS = 3  # two blocks agree by chance half of the time
LEAST_COMBINATIONS = 3  # below that, Friedman's test is a sign test
ONE_DATA_SET = "One data set, and the blocks are its seeds: nothing is said about other data"


@dataclass(frozen=True)
class MeanRanks:
    """Ranks of combinations, averaged over the seeds.

    Args:
        names: The combinations, best first.
        ranks: Their mean ranks, from 1; equal scores share a rank.
        distance: Nemenyi's critical difference: mean ranks nearer than that are not told apart.
        groups: First and last position of each largest run within that distance.
        p_value: Friedman's: how likely ranks as unequal are when all combinations are equal.
        seeds: Number of blocks.
    """

    names: list[str]
    ranks: NDArray[np.float64]
    distance: float
    groups: list[tuple[int, int]]
    p_value: float
    seeds: int


def mean_ranks(
    seed_scores: pd.DataFrame, objective: Objective, confidence: float
) -> MeanRanks | str:
    """Rank the combinations within each seed, and average.

    Args:
        seed_scores: One row a combination and seed.
        objective: Which metric they are ranked by.
        confidence: Level of the critical difference, for all pairs together.

    Returns:
        The ranks; or, in words, why there are none.

    References:
        Demšar 2006, Statistical Comparisons of Classifiers over Multiple Data Sets; there the
        blocks are data sets.
    """
    table = seed_scores.pivot_table(
        index="seed", columns="combination", values=objective.validation_metric, sort=False
    )
    seeds, combinations = table.shape
    if seeds < LEAST_SEEDS:
        return f"It takes {LEAST_SEEDS} seeds or more, and this sweep has {seeds}."
    if combinations < LEAST_COMBINATIONS:
        return f"It takes {LEAST_COMBINATIONS} combinations or more; there are {combinations}."
    from scipy.stats import friedmanchisquare, studentized_range

    averages = (-objective.sign * table).rank(axis=1).mean().sort_values(kind="stable")
    ranks = averages.to_numpy(dtype=np.float64)
    quantile = float(studentized_range.ppf(confidence, combinations, np.inf)) / np.sqrt(2)
    distance = quantile * np.sqrt(combinations * (combinations + 1) / (6 * seeds))
    # Where all are equal within every seed the statistic is 0 / 0.
    alike = bool((table.nunique(axis=1) == 1).all())
    return MeanRanks(
        names=[str(name) for name in averages.index],
        ranks=ranks,
        distance=distance,
        groups=_runs(ranks, distance),
        p_value=1.0 if alike else float(friedmanchisquare(*table.to_numpy().T).pvalue),
        seeds=seeds,
    )


def _runs(ranks: NDArray[np.float64], distance: float) -> list[tuple[int, int]]:
    """First and last of each run of sorted ranks that fits into a distance and into no other."""
    lasts = np.searchsorted(ranks, ranks + distance, side="right") - 1
    return [
        (first, int(last))
        for first, last in enumerate(lasts)
        if last > first and (first == 0 or last > lasts[first - 1])
    ]


def _titles(found: MeanRanks | str, objective: Objective, confidence: float) -> tuple[str, str]:
    if isinstance(found, str):
        return "No critical-difference diagram", found
    title = f"Mean rank by validation {objective.label} over {count(found.seeds, 'seed')}"
    if len(found.names) > MOST_CURVES:
        title += f" (the best {MOST_CURVES} of {count(len(found.names), 'combination')})"
    notes = [
        f"a bar joins what lies within Nemenyi's critical difference of {found.distance:.1f} ranks"
        f" ({confidence:.0%})",
        f"all equal (Friedman): p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{found.p_value:.2g}",
        ONE_DATA_SET,
    ]
    return title, " · ".join(notes)


def _bars(found: MeanRanks, shown: int) -> list[tuple[float, int, int]]:
    """Where each group's bar stands, right of all ranks, and the rows that it joins."""
    right, step = float(found.ranks[:shown].max()), len(found.names) / 40
    groups = [(first, min(last, shown - 1)) for first, last in found.groups if first < shown - 1]
    return [(right + (place + 1.5) * step, *group) for place, group in enumerate(groups)]


def plot_critical_difference(
    seed_scores: pd.DataFrame, objective: Objective, champion: Champion
) -> "go.Figure":
    """Draw mean ranks over the seeds and the groups that are too close to call, interactively.

    Args:
        seed_scores: One row a combination and seed.
        objective: Which metric they are ranked by.
        champion: The champion's record, for the confidence.

    Returns:
        The Plotly figure; where there are too few seeds or combinations, one that says so.
    """
    import plotly.graph_objects as go

    found = mean_ranks(seed_scores, objective, champion.confidence)
    figure = go.Figure()
    titles = _titles(found, objective, champion.confidence)
    if isinstance(found, str):
        title_plotly(figure, *titles, height=220)
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        return figure
    names = [plotly_text(name) for name in found.names[:MOST_CURVES]]
    figure.add_scatter(
        x=found.ranks[: len(names)],
        y=names,
        mode="markers",
        marker={"size": 9, "color": COLOURS[0]},
        name="mean rank",
        hovertemplate="%{y}: mean rank %{x:.1f}<extra></extra>",
    )
    bars = _bars(found, len(names))
    for place, first, last in bars:
        figure.add_scatter(
            x=[place, place],
            y=[names[first], names[last]],
            mode="lines",
            line={"width": 4, "color": COLOURS[-1]},
            name="not told apart",
            hovertemplate=f"{last - first + 1} not told apart<extra></extra>",
        )
    title_plotly(figure, *titles, height=200 + 22 * max(4, len(names)))
    figure.update_layout(showlegend=False)
    # With room for the last bar, which Plotly would cut in half.
    right = max([*found.ranks[: len(names)], *(place for place, *_ in bars)])
    room = (right - 1) / 25 or 1
    figure.update_xaxes(title_text="mean rank (1 is best)", range=[1 - room, right + room])
    figure.update_yaxes(type="category", categoryarray=names[::-1], categoryorder="array")
    return figure


def draw_critical_difference(
    seed_scores: pd.DataFrame, objective: Objective, champion: Champion
) -> "Figure":
    """Draw mean ranks over the seeds and the groups that are too close to call as a picture.

    Args:
        seed_scores: One row a combination and seed.
        objective: Which metric they are ranked by.
        champion: The champion's record, for the confidence.

    Returns:
        The matplotlib figure; where there are too few seeds or combinations, one that says so.
    """
    found = mean_ranks(seed_scores, objective, champion.confidence)
    titles = _titles(found, objective, champion.confidence)
    if isinstance(found, str):
        figure = new_figure(7, 1.5)
        title_static(figure, *titles)
        return figure
    names = found.names[:MOST_CURVES]
    figure = new_figure(8, max(3.0, 1.6 + 0.24 * len(names)))
    axis = figure.subplots()
    axis.plot(found.ranks[: len(names)], range(len(names)), "o", color=COLOURS[0])
    for place, first, last in _bars(found, len(names)):
        axis.plot([place, place], [first, last], color=COLOURS[-1], linewidth=4)
    axis.set_yticks(range(len(names)), names, parse_math=False)
    axis.invert_yaxis()
    axis.set_xlabel("mean rank (1 is best)")
    axis.grid(axis="y", color="#E5E5E5")
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    title_static(figure, *titles)
    return figure
