"""The weights of a network, in the order of Keras: the one description that all rooms share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

from dnn_sweep.core.networks.network import Network

Role = Literal["kernel", "bias", "scale", "offset", "moving_mean", "moving_variance"]
Values = TypeVar("Values")

OUTPUT_INITIALIZER = "glorot_uniform"
# What keras.layers.BatchNormalization does by default.
NORMALIZATION_EPSILON = 1e-3
NORMALIZATION_MOMENTUM = 0.99
_NORMALIZATION: tuple[tuple[Role, float], ...] = (
    ("scale", 1.0),
    ("offset", 0.0),
    ("moving_mean", 0.0),
    ("moving_variance", 1.0),
)


@dataclass(frozen=True)
class Weight:
    """One of the arrays that ``get_weights`` of the Keras network returns.

    Args:
        layer: Position of its layer; that of the output layer is the number of hidden layers.
        shape: ``(inputs, units)`` for a kernel, else ``(units,)``.
        initial: The value it starts from; for a kernel, the name of a Keras initializer.
    """

    layer: int
    role: Role
    shape: tuple[int, ...]
    initial: float | str

    @property
    def trainable(self) -> bool:
        """Whether the optimizer updates it; moving averages follow the batches instead."""
        return not self.role.startswith("moving")


@lru_cache(maxsize=256)
def weight_layout(network: Network) -> tuple[Weight, ...]:
    """Describe a network's weights, in the order of Keras.

    >>> from dnn_sweep.core.networks.body import Layer
    >>> hidden = Layer(name="h", units=3, activation="relu", kernel_initializer="he_uniform")
    >>> network = Network(inputs=4, hidden=(hidden,), outputs=1, output_activation="linear",
    ...                   loss="mean_squared_error", metric="mae")
    >>> [(each.role, each.shape) for each in weight_layout(network)]
    [('kernel', (4, 3)), ('bias', (3,)), ('kernel', (3, 1)), ('bias', (1,))]
    """
    weights: list[Weight] = []
    width = network.inputs
    for at, layer in enumerate(network.hidden):
        weights.append(Weight(at, "kernel", (width, layer.units), layer.kernel_initializer))
        width = layer.units
        weights.append(Weight(at, "bias", (width,), 0.0))
        if layer.batch_normalization:
            weights += [Weight(at, role, (width,), start) for role, start in _NORMALIZATION]
    last = len(network.hidden)
    weights.append(Weight(last, "kernel", (width, network.outputs), OUTPUT_INITIALIZER))
    return (*weights, Weight(last, "bias", (network.outputs,), 0.0))


def weights_by_layer(network: Network, weights: Sequence[Values]) -> list[dict[Role, Values]]:
    """Sort weights in the order of Keras by layer and role; the output layer comes last."""
    layers: list[dict[Role, Values]] = [{} for _ in range(len(network.hidden) + 1)]
    for each, values in zip(weight_layout(network), weights, strict=True):
        layers[each.layer][each.role] = values
    return layers


def kernels_of(network: Network, weights: Sequence[Any]) -> list[Any]:
    """The kernel of each layer, among weights in the order of Keras."""
    return [layer["kernel"] for layer in weights_by_layer(network, weights)]
