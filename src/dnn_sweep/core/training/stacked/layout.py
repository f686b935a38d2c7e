"""How a stack holds the weights of its networks: one array for each weight, the lane first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.networks.weight_layout import Weight


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


def to_stack(weight: Weight, values: NDArray[Any]) -> NDArray[Any]:
    """Arrange a network's weight, as Keras has it, for a lane."""
    return np.atleast_2d(values.T if is_transposed(weight) else values)


def from_stack(weight: Weight, values: NDArray[Any]) -> NDArray[Any]:
    """Arrange some lanes of a weight as Keras has it, ``[lanes, *shape]``."""
    if is_transposed(weight):
        return values.swapaxes(1, 2)
    return values.reshape(len(values), *weight.shape)
