"""What a layer does with the signal on its way back, measured from a network's weights.

The functions take a network's description and its weights, not a Keras model: every engine is
measured by the same code, and several networks of one shape together.

References:
    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural
    networks"; Schneider, Dangel & Hennig 2021, "Cockpit: A Practical Debugging Tool for the
    Training of Deep Neural Networks".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.weight_layout import (
    NORMALIZATION_EPSILON,
    weight_layout,
    weights_by_layer,
)
from dnn_sweep.core.training.targets import loss_targets

# A unit whose output never exceeds this share of 1, or of the layer's largest sum where that is
# smaller, is dead: ReLU's exact zeros, and the tails of GELU and others that end in them.
DEAD_SHARE = 1e-6
# A slope below this share of the activation's largest is flat: for tanh beyond 2.2, for the
# logistic function beyond 4.4.
FLAT_SHARE = 0.05


Activation = Callable[[Any], Any]  # of Keras, from sums to outputs


class Measurement(NamedTuple):
    """Figures of every layer, the output layer last; shape ``(networks, layers)`` each.

    What cannot be measured is NaN: everything where weights or outputs are not finite,
    ``dead_units`` and ``saturated`` of the output layer, ``saturated`` of an activation that mixes
    a layer's units, such as softmax.

    Args:
        weight_gradient_norm: Euclidean norm of the mean loss's gradient by the layer's kernel.
        signal_gradient_norm: Norm of the gradient of a row's loss by the layer's sums (its
            outputs before the activation), as a root mean square over the rows.
        dead_units: Share of the units whose output is (almost) 0 for every row.
        saturated: Share of the sums where the activation is flat.
    """

    weight_gradient_norm: NDArray[np.float32]
    signal_gradient_norm: NDArray[np.float32]
    dead_units: NDArray[np.float32]
    saturated: NDArray[np.float32]

    def of(self, position: int) -> Measurement:
        """Return the figures of one network, of shape ``(layers,)``."""
        return Measurement(*(each[position] for each in self))


def layer_names(network: Network) -> list[str]:
    """List the names of the hidden layers, input side first, and of the output layer."""
    return [*(layer.name for layer in network.hidden), "output"]


def measure_layers(
    network: Network,
    weights: Sequence[NDArray[Any]],
    x_probe: NDArray[np.float32],
    y_probe: NDArray[np.generic],
) -> Measurement:
    """Measure the layers of several networks that differ in nothing but their weights.

    The networks are applied as for a prediction: no dropout, moving averages in the
    normalisations. The loss has no penalties and no row weights.

    Args:
        network: Their layers.
        weights: In the order of Keras, each with a leading axis for the network.
        x_probe: Scaled features, shape ``(rows, features)``.
        y_probe: Encoded targets, shape ``(rows,)``.
    """
    targets = loss_targets(y_probe, network)
    program = _program(_bare(network), targets.dtype.name, targets.shape[1:])
    figures = program([tf.constant(each) for each in weights], tf.constant(x_probe), targets)
    return Measurement(*(np.asarray(each) for each in figures))


@lru_cache(maxsize=256)
def _bare(network: Network) -> Network:
    """Strip what makes no difference here, so that more networks share a graph."""
    plain = {"name": "", "kernel_initializer": "", "dropout": 0.0, "l2": 0.0}
    hidden = tuple(layer.model_copy(update=plain) for layer in network.hidden)
    return network.model_copy(update={"hidden": hidden})


@lru_cache(maxsize=64)
def _program(network: Network, target_type: str, target_shape: tuple[int, ...]) -> Any:
    """Trace the measurement as one TensorFlow graph, for any number of networks and rows.

    Some two hundred operations take longer one by one than as a graph. XLA is not used: its
    compilation would take longer than the measurements of a whole sweep.
    """
    return tf.function(
        lambda weights, x, targets: _measure(network, weights, x, targets),
        input_signature=[
            [tf.TensorSpec((None, *each.shape), tf.float32) for each in weight_layout(network)],
            tf.TensorSpec((None, network.inputs), tf.float32),
            tf.TensorSpec((None, *target_shape), target_type),
        ],
        autograph=False,
    )


def _measure(
    network: Network, weights: Sequence[tf.Tensor], x: tf.Tensor, targets: tf.Tensor
) -> list[tf.Tensor]:
    """Compute the figures of a :class:`Measurement`."""
    layers = weights_by_layer(network, weights)
    rows = tf.cast(tf.shape(x)[0], tf.float32)
    unknown = tf.fill(tf.shape(weights[0])[:1], np.float32(np.nan))
    entering = [tf.expand_dims(x, 0)]  # what goes into each layer
    ways_back, dead, flat = [], [], []
    for layer, own in zip(network.hidden, layers[:-1], strict=True):
        z = tf.matmul(entering[-1], own["kernel"]) + tf.expand_dims(own["bias"], 1)
        h, share, way_back = activate(keras.activations.get(layer.activation), z)
        dead.append(dead_share(z, h))
        flat.append(share)
        factor = None
        if layer.batch_normalization:  # linear, when a network predicts
            row = {role: tf.expand_dims(values, 1) for role, values in own.items()}
            factor = row["scale"] * tf.math.rsqrt(row["moving_variance"] + NORMALIZATION_EPSILON)
            h = (h - row["moving_mean"]) * factor + row["offset"]
        entering.append(h)
        ways_back.append((way_back, factor))
    logits = tf.matmul(entering[-1], layers[-1]["kernel"])
    logits += tf.expand_dims(layers[-1]["bias"], 1)
    signal = _loss_gradient(network, logits, targets)
    norms: list[tuple[tf.Tensor, tf.Tensor]] = []  # of the gradients by kernel and by sums
    for at, h in reversed(list(enumerate(entering))):
        norms.insert(0, (_norm(tf.matmul(h, signal, transpose_a=True)), _norm(signal)))
        if at > 0:
            way_back, factor = ways_back[at - 1]
            signal = tf.matmul(signal, layers[at]["kernel"], transpose_b=True)
            signal = way_back(signal if factor is None else signal * factor)
    table = [*zip(*norms, strict=True), [*dead, unknown], [*flat, unknown]]
    figures = [tf.stack(each, axis=1) for each in table]
    figures[0] /= rows  # of the mean loss
    figures[1] /= tf.sqrt(rows)  # the root mean square
    usable = tf.reduce_all(tf.math.is_finite(logits), axis=(1, 2), keepdims=True)[:, 0]
    nan = tf.constant(np.nan, tf.float32)
    return [tf.where(usable & tf.math.is_finite(each), each, nan) for each in figures]


def activate(
    activation: Activation, z: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Return outputs, the share of sums where the activation is flat, and the backward function.

    ``z`` has the shape ``[networks, rows, units]``, the share ``[networks]``.
    """
    with tf.GradientTape() as tape:
        tape.watch(z)
        values = activation(z)
    if not _acts_on_each_unit(activation):
        unknown = tf.fill(tf.shape(z)[:1], np.float32(np.nan))
        return values, unknown, lambda signal: tape.gradient(values, z, output_gradients=signal)
    slopes = tape.gradient(values, z, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    flat = tf.cast(tf.abs(slopes) < FLAT_SHARE * _largest_slope(activation), tf.float32)
    return values, tf.reduce_mean(flat, axis=(1, 2)), lambda signal: signal * slopes


def _loss_gradient(network: Network, logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Differentiate each row's loss by the output layer's sums."""
    # Keras's losses take the rows of one network, so all networks' rows become one long batch.
    targets = tf.tile(targets, [tf.shape(logits)[0], *[1] * (len(targets.shape) - 1)])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        outputs = keras.activations.get(network.output_activation)(
            tf.reshape(logits, (-1, network.outputs))
        )
        losses = keras.losses.get(network.loss)(targets, outputs)
    return tape.gradient(losses, logits)


def _norm(values: tf.Tensor) -> tf.Tensor:
    """Euclidean norm per network; one operation, where ``tf.norm`` takes three."""
    return tf.sqrt(tf.raw_ops.Einsum(inputs=[values, values], equation="nij,nij->n"))


def dead_share(z: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Share of dead units, ``[networks]``."""
    sums, outputs = (tf.reduce_max(tf.abs(each), axis=1) for each in (z, values))
    largest = tf.minimum(tf.reduce_max(sums, axis=1, keepdims=True), 1.0)
    return tf.reduce_mean(tf.cast(outputs <= DEAD_SHARE * largest, tf.float32), axis=1)


@lru_cache(maxsize=128)
def _largest_slope(activation: Activation) -> float:
    """Largest slope of the activation, at most 1: else most of an exponential would be flat."""
    with tf.init_scope():  # a number is wanted, also while a graph is being traced
        z = np.linspace(-10.0, 10.0, 2001, dtype=np.float32)
        values = np.asarray(activation(tf.constant(z[np.newaxis])))[0]
    return float(min(np.abs(np.diff(values) / np.diff(z)).max(), 1.0))


@lru_cache(maxsize=128)
def _acts_on_each_unit(activation: Activation) -> bool:
    """Whether a unit's output depends on its own sum alone, unlike softmax's."""
    with tf.init_scope():
        one, other = (activation(tf.constant([[0.5, second]])) for second in (-1.0, 2.0))
        return bool(one[0, 0] == other[0, 0])
