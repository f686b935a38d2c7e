"""Per-row loss weights."""

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData


def row_weights(
    data: TrainingData, class_weight: tuple[float, ...] | None
) -> NDArray[np.float32] | None:
    """Multiply the weight of each training row by the weight of its class.

    Args:
        data: Its ``sample_weights`` and class positions.
        class_weight: A factor per class position.

    Returns:
        Shape ``(rows,)``, in the order of ``data.x_train``; ``None`` where neither is set.
    """
    if class_weight is None:
        return data.sample_weights
    by_class = np.asarray(class_weight, dtype=np.float32)[data.y_train.astype(np.int32)]
    return by_class if data.sample_weights is None else by_class * data.sample_weights
