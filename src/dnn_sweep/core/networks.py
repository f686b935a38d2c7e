"""Build Keras networks. Imports Keras, so it is itself imported where something is built."""

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.quiet_keras import keras
from dnn_sweep.core.trials import Network

ROWS_AT_ONCE = 4096  # bounds memory when a network is only applied


def build_network(network: Network, seed: int = 0) -> keras.Model:
    """Build an uncompiled network.

    Args:
        network: Its layers.
        seed: Fixes the initial weights and the dropout masks, layer by layer, so that two
            networks of the same shapes start from the same weights whatever their activations.

    Returns:
        A ``keras.Sequential``, or a functional ``keras.Model`` of the same layers.
    """
    stack: list[keras.layers.Layer] = []
    for position, layer in enumerate(network.hidden):
        stack.append(
            keras.layers.Dense(
                layer.units,
                activation=layer.activation,
                kernel_initializer=_initializer(layer.kernel_initializer, seed, position),
                kernel_regularizer=keras.regularizers.L2(layer.l2) if layer.l2 else None,
                name=layer.name,
            )
        )
        if layer.batch_normalization:
            stack.append(keras.layers.BatchNormalization(name=f"{layer.name}_normalization"))
        if layer.dropout:
            stack.append(
                keras.layers.Dropout(
                    layer.dropout,
                    seed=derived_seed(seed, position, "dropout"),
                    name=f"{layer.name}_dropout",
                )
            )
    stack.append(
        keras.layers.Dense(
            network.outputs,
            activation=network.output_activation,
            kernel_initializer=_initializer("glorot_uniform", seed, len(network.hidden)),
            name="output",
        )
    )
    inputs = keras.Input((network.inputs,), name="features")
    if network.api == "sequential":
        return keras.Sequential([inputs, *stack], name="network")
    outputs = inputs
    for each in stack:
        outputs = each(outputs)
    return keras.Model(inputs, outputs, name="network")


def network_outputs(network: keras.Model, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """A network's outputs, without the graph that ``predict`` traces anew for each network.

    Args:
        network: Takes scaled features.
        features: Shape ``(rows, features)``.

    Returns:
        Shape ``(rows, outputs)``.
    """
    parts = [
        np.asarray(network(features[start : start + ROWS_AT_ONCE], training=False))
        for start in range(0, len(features), ROWS_AT_ONCE)
    ]
    return np.concatenate(parts).astype(np.float32)


def summarize_network(network: Network) -> str:
    """What ``model.summary()`` prints, as text."""
    lines: list[str] = []
    build_network(network).summary(line_length=88, print_fn=lines.append)
    return "\n".join(lines) + "\n"


def derived_seed(seed: int, position: int, purpose: str) -> int:
    """An independent seed for one purpose at one layer of one replicate."""
    entropy = [seed, position, *purpose.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


def _initializer(name: str, seed: int, position: int) -> keras.initializers.Initializer:
    config = keras.initializers.get(name).get_config()
    if "seed" in config:
        config["seed"] = derived_seed(seed, position, "kernel")
    return type(keras.initializers.get(name)).from_config(config)
