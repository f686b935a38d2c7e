"""The figures of a sweep: what each shows, and how Plotly and Matplotlib draw it."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from dnn_sweep.core.lazy import go
from dnn_sweep.core.reporting.figures import (
    calibration,
    diagnostics,
    factors,
    heatmap,
    learning_curves,
    learning_rates,
    predictions,
    ranking,
    style,
    threshold_curves,
    time_to_target,
)
from dnn_sweep.core.reporting.figures.drawn import Drawn


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn twice: interactive with Plotly, static with Matplotlib.

    >>> FIGURES["heatmap"].inputs
    ['leaderboard', 'champion', 'verdicts', 'comparison']
    """

    prepare: Callable[..., style.FigureInfo]  # its parameters are named as the catalog's datasets
    plot: Callable[[Any], Any]  # draws what is prepared with Plotly
    draw: Callable[[Any], Any]  # draws it with Matplotlib

    @property
    def inputs(self) -> list[str]:
        """The datasets that it shows."""
        return list(signature(self.prepare).parameters)

    def render(self, *inputs: Any) -> Drawn:
        """Prepare what is shown once, and draw it with both libraries."""
        info = self.prepare(*inputs)
        if type(info) is style.FigureInfo:  # titles alone
            empty = style.finish_plotly(go.Figure(), info, 200)
            return Drawn(empty, style.finish_static(style.new_figure(7, 1.6), info))
        return Drawn(self.plot(info), self.draw(info))


FIGURES = {
    module.__name__.rpartition(".")[2]: Figure(module.prepare, module.plot, module.draw)
    for module in (
        heatmap,
        ranking,
        learning_curves,
        learning_rates,
        diagnostics,
        time_to_target,
        predictions,
        calibration,
        threshold_curves,
        factors,
    )
}
