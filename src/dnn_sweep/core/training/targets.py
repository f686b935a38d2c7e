"""Targets and per-row weights in the shape that a loss takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.network import Network


def loss_targets(values: NDArray[np.generic], network: Network) -> NDArray[Any]:
    """Bring class positions or standardised targets, ``(rows,)``, into the shape a loss takes.

    Returns:
        One-hot rows of shape ``(rows, outputs)`` for ``categorical_crossentropy``, a float32
        column of shape ``(rows, 1)`` for a single output, else the positions as they are.
    """
    if network.loss == "categorical_crossentropy":
        return np.asarray(keras.utils.to_categorical(values, network.outputs))
    return values.astype(np.float32)[:, np.newaxis] if network.outputs == 1 else values


def row_weights(
    data: TrainingData, class_weight: tuple[float, ...] | None
) -> NDArray[np.float32] | None:
    """Multiply each training row's weight by its class's; ``None`` where neither is set."""
    if class_weight is None:
        return data.sample_weights
    by_class = np.asarray(class_weight, dtype=np.float32)[data.y_train.astype(np.int32)]
    return by_class if data.sample_weights is None else by_class * data.sample_weights
