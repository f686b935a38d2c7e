"""The forward pass of a stack of networks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import tf
from dnn_sweep.core.training.stacked.activations import StackedActivations
from dnn_sweep.core.training.stacked.board import Group
from dnn_sweep.core.training.stacked.dropout import uniform
from dnn_sweep.core.training.stacked.structure import Structure

# What keras.layers.BatchNormalization does by default.
NORMALIZATION_MOMENTUM = 0.99
NORMALIZATION_EPSILON = 1e-3


class Settings(NamedTuple):
    """What differs from network to network besides its weights: one entry a network.

    Args:
        activations: For each hidden layer, positions in the program's activations, int32.
        dropout_rates: For each hidden layer, float32.
        dropout_seeds: For each hidden layer, int32.
        l2: For each hidden layer, float32.
    """

    activations: tf.Tensor
    dropout_rates: tf.Tensor
    dropout_seeds: tf.Tensor
    l2: tf.Tensor

    @classmethod
    def empty(cls, seats: int, layers: int) -> "Settings":
        """Nobody's settings, for a program that is only compiled."""
        whole, real = tf.zeros((seats, layers), tf.int32), tf.zeros((seats, layers))
        return cls(activations=whole, dropout_rates=real, dropout_seeds=whole, l2=real)


@dataclass
class Pass:
    """One batch on its way through the stack, while training.

    Args:
        mask: 1 for a row of the batch, 0 for one that only fills it up, ``[rows]``.
        steps: Steps that each network has taken, int32 of shape ``[seats]``.
        moving: The normalisations' moving means and variances, replaced on the way.
        between: What each hidden layer hands on, kept on the way.
    """

    mask: tf.Tensor
    steps: tf.Tensor
    moving: list[tf.Tensor]
    between: list[tf.Tensor] = field(default_factory=list)


class StackedNetwork:
    """Networks of one structure, as a function of their weights.

    A layer's kernels are one tensor ``[seats, inputs, units]``, its biases, scales and offsets
    ``[seats, 1, units]``.

    Args:
        group: The layers, and the activations that may occur.
    """

    def __init__(self, group: Group) -> None:
        self._structure = structure = group.structure
        self._activate = StackedActivations(group.activations, group.mixed)
        self._compute = tf.bfloat16 if structure.precision == "mixed_bfloat16" else tf.float32

    def logits(
        self,
        weights: Sequence[tf.Tensor],
        moving: Sequence[tf.Tensor],
        settings: Settings,
        x: tf.Tensor,
        training: Pass | None = None,
    ) -> tf.Tensor:
        """Apply the networks, up to the output's activation.

        Args:
            weights: Kernel and bias of each layer, where it is normalised also scale and offset.
            moving: Each normalisation's moving mean and variance.
            settings: What else is each network's own.
            x: ``[seats, rows, features]``.
            training: While training, what is kept and changed on the way.

        Returns:
            float32 of shape ``[seats, rows, outputs]``.
        """
        remaining, averages, h = iter(weights), iter(moving), x
        normalised = 0
        for position, layer in enumerate(self._structure.hidden):
            h = tf.cast(h, self._compute)
            h = tf.matmul(h, self._cast(next(remaining))) + self._cast(next(remaining))
            h = self._activate(h, settings.activations[:, position])
            if layer.batch_normalization:
                scale, offset = next(remaining), next(remaining)
                mean, variance = next(averages), next(averages)
                h = tf.cast(h, tf.float32)
                if training is not None:
                    mean, variance = _moments(h, training.mask)
                    for place, new in enumerate((mean, variance), start=2 * normalised):
                        old = training.moving[place]
                        training.moving[place] = old * NORMALIZATION_MOMENTUM + new * (
                            1.0 - NORMALIZATION_MOMENTUM
                        )
                h = tf.nn.batch_normalization(
                    h, mean, variance, offset, scale, NORMALIZATION_EPSILON
                )
                h = tf.cast(h, self._compute)
                normalised += 1
            if layer.dropout and training is not None:
                h = self._drop(h, settings, position, training)
            if training is not None:
                training.between.append(h)
        kernel, bias = next(remaining), next(remaining)
        return tf.matmul(tf.cast(h, tf.float32), kernel) + bias

    def penalties(self, weights: Sequence[tf.Tensor], settings: Settings) -> tf.Tensor:
        """The L2 penalties on each network's kernels, shape ``[seats]``."""
        total = tf.zeros(settings.l2.shape[0])
        kernels = kernel_positions(self._structure)
        for position, layer in enumerate(self._structure.hidden):
            if layer.l2:
                square = tf.reduce_sum(tf.square(weights[kernels[position]]), axis=(1, 2))
                total += settings.l2[:, position] * square
        return total

    def _cast(self, weight: tf.Tensor) -> tf.Tensor:
        return tf.cast(weight, self._compute)

    def _drop(self, h: tf.Tensor, settings: Settings, position: int, training: Pass) -> tf.Tensor:
        rate = settings.dropout_rates[:, position, tf.newaxis, tf.newaxis]
        seeds = settings.dropout_seeds[:, position]
        drawn = uniform(seeds, training.steps, h.shape[1], h.shape[2], h.dtype)
        kept = drawn >= tf.cast(rate, h.dtype)
        return tf.where(kept, h * tf.cast(1.0 / (1.0 - rate), h.dtype), tf.zeros((), h.dtype))


