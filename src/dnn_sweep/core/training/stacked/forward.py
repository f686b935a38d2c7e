"""The forward pass of a stack of networks; the leading axis of every tensor is the lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.weight_layout import (
    NORMALIZATION_EPSILON,
    NORMALIZATION_MOMENTUM,
    kernels_of,
    weights_by_layer,
)
from dnn_sweep.core.training.stacked.spec import ProgramSpec

Tensors = tuple[tf.Tensor, ...]
_SMALLEST = 2.0**-126  # the smallest number of float32 and of bfloat16 that is not flushed to 0
# Of the generator behind dropout.
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_SCRAMBLING_KEY = (0x3EC8F720, 0x02461E29)
_ROUNDS = 10
_LARGEST_SEED = 2**31 - 2  # Keras takes seeds modulo this
_MANTISSA_BITS = {"float32": 23, "bfloat16": 7}  # the drawn bits that make a number


class LaneSettings(NamedTuple):
    """What differs from lane to lane besides the weights; ``[lanes, hidden layers]`` each."""

    activations: tf.Tensor  # positions in the program's activations, int32
    dropout_rates: tf.Tensor  # float32
    dropout_seeds: tf.Tensor  # int32
    l2: tf.Tensor  # float32
    units: tf.Tensor  # of each layer, int32; 0 for one that the lane's network has not
    # For each optimizer its per-lane arguments, each ``[lanes of its block, 1, 1]``.
    arguments: tuple[Tensors, ...]
    folds: tf.Tensor  # whose rows the lane trains on and validates, int32 of shape ``[lanes]``


class TrainingBatch(NamedTuple):
    """What the forward pass needs to know while it trains."""

    # 1 for a row of the batch, 0 for one that only fills it up: ``[rows]``, or ``[lanes, rows]``
    # where lanes differ in it
    mask: tf.Tensor
    steps: tf.Tensor  # that each lane has taken, int32 of shape ``[lanes]``


class StackedNetwork:
    """Networks of one shape, as a function of their weights.

    Weights are in the order of Keras, of the shapes that :func:`.layout.stacked_shape` gives.
    """

    def __init__(self, spec: ProgramSpec) -> None:
        self._model = spec.model
        self._activations = [_activation(name) for name in spec.activations]
        # In a mixed program all activations are computed and each lane selects its own; else the
        # program branches and computes one.
        self._choose = _select if spec.mixed else _branch
        self._dtype = "bfloat16" if spec.model.precision == "mixed_bfloat16" else "float32"

    def logits(
        self,
        weights: Sequence[tf.Tensor],
        settings: LaneSettings,
        x: tf.Tensor,
        training: TrainingBatch | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Apply the networks up to the activation of the output.

        Args:
            weights: All of them.
            settings: The lanes' settings.
            x: ``[lanes, rows, features]``.
            training: ``None`` for a prediction: no dropout, moving averages as they are.

        Returns:
            The logits, float32 of shape ``[lanes, rows, outputs]``, and the new moving averages
            in the order of Keras (none for a prediction).
        """
        *hidden, output = weights_by_layer(self._model.network, weights)
        averages: list[tf.Tensor] = []
        h = x
        for at, (layer, own) in enumerate(zip(self._model.network.hidden, hidden, strict=True)):
            before = h
            kernel, bias = (tf.cast(own[role], self._dtype) for role in ("kernel", "bias"))
            h = _multiply_by(tf.cast(h, self._dtype), kernel, layer.units) + bias
            h = self._activate(h, settings.activations[:, at])
            if layer.batch_normalization:
                h = tf.cast(h, tf.float32)
                moments = [own["moving_mean"], own["moving_variance"]]
                if training is not None:
                    old, moments = moments, _moments(h, training.mask)
                    averages += [
                        NORMALIZATION_MOMENTUM * before + (1.0 - NORMALIZATION_MOMENTUM) * new
                        for before, new in zip(old, moments, strict=True)
                    ]
                h = tf.nn.batch_normalization(
                    h, *moments, own["offset"], own["scale"], NORMALIZATION_EPSILON
                )
                h = tf.cast(h, self._dtype)
            if layer.dropout and training is not None:
                units = settings.units[:, at] if self._model.padded else None
                h = _drop(h, settings, at, training.steps, units)
            if self._model.padded:
                h = _left_out(h, settings.units[:, at], before if at else None)
        h = tf.cast(h, tf.float32)
        logits = _multiply_by(h, output["kernel"], self._model.network.outputs)
        return logits + output["bias"], averages

    def penalties(self, weights: Sequence[tf.Tensor], settings: LaneSettings) -> tf.Tensor:
        """Sum the L2 penalties on each network's kernels, ``[lanes]``."""
        total = tf.zeros(settings.l2.shape[0])
        kernels = kernels_of(self._model.network, weights)
        for at, layer in enumerate(self._model.network.hidden):
            if layer.l2:
                total += settings.l2[:, at] * tf.reduce_sum(tf.square(kernels[at]), axis=(1, 2))
        return total

    def _activate(self, values: tf.Tensor, which: tf.Tensor) -> tf.Tensor:
        """Activate a layer, ``[lanes, rows, units]``: each lane by the activation at ``which``."""
        if len(self._activations) == 1:
            return self._activations[0](values)

        # With a gradient of its own, the backward pass keeps only the layer's sums.
        @tf.custom_gradient
        def activate(z: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                slopes = [partial(_backward, each, z, upstream) for each in self._activations]
                return self._choose(which, slopes)

            return self._choose(which, [partial(each, z) for each in self._activations]), gradient

        return activate(values)


def _multiply_by(h: tf.Tensor, kernel: tf.Tensor, units: int) -> tf.Tensor:
    """Multiply rows by kernels, some of them transposed (see :func:`.layout.is_transposed`)."""
    return tf.matmul(h, kernel, transpose_b=kernel.shape[-1] != units)


def _branch(which: tf.Tensor, branches: Sequence[Callable[[], tf.Tensor]]) -> tf.Tensor:
    return tf.switch_case(which[0], branches)


def _select(which: tf.Tensor, branches: Sequence[Callable[[], tf.Tensor]]) -> tf.Tensor:
    # What is not selected may be infinite or not a number: `where` keeps it out.
    selected = branches[0]()
    for position, branch in enumerate(branches[1:], start=1):
        selected = tf.where((which == position)[:, tf.newaxis, tf.newaxis], branch(), selected)
    return selected


def _backward(
    function: Callable[[tf.Tensor], tf.Tensor], z: tf.Tensor, upstream: tf.Tensor
) -> tf.Tensor:
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = function(z)
    return tape.gradient(value, z, output_gradients=upstream)


def _activation(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    function: Callable[[tf.Tensor], tf.Tensor] = keras.activations.get(name)
    if name != "selu":
        return function
    # At exactly 0 (the bias of a row that dropout emptied) XLA takes SELU's slope from the left,
    # TensorFlow's kernel from the right, where it is 1.05 instead of 1.76.
    return lambda z: function(z + tf.where(z == 0, z.dtype.as_numpy_dtype(_SMALLEST), 0))


def _moments(h: tf.Tensor, mask: tf.Tensor) -> list[tf.Tensor]:
    """Mean and variance over the batch's rows, ``[lanes, 1, units]`` each."""
    weight = mask[..., tf.newaxis]
    rows = tf.reduce_sum(weight, axis=-2, keepdims=True)
    mean = tf.reduce_sum(h * weight, axis=1, keepdims=True) / rows
    variance = tf.reduce_sum(tf.square(h - mean) * weight, axis=1, keepdims=True) / rows
    return [mean, variance]


def _left_out(h: tf.Tensor, units: tf.Tensor, before: tf.Tensor | None) -> tf.Tensor:
    """Leave out units that a lane's network has not; a layer that it has not is passed by."""
    units = units[:, tf.newaxis, tf.newaxis]
    instead = tf.zeros_like(h) if before is None else tf.where(units == 0, before, 0)
    return tf.where(tf.range(h.shape[2]) < units, h, instead)


def _drop(
    h: tf.Tensor, settings: LaneSettings, at: int, steps: tf.Tensor, own: tf.Tensor | None
) -> tf.Tensor:
    """Drop units; ``own`` numbers of units, ``[lanes]``, where lanes differ in them."""
    rate = settings.dropout_rates[:, at, tf.newaxis, tf.newaxis]
    drawn = uniform(settings.dropout_seeds[:, at], steps, h.shape[1], h.shape[2], h.dtype.name, own)
    kept = drawn >= tf.cast(rate, h.dtype)
    return tf.where(kept, h * tf.cast(1.0 / (1.0 - rate), h.dtype), tf.zeros((), h.dtype))


def uniform(
    seeds: tf.Tensor,
    steps: tf.Tensor,
    rows: int,
    units: int,
    dtype: str = "float32",
    own: tf.Tensor | None = None,
) -> tf.Tensor:
    """Draw numbers in [0, 1), ``[lanes, rows, units]``, as each lane's dropout layer draws them.

    TensorFlow's kernel and its XLA compiler draw different numbers from one seed, so a compiled
    program would drop other units than ``model.fit`` does. Here is the generator itself:
    Philox4x32-10, with the keys of TensorFlow's ``stateless_random_uniform``.

    Args:
        seeds: The layers' seeds, int32 of shape ``[lanes]``.
        steps: How often each layer has drawn before, int32 of shape ``[lanes]``.
        rows: Rows of a batch.
        units: The layer's width.
        dtype: The type the layer computes in.
        own: The width of each lane's layer, int32 of shape ``[lanes]``, where they differ; what is
            drawn for units beyond it means nothing.

    References:
        Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
    """
    lanes, blocks = seeds.shape[0], -(-rows * units // 4)
    zeros = tf.zeros((lanes, 1), tf.uint32)
    seed = tf.cast(seeds % _LARGEST_SEED, tf.uint32)[:, tf.newaxis]
    step = tf.cast(steps, tf.uint32)[:, tf.newaxis]
    scramble = [tf.fill((lanes, 1), tf.constant(key, tf.uint32)) for key in _SCRAMBLING_KEY]
    mixed = _philox([seed, zeros, step, zeros], scramble)
    block = tf.cast(tf.range(blocks), tf.uint32)[tf.newaxis, :]
    wide = [tf.broadcast_to(each, (lanes, blocks)) for each in (block, zeros, mixed[2], mixed[3])]
    # The low half of the counter starts at 0 and does not overflow: no layer has 2**34 outputs.
    drawn = tf.stack(_philox(wide, mixed[:2]), axis=-1)
    bits = _MANTISSA_BITS[dtype]
    kept = tf.bitwise.bitwise_and(drawn, 2**bits - 1)
    numbers = tf.cast(tf.cast(kept, tf.float32) / 2**bits, dtype)
    flat = tf.reshape(numbers, (lanes, -1))
    if own is None:
        return tf.reshape(flat[:, : rows * units], (lanes, rows, units))
    # A layer draws for one row after another, so that a narrower one has other numbers.
    places = tf.range(rows)[:, tf.newaxis] * own[:, tf.newaxis, tf.newaxis] + tf.range(units)
    return tf.gather(flat, tf.minimum(places, rows * units - 1), batch_dims=1)


def _philox(counter: list[tf.Tensor], key: list[tf.Tensor]) -> list[tf.Tensor]:
    # A loop, since XLA takes up to forty times as long for the rounds in a row.
    def round_of(at: tf.Tensor, c: list[tf.Tensor], k: list[tf.Tensor]) -> Any:
        low0, high0 = _multiply(c[0], _MULTIPLIERS[0])
        low1, high1 = _multiply(c[2], _MULTIPLIERS[1])
        left, right = (
            tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(high, word), own)
            for high, word, own in ((high1, c[1], k[0]), (high0, c[3], k[1]))
        )
        keys = [each + tf.constant(step, tf.uint32) for each, step in zip(k, _WEYL, strict=True)]
        return at + 1, [left, low1, right, low0], keys

    _, words, _ = tf.while_loop(lambda at, *_: at < _ROUNDS, round_of, (0, counter, key))
    return list(words)


def _multiply(value: tf.Tensor, factor: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The low and the high half of a product of 32-bit numbers."""
    product = tf.cast(value, tf.uint64) * tf.constant(factor, tf.uint64)
    return tf.cast(product & 0xFFFFFFFF, tf.uint32), tf.cast(
        tf.bitwise.right_shift(product, tf.constant(32, tf.uint64)), tf.uint32
    )
