"""Keras networks, built from their description."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.formatting import NO_VALUE, TIMES
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.body import CustomBody
from dnn_sweep.core.networks.build_body import (
    body_layers,
    dense_layers,
    derived_seed,
    dropout_layers,
    in_turn,
    seeded_initializer,
)
from dnn_sweep.core.networks.custom import build_custom
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.weight_layout import OUTPUT_INITIALIZER, weight_layout
from dnn_sweep.parameters import Precision

ROWS_AT_ONCE = 4096  # bounds memory when a network is only applied


def build_network(network: Network, seed: int = 0, precision: Precision = "float32") -> keras.Model:
    """Build an uncompiled Keras network, which takes scaled features ``(rows, features)``.

    Args:
        network: Its layers.
        seed: Fixes the initial weights and the dropout masks, layer by layer, so that two
            networks of the same shapes start from the same weights whatever their activations.
        precision: Keras's dtype policy of every layer but the output's, which computes in float32
            whatever the policy: in half precision a softmax or a squared error loses digits, or
            overflows, just before the loss is taken. Weights are float32 under every policy.

    Raises:
        SweepError: If the network is custom and its function does not return what it must.
    """
    features = keras.Input((network.inputs,), name="features")
    if isinstance(network.body, CustomBody):
        own = build_custom(network, network.body, derived_seed(seed, 0, "network"))
        row = keras.layers.Reshape(network.body.shape, name="shape")
        return keras.Model(features, own(row(features)), name="network")
    stack, position = body_layers(network.body, seed, precision) if network.body else ([], 0)
    for layer in network.hidden:
        stack += dense_layers(layer, seed, position, precision)
        position += 1
    if network.body:
        stack += dropout_layers(network.body.dropout, seed, position, precision, "body")
    stack.append(
        keras.layers.Dense(
            network.outputs,
            activation=network.output_activation,
            kernel_initializer=seeded_initializer(OUTPUT_INITIALIZER, seed, position),
            dtype="float32",
            name="output",
        )
    )
    if network.body is None:
        return keras.Sequential([features, *stack], name="network")
    return keras.Model(features, in_turn(stack, features), name="network")


def layers_within(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers of a model, those of the models in it included."""
    for layer in model.layers:
        yield from layers_within(layer) if isinstance(layer, keras.Model) else [layer]


def initial_weights(network: Network, seed: int) -> list[NDArray[np.float32]]:
    """Compute the weights that ``build_network`` starts from; a dense network is not built."""
    if network.body:
        return list(build_network(network, seed).get_weights())
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
    """Describe a network layer by layer; a line is never cut, as Keras's own summary does.

    >>> print(summarize_network(champion_trial.network))
    layer            output shape  activation  parameters
    hidden1 (Dense)  8             relu                40
    output (Dense)   3             softmax             27
    Parameters: 67
    """
    model = build_network(network)
    rows = [("layer", "output shape", "activation", "parameters")]
    for layer in layers_within(model):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        name = f"{layer.name} ({type(layer).__name__})"
        rows.append((name, _shape(layer), _activation(layer), f"{layer.count_params():,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)),
                   row[-1].rjust(widths[-1])])
        for row in rows
    ]  # fmt: skip
    return "\n".join([*lines, f"Parameters: {model.count_params():,}"]) + "\n"


def _shape(layer: keras.Layer) -> str:
    """A layer's output shape without the rows, such as ``8 × 8 × 16``."""
    try:
        shape = layer.output.shape
    except (AttributeError, ValueError):  # several outputs, or a layer within a user's own model
        return NO_VALUE
    return f" {TIMES} ".join(str(size) for size in shape[1:])


def _activation(layer: keras.Layer) -> str:
    found = getattr(layer, "activation", None)
    return str(getattr(found, "__name__", type(found).__name__)) if found else ""


@lru_cache(maxsize=256)  # combinations of a replicate start from the same kernels
def _kernel(
    initializer: str, seed: int, position: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    return np.asarray(seeded_initializer(initializer, seed, position)(shape))
