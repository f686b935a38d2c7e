"""Validation of a stack of networks, as one compiled program."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import tf
from dnn_sweep.core.training.stacked.board import Group
from dnn_sweep.core.training.stacked.measuring import Measuring
from dnn_sweep.core.training.stacked.network import (
    Settings,
    StackedNetwork,
    moving_shapes,
    weight_shapes,
)
from dnn_sweep.core.training.stacked.rows import Rows


class Validation:
    """Applies ``seats`` networks to the validation rows.

    It does not depend on the optimizer, so that the programs of several optimizers share one.

    Args:
        group: What the trials share.
        seats: Number of networks.
        rows: The data.
    """

    def __init__(self, group: Group, seats: int, rows: Rows) -> None:
        self._structure = group.structure
        self._seats = seats
        self._rows = rows
        self._network = StackedNetwork(group)
        self._measure = Measuring(group.structure)
        self._validate = tf.function(self._measure_all, jit_compile=True, autograph=False)

    def compile(self) -> None:
        """Compile, by running the program for no row at all."""
        structure, seats = self._structure, self._seats
        weights = tuple(tf.zeros((seats, *shape)) for shape in weight_shapes(structure))
        moving = tuple(tf.zeros((seats, *shape)) for shape in moving_shapes(structure))
        settings = Settings.empty(seats, len(structure.hidden))
        self._validate(weights, moving, settings, tf.constant(0))

    def run(
        self, weights: Sequence[tf.Tensor], moving: Sequence[tf.Tensor], settings: Settings
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], tf.Tensor]:
        """Validate.

        Args:
            weights: The networks' trained weights.
            moving: The normalisations' moving means and variances.
            settings: What else is each network's own.

        Returns:
            Loss and metric of each network, ``[seats]``, and the outputs
            ``[seats, rows, outputs]``, which stay on the device until they are asked for.
        """
        batches = tf.constant(self._rows.validation_batches)
        sums, outputs = self._validate(tuple(weights), tuple(moving), settings, batches)
        loss, metric, penalties = sums.numpy()
        rows = np.float32(self._rows.validation)
        return loss / rows + penalties, metric / rows, outputs

    def _measure_all(
        self,
        weights: tuple[tf.Tensor, ...],
        moving: tuple[tf.Tensor, ...],
        settings: Settings,
        batches: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sums over the rows of loss and metric, with the penalties; and the outputs."""
        rows, seats, units = self._rows, self._seats, self._structure.outputs
        collected = tf.TensorArray(
            tf.float32,
            rows.validation_batches,
            element_shape=(seats, rows.validation_batch, units),
        )

        def step(
            at: tf.Tensor, loss: tf.Tensor, metric: tf.Tensor, collected: tf.TensorArray
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]:
            x, y, mask = rows.validation_at(at, seats)
            logits = self._network.logits(weights, moving, settings, x)
            outputs, losses, metrics = self._measure(logits, y)
            loss += tf.reduce_sum(tf.where(mask > 0, losses, 0.0), axis=1)
            metric += tf.reduce_sum(metrics * mask, axis=1)
            return at + 1, loss, metric, collected.write(at, outputs)

        nothing = tf.zeros(seats)
        _, loss, metric, collected = tf.while_loop(
            lambda at, *_: at < batches, step, (0, nothing, nothing, collected)
        )
        outputs = tf.reshape(tf.transpose(collected.stack(), (1, 0, 2, 3)), (seats, -1, units))
        penalties = self._network.penalties(weights, settings)
        return tf.stack([loss, metric, penalties]), outputs[:, : rows.validation]
