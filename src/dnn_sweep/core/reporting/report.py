"""The report: one page that answers the question first and works without a network."""

from __future__ import annotations

from html import unescape
from typing import Any

import numpy as np
from markupsafe import Markup

from dnn_sweep.core.comparison.time_to_target import summarize_times
from dnn_sweep.core.diagnosis.verdicts import HEALTHY
from dnn_sweep.core.formatting import NO_VALUE
from dnn_sweep.core.lazy import LazyModule, go
from dnn_sweep.core.reporting.figures.style import COLOURS
from dnn_sweep.core.reporting.mistakes import find_mistakes
from dnn_sweep.core.reporting.pages import page_template
from dnn_sweep.core.reporting.results import SweepResults

plotly = LazyModule("plotly")

# Figures of which the reader chooses the combinations.
TO_CHOOSE_FROM = ("learning_curves", "time_to_target")


def write_report(results: SweepResults, **figures: Any) -> str:
    """Write the report as a self-contained HTML page; ``figures`` are Plotly's, by their names.

    >>> write_report(sweep_results, **figures)[:15]
    '<!doctype html>'
    """
    filters: dict[str, Any] = {"or_never": _or_never, "p_value": _p_value, "sure": _sure}
    page = page_template("report.html.j2", filters)
    ranking = results.leaderboard.to_dict("records")
    templates = plotly.io.templates
    looks = {"light": templates["plotly_white"], "dark": templates["plotly_dark"]}
    champion, schema = results.champion, results.schema
    return page.render(
        results=results,
        champion=champion,
        schema=schema,
        ranking=ranking,
        chosen=next(row for row in ranking if row["combination"] == champion.combination),
        # Few seeds make every p-value 1: a column of those would say nothing.
        tested=bool((results.leaderboard["p_holm"] < 1).any()),
        sentences=results.comparison.sentences,
        verdicts=results.verdicts.set_index("combination").to_dict("index"),
        healthy=HEALTHY,
        times=summarize_times(results.time_to_target).to_dict("records"),
        classes=results.class_report.to_dict("records"),
        mistakes=find_mistakes(results.test_predictions, results.test_rows, schema),
        configuration=results.configuration.model_dump_json(indent=2),
        figures={name: _embed(name, figure) for name, figure in figures.items()},
        # Trusted: Plotly's own script and its own templates.
        plotly_js=Markup(plotly.offline.get_plotlyjs()),  # noqa: S704
        plotly_templates=Markup(plotly.io.json.to_json_plotly(looks)),  # noqa: S704
        colours=COLOURS,
    )


def _or_never(value: float, text: str = "%g") -> str:
    return text % value if np.isfinite(value) else "never"


def _p_value(p: float) -> str:
    if np.isnan(p):
        return NO_VALUE
    return f"{p:.3f}" if p >= 0.001 else "< 0.001"


def _sure(probability: float) -> str:
    """A share in percent; near 100 with a digit more, and never rounded up to it."""
    if probability >= 0.9995:
        return ">\N{NO-BREAK SPACE}99.9"
    return f"{100 * probability:.{1 if probability >= 0.99 else 0}f}"


def _embed(name: str, figure: go.Figure) -> Markup:
    """Turn a figure into HTML; its title becomes text, which a narrow screen can wrap."""
    # Plotly's titles are already escaped, so take that back before escaping for the page.
    heading = figure.layout.title
    title, subtitle = unescape(heading.text), unescape(heading.subtitle.text)
    text = Markup('<p><b>{}</b></p><p class="soft">{}</p>').format(title, subtitle)
    if not figure.data:  # its titles say why
        return Markup('<div class="figure" id="figure-{}">{}</div>').format(name, text)
    shown = go.Figure(figure)
    shown.update_layout(title=None, margin={"t": 30, "l": 60, "r": 10})
    picker = ""
    if name in TO_CHOOSE_FROM:
        shown.update_layout(showlegend=False)  # the page has a list of its own
        picker = f'<div class="picker" data-figure="figure-{name}"></div>'
    drawn = shown.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=f"figure-{name}",
        config={"responsive": True, "displaylogo": False, "displayModeBar": False},
    )
    return Markup(  # noqa: S704 (text is escaped here; Plotly escapes its own JSON)
        f'<div class="figure">{text}'
        f'{picker}<div class="wide"><div style="min-width: {_least_width(figure)}px">{drawn}</div>'
        "</div></div>"
    )


def _least_width(figure: go.Figure) -> int:
    """Pixels below which a figure cannot be read; a narrower screen scrolls sideways."""
    if len(list(figure.select_xaxes())) > 1:
        return 700
    columns = max((len(trace.x) for trace in figure.select_traces({"type": "heatmap"})), default=0)
    lines = [line for text in figure.layout.annotations for line in text.text.split("<br>")]
    column = max(78, 7 * max(map(len, lines), default=0))  # a cell holds its text
    return min(1000, 130 + column * columns) if columns else 300
