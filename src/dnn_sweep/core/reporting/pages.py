"""Templates of the pages that the project writes, and the figures in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import unescape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from dnn_sweep.core.formatting import METRIC_LABELS, count, format_interval, format_value, percent
from dnn_sweep.core.lazy import LazyModule, go
from dnn_sweep.core.missing import Missing
from dnn_sweep.core.reporting.figures.style import COLOURS

plotly = LazyModule("plotly")
MARGIN = {"t": 30, "l": 60, "r": 10}  # pixels around a figure without its title


def page_template(
    name: str,
    filters: Mapping[str, Callable[..., Any]],
    finalize: Callable[[Any], Any] | None = None,
) -> Template:
    """Load a template that escapes its values: labels, columns, configuration are the user's.

    ``name`` is the file in ``core/reporting/templates``; ``filters`` are added to those that every
    page has; ``finalize`` is applied to every value before it is escaped.
    """
    environment = Environment(
        loader=PackageLoader("dnn_sweep.core.reporting"),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "value": format_value,
        "metric": lambda metric: METRIC_LABELS.get(metric, metric),
        "count_of": count,
        "percent": percent,
        **filters,
    }
    environment.globals["interval"] = format_interval
    return environment.get_template(name)


def figure_scripts() -> dict[str, Any]:
    """What a page with figures needs beside them: Plotly itself, its looks, the colours."""
    looks = {"light": "plotly_white", "dark": "plotly_dark"}
    templates = {name: plotly.io.templates[look] for name, look in looks.items()}
    return {
        # Trusted: Plotly's own script and its own templates.
        "plotly_js": Markup(plotly.offline.get_plotlyjs()),  # noqa: S704
        "plotly_templates": Markup(plotly.io.json.to_json_plotly(templates)),  # noqa: S704
        "colours": COLOURS,
    }


def embed_figure(
    name: str,
    figure: go.Figure | Missing,
    *,
    picker: bool = False,
    margin: Mapping[str, int] = MARGIN,
) -> Markup:
    """Turn a figure into HTML; its title becomes text, which a narrow screen can wrap."""
    if isinstance(figure, Missing):
        said = Markup('<p class="warning"><b>This figure could not be drawn.</b> {}</p>')
        block = Markup('<div class="figure" id="figure-{}">{}</div>')
        return block.format(name, said.format(figure))
    # Plotly's titles are already escaped, so take that back before escaping for the page.
    heading = figure.layout.title
    title, subtitle = unescape(heading.text), unescape(heading.subtitle.text)
    text = Markup('<p><b>{}</b></p><p class="soft">{}</p>').format(title, subtitle)
    if not figure.data:  # its titles say why
        return Markup('<div class="figure" id="figure-{}">{}</div>').format(name, text)
    shown = go.Figure(figure)
    shown.update_layout(title=None, margin=dict(margin))
    listed = ""
    if picker:  # a list of what the figure shows, in place of its legend
        shown.update_layout(showlegend=False)
        listed = f'<div class="picker" data-figure="figure-{name}"></div>'
    drawn = shown.to_html(
        full_html=False,
        include_plotlyjs=False,
        div_id=f"figure-{name}",
        config={"responsive": True, "displaylogo": False, "displayModeBar": False},
    )
    return Markup(  # noqa: S704 (text is escaped here; Plotly escapes its own JSON)
        f'<div class="figure">{text}'
        f'{listed}<div class="wide"><div style="min-width: {_least_width(figure)}px">{drawn}</div>'
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
