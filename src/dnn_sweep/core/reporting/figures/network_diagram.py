"""A diagram of a network: one box per layer, with what it does and how many parameters it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dnn_sweep.core.formatting import TIMES, count
from dnn_sweep.core.lazy import keras, mpl
from dnn_sweep.core.networks.body import BranchedBody, CustomBody
from dnn_sweep.core.networks.build import build_network, layers_within
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
    """Describe the input, each layer (with what follows it) and the output, in order."""
    model = build_network(network)
    if isinstance(network.body, CustomBody):
        return [
            Box(each.name, _own_layer(each), each.count_params(), style.COLOURS[0])
            for each in layers_within(model)
        ]
    entering = count(network.inputs, "feature")
    if network.body and len(network.body.shape) > 1:
        entering = f" {TIMES} ".join(map(str, network.body.shape))
    boxes = [Box("input", entering, 0, style.GREY)]
    if isinstance(network.body, BranchedBody):
        branches = [
            ", ".join(f"{each.units} {each.activation}" for each in branch)
            for branch in network.body.branches
        ]
        text = f"{'  |  '.join(branches)}, concatenated"
        names = [each.name for branch in network.body.branches for each in branch]
        boxes.append(Box("branches", text, _parameters(model, *names), style.COLOURS[0]))
    elif network.body:
        boxes += [_box(model, each) for each in network.body.layers]
    boxes += [_box(model, each) for each in network.hidden]
    output = f"{count(network.outputs, 'unit')} · {network.output_activation} · {network.loss}"
    return [*boxes, Box("output", output, _parameters(model, "output"), style.COLOURS[3])]


def _box(model: keras.Model, layer: Any) -> Box:
    """Describe a layer with what is named after it: normalization, pooling, dropout."""
    size = getattr(layer, "units", None)
    parts = [count(size, "unit") if size else count(layer.filters, "filter")]
    if side := getattr(layer, "kernel_size", None):
        parts[0] += f" of {side} {TIMES} {side}"
    parts += [layer.activation, layer.kernel_initializer]
    if getattr(layer, "batch_normalization", False):
        parts.append("batch normalization")
    if (pool := getattr(layer, "pool", 1)) > 1:
        parts.append(f"{layer.pooling} pooling {pool} {TIMES} {pool}")
    if dropout := getattr(layer, "dropout", 0.0):
        parts.append(f"dropout {dropout:g}")
    if layer.l2:
        parts.append(f"L2 {layer.l2:g}")
    return Box(layer.name, " · ".join(parts), _parameters(model, layer.name), style.COLOURS[0])


def _parameters(model: keras.Model, *names: str) -> int:
    """Count the parameters of Keras layers with these names, and of what is named after them."""
    after = tuple(f"{name}_" for name in names)
    own = [each for each in model.layers if each.name in names or each.name.startswith(after)]
    return sum(each.count_params() for each in own)


def _own_layer(layer: keras.Layer) -> str:
    shape = f" {TIMES} ".join(str(side) for side in layer.output.shape[1:])
    return f"{type(layer).__name__} · {shape}"


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