def _moments(h: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance over the batch's rows, ``[seats, 1, units]``."""
    rows, weight = tf.reduce_sum(mask), mask[:, tf.newaxis]
    mean = tf.reduce_sum(h * weight, axis=1, keepdims=True) / rows
    variance = tf.reduce_sum(tf.square(h - mean) * weight, axis=1, keepdims=True) / rows
    return mean, variance


def weight_shapes(structure: Structure) -> list[tuple[int, ...]]:
    """Shapes of one network's trainable weights, in the order of Keras, biases as rows."""
    shapes: list[tuple[int, ...]] = []
    width = structure.inputs
    for layer in structure.hidden:
        rows = 4 if layer.batch_normalization else 2
        shapes += [(width, layer.units)] + [(1, layer.units)] * (rows - 1)
        width = layer.units
    return [*shapes, (width, structure.outputs), (1, structure.outputs)]


def moving_shapes(structure: Structure) -> list[tuple[int, ...]]:
    """Shapes of one network's moving means and variances."""
    normalised = [layer.units for layer in structure.hidden if layer.batch_normalization]
    return [(1, units) for units in normalised for _ in range(2)]


def kernel_positions(structure: Structure) -> list[int]:
    """Where each layer's kernel stands among its network's trainable weights."""
    positions = [0]
    for layer in structure.hidden:
        positions.append(positions[-1] + (4 if layer.batch_normalization else 2))
    return positions


def split_weights(
    structure: Structure, weights: Sequence[NDArray[Any]]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Sort what ``get_weights`` of a Keras network gives into trained and averaged weights."""
    trained, moving = [], []
    remaining = iter(np.atleast_2d(each) for each in weights)
    for layer in structure.hidden:
        trained += [next(remaining) for _ in range(4 if layer.batch_normalization else 2)]
        moving += [next(remaining) for _ in range(2 if layer.batch_normalization else 0)]
    return [*trained, next(remaining), next(remaining)], moving


def join_weights(
    structure: Structure, trained: Sequence[NDArray[Any]], moving: Sequence[NDArray[Any]]
) -> list[NDArray[Any]]:
    """Put weights in the order and shape that ``set_weights`` of a Keras network takes.

    Those of a whole stack keep their leading axis.
    """
    joined: list[NDArray[Any]] = []
    remaining, averages = iter(trained), iter(moving)
    for layer in structure.hidden:
        joined += [next(remaining), next(remaining)[..., 0, :]]
        if layer.batch_normalization:
            four = (remaining, remaining, averages, averages)
            joined += [next(each)[..., 0, :] for each in four]
    return [*joined, next(remaining), next(remaining)[..., 0, :]]
