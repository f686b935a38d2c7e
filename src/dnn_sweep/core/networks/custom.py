"""Networks that a function of the user's builds (``network.kind: custom``)."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.body import CustomBody
from dnn_sweep.core.networks.network import Network

WHERE = "network.function"
ARGUMENTS = ("input_shape", "outputs", "activation", "seed")
_TRIED_ROWS = 4


def source_of(function: str) -> str:
    """Return the SHA-256 of the source of a function's module, in hexadecimal.

    Raises:
        SweepError: If there is no such module or function.
    """
    module, _ = _find(function)
    return hashlib.sha256(inspect.getsource(module).encode()).hexdigest()


def build_custom(network: Network, body: CustomBody, seed: int) -> keras.Model:
    """Call a user's function; the model it returns takes rows of the body's shape.

    Keras's global seed is set before, so that layers without a seed of their own repeat as well.

    Raises:
        SweepError: If the function fails, or returns something else than a model that maps a row
            to the network's outputs.
    """
    function, shape = body.function, body.shape
    _, build = _find(function)
    keras.utils.set_random_seed(seed)
    values = shape, network.outputs, body.activation, seed
    given = dict(zip(ARGUMENTS, values, strict=True))
    try:
        model = build(**given)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise SweepError(f"{WHERE}: {function} failed for {given}: {said}") from error
    if not isinstance(model, keras.Model):
        found = type(model).__name__
        raise SweepError(f"{WHERE}: {function} returned {found}, not a keras.Model")
    for what, expected, own in (
        ("takes", shape, getattr(model, "input_shape", None)),
        ("returns", (network.outputs,), getattr(model, "output_shape", None)),
    ):
        # Several inputs or outputs have a list of shapes.
        fits = isinstance(own, tuple) and tuple(own[1:]) == expected
        if not fits:
            raise SweepError(
                f"{WHERE}: the model of {function} {what} {own}, "
                f"but here a row {what} {(None, *expected)}"
            )
    return model


def check_custom(network: Network, model: keras.Model) -> None:
    """Try a user's model, wrapped as :func:`~.build.build_network` returns it.

    Raises:
        SweepError: If its outputs are not what the task needs, it has nothing to train, the loss
            does not depend on a weight, or Keras cannot load it without the user's code.
    """
    x = np.random.default_rng(0).normal(size=(_TRIED_ROWS, network.inputs)).astype(np.float32)
    with tf.GradientTape() as tape:
        outputs = model(tf.constant(x), training=True)
        loss = tf.reduce_sum(tf.square(outputs))
    values = np.asarray(outputs)
    wanted = network.output_activation
    in_range = bool(np.all((values >= 0) & (values <= 1)))
    sums_to_1 = bool(np.allclose(values.sum(axis=1), 1.0, atol=1e-3))
    if (wanted == "sigmoid" and not in_range) or (
        wanted == "softmax" and not (in_range and sums_to_1)
    ):
        raise SweepError(
            f"{WHERE}: the task needs probabilities, so the last layer is "
            f"keras.layers.Dense(outputs, activation={wanted!r}); "
            f"this one returned {np.round(values[0], 3).tolist()}"
        )
    if not model.trainable_weights:
        raise SweepError(f"{WHERE}: the model has no trainable weights")
    slopes = tape.gradient(loss, model.trainable_weights)
    apart = [w.path for w, slope in zip(model.trainable_weights, slopes, strict=True)
             if slope is None]  # fmt: skip
    if apart:
        raise SweepError(f"{WHERE}: the outputs do not depend on {', '.join(apart[:5])}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.keras")
        model.save(path)
        try:
            keras.saving.load_model(path, compile=False, safe_mode=True)
        except (TypeError, ValueError) as error:
            raise SweepError(
                f"{WHERE}: the saved model cannot be loaded where it is served, without your "
                "code. Use Keras's own layers, and no Lambda layers. Keras says: "
                f"{str(error).splitlines()[0]}"
            ) from error


@cache
def _find(function: str) -> tuple[ModuleType, Callable[..., Any]]:
    """Import a module and return it with its function, whose arguments are checked."""
    path, _, name = function.partition(":")
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        raise SweepError(
            f"{WHERE}: {path!r} cannot be imported ({error}). It must be a module in the "
            "project's folder, in src/ or installed"
        ) from error
    except Exception as error:
        raise SweepError(
            f"{WHERE}: importing {path!r} failed: {type(error).__name__}: {error}"
        ) from error
    functions = {key for key, each in vars(module).items() if inspect.isfunction(each)}
    if name not in functions:
        raise unknown_name(name, sorted(functions), what=f"function of {path}", where=WHERE)
    build = getattr(module, name)
    signature = inspect.signature(build)
    try:
        signature.bind(**dict.fromkeys(ARGUMENTS))
    except TypeError as error:
        raise SweepError(
            f"{WHERE}: {name}{signature} must take {', '.join(ARGUMENTS)} ({error})"
        ) from error
    return module, build
