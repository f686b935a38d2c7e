"""What a layer does with the signal on its way back: measured from a network's weights alone.

It takes a network's structure and weights, not a Keras model, so that every engine is measured by
the same code, and several networks of one structure in one go. Imports TensorFlow, so it is itself
imported where something trains.

References:
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks"; Schneider, Dangel & Hennig 2021, "Cockpit: A Practical Debugging Tool for the
    Training of Deep Neural Networks".
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.training.targets import loss_targets

# A unit whose output never exceeds this share of 1, or of the layer's largest sum where that is
# smaller, is dead: ReLU's exact zeros, and the tails of GELU and others that end in them.
DEAD_SHARE = 1e-6
# A slope below this share of the activation's largest is flat: for tanh beyond 2.2, for the
# logistic function beyond 4.4.
FLAT_SHARE = 0.05
NORMALIZATION_EPSILON = 1e-3  # Keras's default

_Floats = NDArray[np.float32]


class Measurement(NamedTuple):
    """Figures of every layer, the output layer last; shape ``(networks, layers)`` each.

    Args:
        weight_gradient_norm: Euclidean norm of the mean loss's gradient by the layer's kernel.
        signal_gradient_norm: Root mean square over the rows of the norm of a row's loss's gradient
            by the layer's sums (its outputs before the activation).
        dead_units: Share of the units that put out (almost) nothing for any row.
        saturated: Share of the sums where the activation is flat.
    """

    weight_gradient_norm: _Floats
    signal_gradient_norm: _Floats
    dead_units: _Floats
    saturated: _Floats


def layer_names(network: Network) -> list[str]:
    """Names of the hidden layers, input side first, and of the output layer."""
    return [*(layer.name for layer in network.hidden), "output"]


def kernels_of(network: Network, weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The kernel of each layer, among weights in the order of Keras's ``get_weights``."""
    at, kernels = 0, []
    for layer in network.hidden:
        kernels.append(weights[at])
        at += 6 if layer.batch_normalization else 2
    return [*kernels, weights[at]]


def measure_layers(
    network: Network,
    weights: Sequence[NDArray[Any]],
    x_probe: NDArray[np.float32],
    y_probe: NDArray[np.generic],
) -> pd.DataFrame:
    """Measure the layers of one network; see :class:`Measurement` for the columns.

    The network is applied as it is when it predicts: no dropout, moving averages in the
    normalisations. The loss is that of the data: no penalties, all rows alike.

    Args:
        network: Its layers.
        weights: In the order of Keras's ``get_weights``.
        x_probe: Scaled features, shape ``(rows, features)``.
        y_probe: Encoded targets, shape ``(rows,)``.

    Returns:
        One row a layer, the output layer last. What cannot be measured is NaN: everything where
        weights or outputs are not finite, ``dead_units`` and ``saturated`` of the output layer,
        ``saturated`` of an activation that mixes a layer's units, such as softmax.
    """
    measured = measure_stack(network, [each[np.newaxis] for each in weights], x_probe, y_probe)
    figures = {name: values[0] for name, values in measured._asdict().items()}
    return pd.DataFrame({"layer": layer_names(network), **figures})


def measure_stack(
    network: Network,
    weights: Sequence[NDArray[Any]],
    x_probe: NDArray[np.float32],
    y_probe: NDArray[np.generic],
) -> Measurement:
    """Measure the layers of several networks that differ in their weights alone.

    Args:
        network: The layers of all of them.
        weights: As for :func:`measure_layers`, each with a leading axis for the network.
        x_probe: As for :func:`measure_layers`.
        y_probe: As for :func:`measure_layers`.

    Returns:
        The figures of each.
    """
    targets = loss_targets(y_probe, network)
    program = _program(_bare(network), targets.dtype.name, targets.shape[1:])
    figures = program([tf.constant(each) for each in weights], tf.constant(x_probe), targets)
    return Measurement(*(np.asarray(each) for each in figures))


@lru_cache(maxsize=256)
def _bare(network: Network) -> Network:
    """The network without what makes no difference here, so that more can share a program."""
    plain = {"name": "", "kernel_initializer": "", "dropout": 0.0, "l2": 0.0}
    hidden = tuple(layer.model_copy(update=plain) for layer in network.hidden)
    return network.model_copy(update={"hidden": hidden})


@lru_cache(maxsize=64)
def _program(network: Network, target_type: str, target_shape: tuple[int, ...]) -> Any:
    """The measurement as one TensorFlow graph, for any number of networks and rows.

    A measurement is some two hundred operations: called one by one, they would take longer than
    what they compute. It is not compiled by XLA, which would take longer than a whole sweep's.
    """
    shapes: list[tuple[int, ...]] = []
    width = network.inputs
    for layer in network.hidden:
        shapes += [
            (width, layer.units),
            *[(layer.units,)] * (5 if layer.batch_normalization else 1),
        ]
        width = layer.units
    shapes += [(width, network.outputs), (network.outputs,)]
    return tf.function(
        lambda weights, x, targets: _measure(network, weights, x, targets),
        input_signature=[
            [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes],
            tf.TensorSpec((None, network.inputs), tf.float32),
            tf.TensorSpec((None, *target_shape), target_type),
        ],
        autograph=False,
    )


