"""The rows on the device: which of them each lane trains on, validates and scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData, epoch_order
from dnn_sweep.core.lazy import tf
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.stacked.spec import ModelSpec
from dnn_sweep.core.training.targets import loss_targets, row_weights

VALIDATION_BATCH = 512  # rows at most; a layer's outputs should stay in the cache


class Rows:
    """Training and validation rows, on the device.

    The rows of all folds of a cross-validation lie one after another, each scaled by its own
    fold's preprocessing, and a lane is given the positions of its fold's rows alone. Folds may
    differ in size: what fills up a lane has the mask 0. Without folds there is one part, and
    every lane validates the same rows.

    The model's loss decides the shape of the targets, its class weights those of the rows.

    Attributes:
        training: Rows that a lane trains on, at most.
        validated: Rows of which a lane returns outputs, at most.
    """

    def __init__(self, data: TrainingData, model: ModelSpec) -> None:
        parts = data.folds or (data,)
        self._parts, self._folds = parts, len(data.folds)
        self._trained = np.array([len(part.x_train) for part in parts])
        self._watched = np.array([len(part.x_validation) for part in parts])
        self._first = np.concatenate([[0], np.cumsum(self._trained)[:-1]])
        self.training = int(self._trained.max())
        self._x = tf.constant(_joined([part.x_train for part in parts]))
        targets = [loss_targets(part.y_train, model.network) for part in parts]
        self._y = tf.constant(_joined(targets))
        weights = [row_weights(part, model.class_weight) for part in parts]
        given = [each for each in weights if each is not None]
        self._weights = tf.constant(_joined(given)) if given else None
        validated = [_validated(part, model) for part in parts]
        self.validated = max(len(x) for x, _ in validated)
        self.validation_batches = -(-self.validated // VALIDATION_BATCH)
        self.validation_batch = -(-self.validated // self.validation_batches)
        x, y = (
            np.stack([self._filled(each) for each in values])
            for values in zip(*validated, strict=True)
        )
        self._x_validation, self._y_validation = tf.constant(x), tf.constant(y)

    def order(self, trial: Trial, epoch: int) -> NDArray[np.int32]:
        """Positions of the rows that a trial trains on, in an epoch's order."""
        part = trial.fold or 0
        order = epoch_order(int(self._trained[part]), trial.seed, epoch)
        return order + np.int32(self._first[part])

    def scored(self, trial: Trial) -> slice:
        """Which of a lane's outputs belong to the rows on which its trial is scored."""
        part = self._parts[trial.fold or 0]
        first = 0 if part.x_scored is None else len(part.x_validation)
        return slice(first, first + len(part.scored))

    def watched(self, trial: Trial) -> slice:
        """Which of a lane's outputs belong to the rows that its trial's callbacks watch."""
        return slice(int(self._watched[trial.fold or 0]))

    def counts(self, folds: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Numbers of rows that lanes, whose folds are given, train on and validate."""
        return self._trained[folds].astype(np.float32), self._watched[folds].astype(np.float32)

    def uneven(self, size: int) -> bool:
        """Whether some lanes have more batches of this size in an epoch than others."""
        return len(set(-(-self._trained // size))) > 1

    def batch(self, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Gather rows at ``[lanes, rows]`` positions: features, targets and loss weights."""
        weights = 1.0 if self._weights is None else tf.gather(self._weights, positions)
        return tf.gather(self._x, positions), tf.gather(self._y, positions), weights

    def mask(self, step: tf.Tensor, size: int, folds: tf.Tensor) -> tf.Tensor:
        """1 for each row of a step's batch, 0 for one that only fills it up.

        The shape is ``[rows]``, or ``[lanes, rows]`` where folds differ in size.
        """
        if (self._trained == self.training).all():
            if self.training % size == 0:
                return tf.ones(size)
            return tf.cast(step * size + tf.range(size) < self.training, tf.float32)
        rows = tf.gather(tf.constant(self._trained, tf.int32), folds)[:, tf.newaxis]
        return tf.cast(step * size + tf.range(size) < rows, tf.float32)

    def validation_at(
        self, batch: tf.Tensor, lanes: int, folds: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Slice a batch of each lane's validation rows: features, targets, and a mask.

        The mask is 1 for rows that count in the loss and the metric.
        """
        size, start = self.validation_batch, batch * self.validation_batch

        def slice_of(values: tf.Tensor) -> tf.Tensor:
            begin = [0, start] + [0] * (len(values.shape) - 2)
            rows = tf.slice(values, begin, [values.shape[0], size, *values.shape[2:]])
            if self._folds:
                return tf.gather(rows, folds)
            return tf.broadcast_to(rows, (lanes, *rows.shape[1:]))

        if self._folds:
            watched = tf.gather(tf.constant(self._watched, tf.int32), folds)[:, tf.newaxis]
        else:
            watched = int(self._watched[0])
        mask = tf.cast(start + tf.range(size) < watched, tf.float32)
        return slice_of(self._x_validation), slice_of(self._y_validation), mask

    def _filled(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        missing = self.validation_batch * self.validation_batches - len(values)
        return np.concatenate([values, np.repeat(values[:1], missing, axis=0)])


def _validated(
    part: TrainingData, model: ModelSpec
) -> tuple[NDArray[np.float32], NDArray[np.generic]]:
    """The rows that are watched, then those that are scored, where these are others.

    What is only scored has the first row's target: its loss does not count.
    """
    y = loss_targets(part.y_validation, model.network)
    if part.x_scored is None:
        return part.x_validation, y
    x = np.concatenate([part.x_validation, part.x_scored])
    return x, np.concatenate([y, np.repeat(y[:1], len(part.x_scored), axis=0)])


def _joined(parts: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
