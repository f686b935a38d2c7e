"""Templates of the pages that the project writes."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from dnn_sweep.core.formatting import METRIC_LABELS, count, format_interval, format_value, percent


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
