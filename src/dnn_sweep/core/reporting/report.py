"""The report: one page that answers the question first and works without a network."""

from collections.abc import Mapping, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.comparison.time_to_target import summarize_times
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.diagnosis.verdicts import HEALTHY
from dnn_sweep.core.formatting import (
    NO_VALUE,
    format_interval,
)
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.reporting.commands import data_parameters, kedro_run
from dnn_sweep.core.reporting.figures.rate_curves import describe_rates
from dnn_sweep.core.reporting.figures.style import COLOURS
from dnn_sweep.core.reporting.pages import page_template
from dnn_sweep.parameters import Configuration

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from markupsafe import Markup

# Figures of which the reader chooses the combinations.
TO_CHOOSE_FROM = ("learning_curves", "time_to_target")


def render_report(
    *,
    leaderboard: pd.DataFrame,
    champion: Champion,
    class_report: pd.DataFrame,
    schema: Schema,
    figures: Mapping[str, "go.Figure"],
    network_summaries: Mapping[str, str],
    configuration: Configuration,
    launcher: str,
    environment: str,
    times: pd.DataFrame | None = None,
    mistakes: Sequence[Mapping[str, Any]] = (),
    screening: pd.DataFrame | None = None,
    verdicts: pd.DataFrame | None = None,
    comparison: Comparison | None = None,
) -> str:
    """Write the report.

    Args:
        leaderboard: One row a combination, best first.
        champion: The champion's record.
        class_report: Precision, recall, F1 and support of each class; no rows for a regression.
        schema: What the rows look like.
        figures: The Plotly figures by name: ``heatmap``, ``learning_curves``, ``predictions``, and
            where there are any ``ranking``, ``critical_difference``, ``learning_rates``,
            ``diagnostics`` and ``time_to_target``.
        network_summaries: Each distinct network's summary by its name.
        configuration: Every group of parameters.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
        times: From `dnn_sweep.core.comparison.time_to_target.time_to_target`.
        mistakes: From `dnn_sweep.core.reporting.mistakes.show_mistakes`.
        screening: One row a screened trial; ``None``, or no rows, where rates were fixed.
        verdicts: ``combination``, ``verdict`` and ``evidence``.
        comparison: The statistics' plain words under ``sentences``, the answer first.

    Returns:
        A self-contained HTML page.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    page = page_template(
        "report.html.j2",
        {
            "or_never": lambda value, text="%g": text % value if np.isfinite(value) else "never",
            "p_value": _p_value,
            "sure": _sure,
        },
    )
    command = kedro_run(launcher, "train", environment, data_parameters(configuration.data))
    ranking = leaderboard.to_dict("records")
    return page.render(
        experiment=champion.experiment,
        title=champion.headline(str(ranking[0]["combination"])),
        champion=champion,
        chosen=next(r for r in ranking if r["combination"] == champion.combination),
        headline=objective_of(schema.task).metric,
        objective=objective_of(schema.task),
        budget=str(champion.budget),
        rates=describe_rates(leaderboard, screening),
        rows=str(champion.rows),
        interval=format_interval,
        schema=schema,
        columns=set(leaderboard.columns),
        ranking=ranking,
        # Few seeds make every p-value 1: a column of those would say nothing.
        tested="p_holm" in leaderboard and bool((leaderboard["p_holm"] < 1).any()),
        classes=class_report.to_dict("records"),
        figures={name: _embed(name, figure) for name, figure in figures.items()},
        times=[] if times is None else summarize_times(times).to_dict("records"),
        mistakes=mistakes,
        verdicts={} if verdicts is None else verdicts.set_index("combination").to_dict("index"),
        healthy=HEALTHY,
        sentences=comparison.sentences if comparison else [],
        network_summaries=network_summaries,
        configuration=configuration.model_dump_json(indent=2),
        command=command,
        # Trusted: Plotly's own script and its own templates.
        plotly_js=Markup(get_plotlyjs()),  # noqa: S704
        plotly_templates=_plotly_templates(),
        colours=COLOURS,
    )


def _p_value(p: float | None) -> str:
    if p is None or np.isnan(p):
        return NO_VALUE
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _sure(probability: float) -> str:
    """A share in per cent; of nearly all, with a digit more, and never rounded up to all."""
    if probability >= 0.9995:
        return ">\N{NO-BREAK SPACE}99.9"
    return f"{100 * probability:.{1 if probability >= 0.99 else 0}f}"


def _embed(name: str, figure: "go.Figure") -> "Markup":
    """Turn a figure into HTML; its title becomes text, which a narrow screen can wrap."""
    import plotly.graph_objects as go
    from markupsafe import Markup

    shown = go.Figure(figure)
    # Plotly's titles are already escaped, so take that back before escaping for the page.
    title, subtitle = (
        unescape(text or "")
        for text in (figure.layout.title.text, figure.layout.title.subtitle.text)
    )
    text = Markup('<p><b>{}</b></p><p class="soft">{}</p>').format(title, subtitle)
    if not figure.data:  # its titles say why
        return Markup('<div class="figure" id="figure-{}">{}</div>').format(name, text)
    shown.update_layout(title=None, margin={"t": 30, "l": 60, "r": 10})
    choose = name in TO_CHOOSE_FROM
    if choose:
        shown.update_layout(showlegend=False)  # the page has a list of its own
    drawn = shown.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=f"figure-{name}",
        config={"responsive": True, "displaylogo": False, "displayModeBar": False},
    )
    picker = f'<div class="picker" data-figure="figure-{name}"></div>' if choose else ""
    return Markup(  # noqa: S704 (text is escaped here; Plotly escapes its own JSON)
        f'<div class="figure">{text}'
        f'{picker}<div class="wide"><div style="min-width: {_least_width(figure)}px">{drawn}</div>'
        "</div></div>"
    )


def _least_width(figure: "go.Figure") -> int:
    """Pixels below which a figure cannot be read; a narrower screen scrolls sideways."""
    if len(list(figure.select_xaxes())) > 1:
        return 700
    columns = max((len(trace.x) for trace in figure.select_traces({"type": "heatmap"})), default=0)
    return min(1000, 130 + 78 * columns) if columns else 300


def _plotly_templates() -> "Markup":
    import plotly.io as pio
    from markupsafe import Markup

    templates = {
        page: pio.templates[name].to_plotly_json()
        for page, name in (("light", "plotly_white"), ("dark", "plotly_dark"))
    }
    return Markup(pio.json.to_json_plotly(templates))  # noqa: S704
