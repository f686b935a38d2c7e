"""A search: the importance of its factors, and every proposal as a line through its values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.formatting import NO_VALUE
from dnn_sweep.core.lazy import go
from dnn_sweep.core.reporting.figures import style

HEAD = ("number", "batch", "combination", "diverged", "finalist")  # columns that are no factors
MOST_TICKS = 12


def plot_importances(importances: pd.DataFrame) -> go.Figure:
    """Draw a bar for each factor, with its interval."""
    table = importances.iloc[::-1]
    intervals = bool(table["ci_low"].notna().all())
    info = style.FigureInfo(
        "Which factors decide",
        style.subtitle(
            "how a factor's values differ between the best tenth and all proposals, as a share",
            intervals and f"lines: 95 % over {table['groups'].iloc[0]} groups of proposals",
            not intervals and "too few groups of proposals for intervals",
        ),
    )
    error = None
    if intervals:
        high, low = (table[name] - table["importance"] for name in ("ci_high", "ci_low"))
        error = {"type": "data", "array": high.clip(lower=0), "arrayminus": (-low).clip(lower=0)}
    figure = go.Figure(
        go.Bar(
            x=table["importance"],
            y=[style.plotly_text(name) for name in table["factor"]],
            error_x=error,
            orientation="h",
            marker={"color": style.COLOURS[0]},
            hovertemplate="%{y}: %{x:.0%}<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="importance", tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(type="category")
    return style.finish_plotly(figure, info, 180 + 32 * len(table))


def plot_proposals(
    search: pd.DataFrame, champion: Champion, logarithmic: Collection[str] = ()
) -> go.Figure:
    """Draw a line for each proposal through its factors, epochs and score.

    ``logarithmic`` names the factors whose logarithms were drawn evenly.
    """
    objective = champion.metric
    metric = objective.validation_metric
    shown = search[np.isfinite(search[metric])]
    info = style.FigureInfo(
        "Every proposal of the search",
        style.subtitle(
            "a line for each; drag along an axis to choose some",
            "colour: the score after the epochs that it was trained for",
            len(shown) < len(search) and f"{len(search) - len(shown)} diverged and are left out",
        ),
    )
    names = [name for name in search if name not in HEAD]
    scale = "Viridis" if objective.mode == "max" else "Viridis_r"
    line = {"color": shown[metric], "colorscale": scale, "showscale": False}
    axes = [_axis(str(name), shown[name], log=name in logarithmic) for name in names]
    figure = go.Figure(go.Parcoords(line=line, dimensions=axes))
    return style.finish_plotly(figure, info, 520)


def _axis(name: str, column: pd.Series, *, log: bool) -> dict[str, Any]:
    """An axis: names and few numbers at equal distances, other numbers as they were drawn."""
    label = {"label": style.plotly_text(name)}
    known = column.dropna()
    is_number = pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known)
    if is_number and known.nunique() > MOST_TICKS:
        numbers = column.astype(float)
        if log:
            decades = range(int(np.floor(np.log10(known.min()))), int(np.log10(known.max())) + 1)
            ticks = {"tickvals": list(decades), "ticktext": [f"{10.0**at:g}" for at in decades]}
            return label | ticks | {"values": np.log10(numbers.fillna(known.min()))}
        return label | {"values": numbers.fillna(known.min())}
    ordered = sorted(known.unique(), key=lambda each: each if is_number else str(each))
    texts = [f"{each:g}" if is_number else str(each) for each in ordered]
    places = {each: at for at, each in enumerate(ordered)}
    values = [places.get(each, -1) for each in column]
    if -1 in values:  # where the factor does not apply
        texts, values = [NO_VALUE, *texts], [each + 1 for each in values]
    return label | {"values": values, "tickvals": list(range(len(texts))), "ticktext": texts}
