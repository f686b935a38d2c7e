"""The figures of a sweep: what each shows, and how Plotly and Matplotlib draw it."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from dnn_sweep.core.reporting.figures import (
    diagnostics,
    heatmap,
    learning_curves,
    learning_rates,
    predictions,
    ranking,
    style,
    time_to_target,
)


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn twice: interactive with Plotly, static with Matplotlib.

    Args:
        prepare: Collects what is shown; its parameters are named as the catalog's datasets.
        plot: Draws that with Plotly.
        draw: Draws that with Matplotlib.

    Example:
        >>> FIGURES["heatmap"].inputs
        ['leaderboard', 'champion']
    """

    prepare: Callable[..., style.FigureInfo]
    plot: Callable[[Any], Any]
    draw: Callable[[Any], Any]

    @property
    def inputs(self) -> list[str]:
        """The datasets that it shows."""
        return list(signature(self.prepare).parameters)

    def render(self, *inputs: Any) -> tuple[Any, Any]:
        """Prepare what is shown once, and draw it with both libraries."""
        info = self.prepare(*inputs)
        if info.is_empty:
            return style.plot_nothing(info), style.draw_nothing(info)
        return self.plot(info), self.draw(info)


FIGURES = {
    "heatmap": Figure(heatmap.prepare, heatmap.plot, heatmap.draw),
    "ranking": Figure(ranking.prepare, ranking.plot, ranking.draw),
    "learning_curves": Figure(learning_curves.prepare, learning_curves.plot, learning_curves.draw),
    "learning_rates": Figure(learning_rates.prepare, learning_rates.plot, learning_rates.draw),
    "diagnostics": Figure(diagnostics.prepare, diagnostics.plot, diagnostics.draw),
    "time_to_target": Figure(time_to_target.prepare, time_to_target.plot, time_to_target.draw),
    "predictions": Figure(predictions.prepare, predictions.plot, predictions.draw),
}
