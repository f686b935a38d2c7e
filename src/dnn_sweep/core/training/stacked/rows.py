"""The data of a cohort, on the device."""

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.lazy import tf
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.row_weights import row_weights
from dnn_sweep.core.training.targets import loss_targets

VALIDATION_BATCH = 512  # rows at most; the outputs of a layer should stay in the cache


class Rows:
    """Training and validation rows, put on the device once.

    Args:
        data: Scaled rows.
        trial: Says what its loss takes as targets, and what each row counts.
    """

    def __init__(self, data: TrainingData, trial: Trial) -> None:
        self.training = len(data.x_train)
        self.validation = len(data.x_validation)
        self.validation_batches = -(-self.validation // VALIDATION_BATCH)
        self.validation_batch = -(-self.validation // self.validation_batches)
        self._x = tf.constant(data.x_train)
        self._y = tf.constant(loss_targets(data.y_train, trial.network))
        weights = row_weights(trial, data)
        self._weights = None if weights is None else tf.constant(weights)
        self._x_validation = tf.constant(self._filled(data.x_validation))
        self._y_validation = tf.constant(
            self._filled(loss_targets(data.y_validation, trial.network))
        )

    def batch(self, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Take rows, ``[seats, rows]`` positions: features, targets, what each row counts."""
        weights = 1.0 if self._weights is None else tf.gather(self._weights, positions)
        return tf.gather(self._x, positions), tf.gather(self._y, positions), weights

    def mask(self, step: tf.Tensor, batch: int) -> tf.Tensor:
        """1 for each row of a step's batch, 0 for one that only fills up the epoch's last."""
        if self.training % batch == 0:
            return tf.ones(batch)
        return tf.cast(step * batch + tf.range(batch) < self.training, tf.float32)

    def validation_at(self, batch: tf.Tensor, seats: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """A batch of validation rows for every seat: features, targets, mask."""
        size, start = self.validation_batch, batch * self.validation_batch

        def take(values: tf.Tensor) -> tf.Tensor:
            begin = [start] + [0] * (len(values.shape) - 1)
            taken = tf.slice(values, begin, [size, *values.shape[1:]])
            return tf.broadcast_to(taken, (seats, *taken.shape))

        mask = tf.cast(start + tf.range(size) < self.validation, tf.float32)
        return take(self._x_validation), take(self._y_validation), mask

    def _filled(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        missing = self.validation_batch * self.validation_batches - len(values)
        return np.concatenate([values, np.repeat(values[:1], missing, axis=0)])
