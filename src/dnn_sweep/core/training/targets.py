"""Targets in the shape that a loss takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.network import Network


def loss_targets(values: NDArray[np.generic], network: Network) -> NDArray[Any]:
    """Bring targets into the shape that a network's loss takes.

    Args:
        values: Class positions (int32) or standardised targets (float32), shape ``(rows,)``.
        network: Its loss and number of outputs decide.

    Returns:
        One-hot rows of shape ``(rows, outputs)`` for ``categorical_crossentropy``, a float32
        column of shape ``(rows, 1)`` for a single output, else the positions as they are.
    """
    if network.loss == "categorical_crossentropy":
        return np.asarray(keras.utils.to_categorical(values, network.outputs))
    if network.outputs == 1:
        return values.astype(np.float32)[:, np.newaxis]
    return values
