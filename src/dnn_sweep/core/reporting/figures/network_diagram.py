"""A picture of a network: a box a layer, with what it does and how many parameters it has."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dnn_sweep.core.formatting import count
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.reporting.figures.style import COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BOX_HEIGHT = 0.62


@dataclass(frozen=True)
class Box:
    """One layer of the diagram.

    Args:
        name: The layer's name.
        description: What it does.
        parameters: How many numbers it holds; 0 for the input.
        colour: Of its frame.
    """

    name: str
    description: str
    parameters: int
    colour: str


def layer_boxes(network: Network) -> list[Box]:
    """Describe every layer of a network, input first.

    Args:
        network: The network.

    Returns:
        A box for the input, for each hidden layer (with its batch normalisation and dropout)
        and for the output.
    """
    boxes = [Box("input", count(network.inputs, "feature"), 0, COLOURS[-1])]
    width = network.inputs
    for layer in network.hidden:
        parts = [count(layer.units, "unit"), layer.activation, layer.kernel_initializer]
        if layer.batch_normalization:
            parts.append("batch normalization")
        if layer.dropout:
            parts.append(f"dropout {layer.dropout:g}")
        if layer.l2:
            parts.append(f"L2 {layer.l2:g}")
        # A weight for each input and a bias; batch normalisation adds scale, shift and the
        # moving mean and variance.
        parameters = (width + 1) * layer.units + 4 * layer.units * layer.batch_normalization
        boxes.append(Box(layer.name, " · ".join(parts), parameters, COLOURS[0]))
        width = layer.units
    described = f"{count(network.outputs, 'unit')} · {network.output_activation}"
    boxes.append(
        Box("output", f"{described} · {network.loss}", (width + 1) * network.outputs, COLOURS[3])
    )
    return boxes


def draw_network(network: Network) -> "Figure":
    """Draw a network, input on top.

    Args:
        network: The network.

    Returns:
        The matplotlib figure.
    """
    boxes = layer_boxes(network)
    figure = new_figure(7, 0.9 + 0.85 * len(boxes))
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set_xlim(0, 1)
    axis.set_ylim(len(boxes) - 0.5, -0.5)
    for place, box in enumerate(boxes):
        axis.text(
            0.5,
            place,
            f"{box.name}   ({count(box.parameters, 'parameter')})\n{box.description}"
            if box.parameters
            else f"{box.name}\n{box.description}",
            ha="center",
            va="center",
            fontsize=9,
            parse_math=False,
            linespacing=1.5,
            bbox={"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": box.colour},
        )
        if place:
            axis.annotate(
                "",
                xy=(0.5, place - BOX_HEIGHT / 2),
                xytext=(0.5, place - 1 + BOX_HEIGHT / 2),
                arrowprops={"arrowstyle": "->", "color": COLOURS[-1]},
            )
    total = sum(box.parameters for box in boxes)
    figure.suptitle(
        f"{network.name}: {count(total, 'parameter')}",
        fontsize=12,
        fontweight="bold",
        parse_math=False,
    )
    return figure
