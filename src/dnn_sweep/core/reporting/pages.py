"""Templates of the pages that the project writes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dnn_sweep.core.formatting import METRIC_LABELS, count, format_value

if TYPE_CHECKING:
    from jinja2 import Template


def page_template(
    name: str,
    filters: Mapping[str, Callable[..., Any]],
    finalize: Callable[[Any], Any] | None = None,
) -> "Template":
    """Load a template that escapes what it is given: labels, columns, configuration are the user's.

    Args:
        name: The file in ``core/reporting/templates``.
        filters: By name; beside ``value``, ``metric`` and ``count_of``, which every page has.
        finalize: What is done to every value before it is escaped.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

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
        **filters,
    }
    return environment.get_template(name)
