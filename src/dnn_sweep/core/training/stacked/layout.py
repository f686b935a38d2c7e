"""How a stack holds the weights of its networks: one array for each weight, the lane first.

A lane may hold a network with fewer units or layers than the stack has: its weights come first in
each array, and the rest is 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.weight_layout import Weight, weight_layout


def is_transposed(weight: Weight) -> bool:
    """Whether a kernel is held as ``[units, inputs]``, as one with fewer units than inputs is.

    The product behind its gradient then has more columns than rows, which XLA computes up to half
    again as fast on a processor. A transposition of the result would be simplified away.
    """
    return weight.role == "kernel" and weight.shape[0] > weight.shape[1]


def stacked_shape(weight: Weight, lanes: int) -> tuple[int, ...]:
    """Shape of a weight: kernels ``[lanes, inputs, units]``, or transposed; others as one row."""
    shape = weight.shape[::-1] if is_transposed(weight) else weight.shape
    return (lanes, *((1,) * (2 - len(shape))), *shape)


def to_lane(stack: Network, network: Network, weights: Sequence[NDArray[Any]]) -> list[Any]:
    """Arrange a network's weights, in the order of Keras, for a lane of a stack."""
    lane = [np.zeros(stacked_shape(each, 1)[1:], np.float32) for each in weight_layout(stack)]
    for part, values in zip(_parts(stack, network, lane), weights, strict=True):
        part[...] = values
    return lane


def from_lane(stack: Network, network: Network, lane: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Copy a network's weights, in the order and shapes of Keras, from a lane of a stack."""
    return [part.copy() for part in _parts(stack, network, lane)]


def _parts(
    stack: Network, network: Network, lane: Sequence[NDArray[Any]]
) -> Iterator[NDArray[Any]]:
    """Views of the parts of a lane that hold a network's weights, in their order and shapes."""
    # The layers that the network has not are its last hidden ones.
    last, missing = len(network.hidden), len(stack.hidden) - len(network.hidden)
    held = {(each.layer, each.role): (each, at) for at, each in enumerate(weight_layout(stack))}
    for weight in weight_layout(network):
        layer = weight.layer + (missing if weight.layer == last else 0)
        whole, at = held[layer, weight.role]
        values = lane[at].T if is_transposed(whole) else lane[at].reshape(whole.shape)
        yield values[tuple(map(slice, weight.shape))]
