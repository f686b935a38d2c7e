"""Keras networks, built from their description."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.weight_layout import OUTPUT_INITIALIZER, weight_layout
from dnn_sweep.parameters import Precision

ROWS_AT_ONCE = 4096  # bounds memory when a network is only applied


def build_network(network: Network, seed: int = 0, precision: Precision = "float32") -> keras.Model:
    """Build an uncompiled ``keras.Sequential``.

    Args:
        network: Its layers.
        seed: Fixes the initial weights and the dropout masks, layer by layer, so that two
            networks of the same shapes start from the same weights whatever their activations.
        precision: Keras's dtype policy of every layer but the output's, which computes in float32
            whatever the policy: in half precision a softmax or a squared error loses digits, or
            overflows, just before the loss is taken. Weights are float32 under every policy.
    """
    new = keras.layers
    stack = [keras.Input((network.inputs,), name="features")]
    for position, layer in enumerate(network.hidden):
        stack.append(
            new.Dense(
                layer.units,
                activation=layer.activation,
                kernel_initializer=_initializer(layer.kernel_initializer, seed, position),
                kernel_regularizer=keras.regularizers.L2(layer.l2) if layer.l2 else None,
                dtype=precision,
                name=layer.name,
            )
        )
        if layer.batch_normalization:
            name = f"{layer.name}_normalization"
            stack.append(new.BatchNormalization(dtype=precision, name=name))
        if layer.dropout:
            masks, name = derived_seed(seed, position, "dropout"), f"{layer.name}_dropout"
            stack.append(new.Dropout(layer.dropout, seed=masks, dtype=precision, name=name))
    stack.append(
        new.Dense(
            network.outputs,
            activation=network.output_activation,
            kernel_initializer=_initializer(OUTPUT_INITIALIZER, seed, len(network.hidden)),
            dtype="float32",
            name="output",
        )
    )
    return keras.Sequential(stack, name="network")


def initial_weights(network: Network, seed: int) -> list[NDArray[np.float32]]:
    """Compute the weights that ``build_network`` starts from, without building the network."""
    return [
        _kernel(each.initial, seed, each.layer, each.shape)
        if isinstance(each.initial, str)
        else np.full(each.shape, each.initial, dtype=np.float32)
        for each in weight_layout(network)
    ]


def network_outputs(network: keras.Model, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute outputs of shape ``(rows, outputs)`` from scaled features ``(rows, features)``.

    Unlike ``predict``, it traces no graph for each network.
    """
    parts = [
        np.asarray(network(features[start : start + ROWS_AT_ONCE], training=False))
        for start in range(0, len(features), ROWS_AT_ONCE)
    ]
    return np.concatenate(parts).astype(np.float32)


def summarize_network(network: Network) -> str:
    """Return what ``model.summary()`` prints."""
    lines: list[str] = []
    build_network(network).summary(line_length=88, print_fn=lines.append)
    return "\n".join(lines) + "\n"


def derived_seed(seed: int, position: int, purpose: str) -> int:
    """Derive an independent seed for one purpose at one layer of one replicate.

    >>> derived_seed(0, 1, "dropout") == derived_seed(0, 2, "dropout")
    False
    """
    entropy = [seed, position, *purpose.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


def _initializer(name: str, seed: int, position: int) -> keras.initializers.Initializer:
    unseeded = keras.initializers.get(name)
    config = unseeded.get_config()
    if "seed" in config:
        config["seed"] = derived_seed(seed, position, "kernel")
    return type(unseeded).from_config(config)


@lru_cache(maxsize=256)  # combinations of a replicate start from the same kernels
def _kernel(
    initializer: str, seed: int, position: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    return np.asarray(_initializer(initializer, seed, position)(shape))
