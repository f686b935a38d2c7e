"""What each training row's loss counts."""

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import Trial


def row_weights(trial: Trial, data: TrainingData) -> NDArray[np.float32] | None:
    """Weigh the training rows: the weight of the row times the weight of its class.

    Args:
        trial: Its ``class_weight``, a factor for each class position.
        data: Its ``sample_weights`` and class positions.

    Returns:
        Shape ``(rows,)``, in the order of ``data.x_train``; ``None`` where neither is set, so
        that all rows count alike.
    """
    if trial.class_weight is None:
        return data.sample_weights
    by_class = np.asarray(trial.class_weight, dtype=np.float32)[data.y_train.astype(np.int32)]
    return by_class if data.sample_weights is None else by_class * data.sample_weights