def _measure(
    network: Network, weights: Sequence[tf.Tensor], x: tf.Tensor, targets: tf.Tensor
) -> list[tf.Tensor]:
    """The figures of a :class:`Measurement`."""
    remaining = iter(weights)
    rows = tf.cast(tf.shape(x)[0], tf.float32)
    entering = [tf.expand_dims(x, 0)]  # what goes into each layer
    kernels, ways_back, dead, flat = [], [], [], []
    for layer in network.hidden:
        kernel, bias = next(remaining), next(remaining)
        z = tf.matmul(entering[-1], kernel) + tf.expand_dims(bias, 1)
        h, slopes, way_back = _activate(layer.activation, z)
        dead.append(_dead(z, h))
        flat.append(_flat(layer.activation, slopes))
        factor = None
        if layer.batch_normalization:  # linear, when a network predicts
            scale, offset, mean, variance = (tf.expand_dims(next(remaining), 1) for _ in range(4))
            factor = scale * tf.math.rsqrt(variance + NORMALIZATION_EPSILON)
            h = (h - mean) * factor + offset
        entering.append(h)
        kernels.append(kernel)
        ways_back.append((way_back, factor))
    kernel, bias = next(remaining), next(remaining)
    logits = tf.matmul(entering[-1], kernel) + tf.expand_dims(bias, 1)
    signal = _loss_gradient(network, logits, targets)
    weight_norms, signal_norms = [_weight_norm(entering[-1], signal)], [_norm(signal)]
    following = [*kernels[1:], kernel]
    for h, after, (way_back, factor) in reversed(
        list(zip(entering[:-1], following, ways_back, strict=True))
    ):
        signal = tf.matmul(signal, after, transpose_b=True)
        signal = way_back(signal if factor is None else signal * factor)
        weight_norms.append(_weight_norm(h, signal))
        signal_norms.append(_norm(signal))
    unknown = tf.fill(tf.shape(weight_norms[0]), np.float32(np.nan))
    known = [unknown if each is None else each for each in flat]
    table = [weight_norms[::-1], signal_norms[::-1], [*dead, unknown], [*known, unknown]]
    figures = [tf.stack(each, axis=1) for each in table]
    figures[0] /= rows  # of the mean loss
    figures[1] /= tf.sqrt(rows)  # the root mean square
    usable = tf.reduce_all(tf.math.is_finite(logits), axis=(1, 2), keepdims=True)[:, 0]
    nan = tf.constant(np.nan, tf.float32)
    return [tf.where(usable & tf.math.is_finite(each), each, nan) for each in figures]


def _activate(
    name: str, z: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor | None, Callable[[tf.Tensor], tf.Tensor]]:
    """Outputs, slopes (``None`` where there is none for each unit), and the way back."""
    with tf.GradientTape() as tape:
        tape.watch(z)
        values = keras.activations.get(name)(z)
    if not _acts_on_each_unit(name):
        return values, None, lambda signal: tape.gradient(values, z, output_gradients=signal)
    slopes = tape.gradient(values, z, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return values, slopes, lambda signal: signal * slopes


def _loss_gradient(network: Network, logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """The gradient of each row's loss by the output layer's sums, of the shape of these."""
    # Keras's losses take the rows of one network: those of all stand one below the other.
    copies = [tf.shape(logits)[0], *[1] * (len(targets.shape) - 1)]
    targets = tf.tile(targets, copies)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        outputs = keras.activations.get(network.output_activation)(
            tf.reshape(logits, (-1, network.outputs))
        )
        losses = keras.losses.get(network.loss)(targets, outputs)
    return tape.gradient(losses, logits)


def _weight_norm(h: tf.Tensor, signal: tf.Tensor) -> tf.Tensor:
    """The norm of the summed losses' gradient by the kernel between the two, ``[networks]``."""
    return _norm(tf.matmul(h, signal, transpose_a=True))


def _norm(values: tf.Tensor) -> tf.Tensor:
    """Each network's Euclidean norm; one pass, where ``tf.norm`` takes three."""
    return tf.sqrt(tf.raw_ops.Einsum(inputs=[values, values], equation="nij,nij->n"))


def _dead(z: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The share of dead units, ``[networks]``."""
    largest = tf.reduce_max(_peak(z), axis=1, keepdims=True)
    silent = _peak(values) <= DEAD_SHARE * tf.minimum(largest, 1.0)
    return tf.reduce_mean(tf.cast(silent, tf.float32), axis=1)


def _peak(values: tf.Tensor) -> tf.Tensor:
    """The largest size of each unit's values, ``[networks, units]``."""
    return tf.reduce_max(tf.abs(values), axis=1)


def _flat(name: str, slopes: tf.Tensor | None) -> tf.Tensor | None:
    """The share of sums where the activation is flat, ``[networks]``; none without slopes."""
    if slopes is None:
        return None
    flat = tf.abs(slopes) < FLAT_SHARE * _largest_slope(name)
    return tf.reduce_mean(tf.cast(flat, tf.float32), axis=(1, 2))


@lru_cache(maxsize=128)
def _largest_slope(name: str) -> float:
    """The activation's largest slope, or 1 where it is steeper than the identity somewhere.

    Without that bound nearly all of an exponential would count as flat.
    """
    with tf.init_scope():  # a number is wanted, also while a graph is being made
        z = np.linspace(-10.0, 10.0, 2001, dtype=np.float32)
        values = np.asarray(keras.activations.get(name)(tf.constant(z[np.newaxis])))[0]
    return float(min(np.abs(np.diff(values) / np.diff(z)).max(), 1.0))


@lru_cache(maxsize=128)
def _acts_on_each_unit(name: str) -> bool:
    """Whether a unit's output depends on its own sum alone, as softmax's does not."""
    with tf.init_scope():
        activation = keras.activations.get(name)
        one, other = (activation(tf.constant([[0.5, second]])) for second in (-1.0, 2.0))
        return bool(one[0, 0] == other[0, 0])
