"""A diagram of a network: one box per layer, with what it does and how many parameters it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dnn_sweep.core.formatting import count
from dnn_sweep.core.lazy import mpl
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.reporting.figures import style

BOX_HEIGHT = 0.62


@dataclass(frozen=True)
class Box:
    """One layer of the diagram."""

    name: str
    description: str
    parameters: int  # 0 for the input
    colour: str  # of its frame


def layer_boxes(network: Network) -> list[Box]:
    """Describe the input, each hidden layer (with what follows it) and the output, in order."""
    boxes = [Box("input", count(network.inputs, "feature"), 0, style.GREY)]
    width = network.inputs
    for layer in network.hidden:
        parts = [count(layer.units, "unit"), layer.activation, layer.kernel_initializer]
        if layer.batch_normalization:
            parts.append("batch normalization")
        if layer.dropout:
            parts.append(f"dropout {layer.dropout:g}")
        if layer.l2:
            parts.append(f"L2 {layer.l2:g}")
        # A weight for each input and a bias; batch normalization adds scale, offset and the
        # moving mean and variance.
        parameters = (width + 1) * layer.units + 4 * layer.units * layer.batch_normalization
        boxes.append(Box(layer.name, " · ".join(parts), parameters, style.COLOURS[0]))
        width = layer.units
    output = f"{count(network.outputs, 'unit')} · {network.output_activation} · {network.loss}"
    boxes.append(Box("output", output, (width + 1) * network.outputs, style.COLOURS[3]))
    return boxes


def draw_network(network: Network) -> mpl.figure.Figure:
    """Draw a network with Matplotlib, input on top."""
    boxes = layer_boxes(network)
    figure = style.new_figure(7, 0.9 + 0.85 * len(boxes))
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set(xlim=(0, 1), ylim=(len(boxes) - 0.5, -0.5))
    look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9, "linespacing": 1.5}
    arrow = {"arrowstyle": "->", "color": style.GREY}
    for place, box in enumerate(boxes):
        has = f"   ({count(box.parameters, 'parameter')})" if box.parameters else ""
        frame = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": box.colour}
        text = f"{box.name}{has}\n{box.description}"
        axis.text(0.5, place, text, parse_math=False, bbox=frame, **look)
        if place:
            ends = (0.5, place - BOX_HEIGHT / 2), (0.5, place - 1 + BOX_HEIGHT / 2)
            axis.annotate("", *ends, arrowprops=arrow)
    total = count(sum(box.parameters for box in boxes), "parameter")
    title = f"{network.name}: {total}"
    figure.suptitle(title, fontsize=12, fontweight="bold", parse_math=False)
    return figure
