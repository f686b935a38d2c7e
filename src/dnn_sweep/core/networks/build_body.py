"""The Keras layers of what comes before the hidden layers, and the functions they share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.body import (
    Body,
    BranchedBody,
    Convolution,
    ConvolutionalBody,
    CustomBody,
    Inception,
    InceptionBody,
    Layer,
    Recurrent,
    RecurrentBody,
)
from dnn_sweep.parameters import Precision

Apply = Any  # a Keras layer, or several: a function from tensor to tensor


def derived_seed(seed: int, position: int, purpose: str) -> int:
    """Derive an independent seed for one purpose at one layer of one replicate.

    >>> derived_seed(0, 1, "dropout") == derived_seed(0, 2, "dropout")
    False
    """
    entropy = [seed, position, *purpose.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


def seeded_initializer(
    name: str, seed: int, position: int, purpose: str = "kernel"
) -> keras.initializers.Initializer:
    """Return a Keras initializer that draws what this layer of this replicate starts from."""
    unseeded = keras.initializers.get(name)
    config = unseeded.get_config()
    if "seed" in config:
        config["seed"] = derived_seed(seed, position, purpose)
    return type(unseeded).from_config(config)


def dense_layers(layer: Layer, seed: int, position: int, precision: Precision) -> list[Apply]:
    """Build a hidden layer with its normalization and its dropout."""
    stack: list[Apply] = [
        keras.layers.Dense(
            layer.units,
            activation=layer.activation,
            kernel_initializer=seeded_initializer(layer.kernel_initializer, seed, position),
            kernel_regularizer=_penalty(layer.l2),
            dtype=precision,
            name=layer.name,
        )
    ]
    if layer.batch_normalization:
        name = f"{layer.name}_normalization"
        stack.append(keras.layers.BatchNormalization(dtype=precision, name=name))
    return [*stack, *dropout_layers(layer.dropout, seed, position, precision, layer.name)]


def dropout_layers(
    rate: float, seed: int, position: int, precision: Precision, name: str
) -> list[Apply]:
    """Build a dropout layer with the masks of this replicate; none for rate 0."""
    masks = derived_seed(seed, position, "dropout")
    new = partial(keras.layers.Dropout, seed=masks, dtype=precision, name=f"{name}_dropout")
    return [new(rate)] if rate else []


def body_layers(body: Body, seed: int, precision: Precision) -> tuple[list[Apply], int]:
    """Build the layers of a body, to be applied one after another to the scaled features.

    Returns:
        The layers, and the position of the next one.
    """
    shape = keras.layers.Reshape(body.shape, name="shape")
    match body:
        case ConvolutionalBody(layers=blocks):
            parts = [_convolution(each, seed, at, precision) for at, each in enumerate(blocks)]
            flat = keras.layers.Flatten(dtype=precision, name="flatten")
            stack = [shape, *chain.from_iterable(parts), flat]
        case InceptionBody(layers=blocks):
            parts = [[_inception(each, seed, at, precision)] for at, each in enumerate(blocks)]
            mean = keras.layers.GlobalAveragePooling2D(dtype=precision, name="average")
            stack = [shape, *chain.from_iterable(parts), mean]
        case RecurrentBody(layers=parts, masked=masked):
            mask = [keras.layers.Masking(0.0, name="mask")] if masked else []
            last = len(parts) - 1
            stack = [shape, *mask, *(
                _recurrent(each, body.kind, seed, at, precision, goes_on=at < last)
                for at, each in enumerate(parts)
            )]  # fmt: skip
        case BranchedBody():
            branches, position = [], 0
            for branch in body.branches:
                layers = []
                for layer in branch:
                    layers += dense_layers(layer, seed, position, precision)
                    position += 1
                branches.append(layers)
            return [_joined(branches, precision)], position
        case CustomBody():
            raise ValueError("a function of the user's builds this network")
    return stack, len(parts)


def in_turn(layers: Sequence[Apply], values: Any) -> Any:
    """Apply layers one after another."""
    for layer in layers:
        values = layer(values)
    return values


def _convolution(block: Convolution, seed: int, at: int, precision: Precision) -> list[Apply]:
    stack: list[Apply] = [
        keras.layers.Conv2D(
            block.filters,
            block.kernel_size,
            padding=block.padding,
            activation=block.activation,
            kernel_initializer=seeded_initializer(block.kernel_initializer, seed, at),
            kernel_regularizer=_penalty(block.l2),
            dtype=precision,
            name=block.name,
        )
    ]
    if block.batch_normalization:
        name = f"{block.name}_normalization"
        stack.append(keras.layers.BatchNormalization(dtype=precision, name=name))
    if block.pool > 1:
        pooled = {"max": keras.layers.MaxPooling2D, "average": keras.layers.AveragePooling2D}
        layer = pooled[block.pooling](block.pool, dtype=precision, name=f"{block.name}_pooling")
        stack.append(layer)
    return [*stack, *dropout_layers(block.dropout, seed, at, precision, block.name)]


def _inception(block: Inception, seed: int, at: int, precision: Precision) -> Apply:
    def convolution(size: int, path: str) -> Apply:
        initial = seeded_initializer(block.kernel_initializer, seed, at, f"kernel {path}")
        return keras.layers.Conv2D(
            block.filters,
            size,
            padding="same",
            activation=block.activation,
            kernel_initializer=initial,
            kernel_regularizer=_penalty(block.l2),
            dtype=precision,
            name=f"{block.name}_{path}",
        )

    # Narrow 1 × 1 convolutions make the larger ones cheap.
    pool = keras.layers.MaxPooling2D(
        3, strides=1, padding="same", dtype=precision, name=f"{block.name}_pooling"
    )
    paths: list[list[Apply]] = [
        [convolution(1, "1x1")],
        [convolution(1, "3x3_reduced"), convolution(3, "3x3")],
        [convolution(1, "5x5_reduced"), convolution(5, "5x5")],
        [pool, convolution(1, "pooled")],
    ]
    return _joined(paths, precision, block.name)


def _joined(branches: Sequence[Sequence[Apply]], precision: Precision, name: str = "") -> Apply:
    join = keras.layers.Concatenate(dtype=precision, name=f"{name}_joined" if name else "joined")
    return lambda values: join([in_turn(layers, values) for layers in branches])


def _recurrent(
    layer: Recurrent, cell: str, seed: int, at: int, precision: Precision, *, goes_on: bool
) -> Apply:
    new = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell]
    return new(
        layer.units,
        activation=layer.activation,
        return_sequences=goes_on,
        kernel_initializer=seeded_initializer(layer.kernel_initializer, seed, at),
        recurrent_initializer=seeded_initializer("orthogonal", seed, at, "recurrent kernel"),
        kernel_regularizer=_penalty(layer.l2),
        dtype=precision,
        name=layer.name,
    )


def _penalty(l2: float) -> keras.regularizers.L2 | None:
    return keras.regularizers.L2(l2) if l2 else None
