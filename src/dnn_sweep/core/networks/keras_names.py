"""What stands in Keras behind the names of a grid."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.parameters import OptimizerEntry
from dnn_sweep.parameters.keras_names import optimizer_names

# He et al. 2015 for units that are zero on one side, Klambauer et al. 2017 for selu,
# Glorot & Bengio 2010 for everything that is roughly linear around zero.
_RELU_FAMILY = {"relu", "relu6", "leaky_relu", "elu", "celu", "gelu", "silu", "swish", "mish"}


@cache
def optimizer_classes() -> dict[str, type["keras.Optimizer"]]:
    """Return every optimizer class of Keras by its name."""
    return {name: getattr(keras.optimizers, name) for name in optimizer_names()}


def initializer_for(name: str, activation: str) -> str:
    """Return the Keras initializer of a name, with ``matched`` resolved for the activation."""
    if name != "matched":
        return name
    if activation == "selu":
        return "lecun_normal"
    return "he_uniform" if activation in _RELU_FAMILY else "glorot_uniform"


def resolve_optimizer(entry: OptimizerEntry, where: str) -> tuple[str, dict[str, Any], float]:
    """Check an optimizer of the grid by updating a weight with it.

    Returns:
        The name of the Keras class, its arguments that differ from Keras's defaults, without the
        learning rate, and the learning rate (Keras's default where none is given).

    Raises:
        SweepError: If Keras has no such class, or the class refuses an argument.
    """
    name = class_named(entry.class_name, optimizer_classes(), what="optimizer", where=where)
    optimizer = optimizer_classes()[name]
    defaults = defaults_of(optimizer, but=("kwargs",))
    for argument in entry.arguments:
        if argument not in defaults:
            raise unknown_name(argument, defaults, what=f"argument of {name}", where=where)
    others = {key: value for key, value in entry.arguments.items() if key != "learning_rate"}
    rate = (defaults | entry.arguments)["learning_rate"]
    if not isinstance(rate, int | float) or not 0 < rate < float("inf"):
        raise SweepError(f"{where}: learning_rate must be a number above 0, not {rate!r}")
    with refusals(name, others, where):
        built = optimizer(learning_rate=float(rate), **others)
        kernel = keras.Variable(keras.ops.ones((3, 2)))
        built.build([kernel])
        built.apply([keras.ops.ones((3, 2))], [kernel])  # Keras reads some arguments only now
    # One that repeats Keras's default changes nothing, so it must not change a trial's id.
    return name, {key: each for key, each in others.items() if each != defaults[key]}, float(rate)


def classes_with(argument: str, base: type, module: ModuleType) -> dict[str, Any]:
    """Return by name a module's subclasses of a base whose constructor takes an argument."""
    return {
        name: each
        for name, each in vars(module).items()
        if inspect.isclass(each) and issubclass(each, base) and argument in defaults_of(each)
    }


def class_named(name: str, classes: Mapping[str, Any], what: str, where: str) -> str:
    """Return the name of a class as Keras spells it, given in upper or lower case."""
    by_lower = {each.lower(): each for each in classes}
    if name.lower() not in by_lower:
        raise unknown_name(name, classes, what=what, where=where)
    return by_lower[name.lower()]


def defaults_of(each: type, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a constructor's arguments with their defaults, ``Parameter.empty`` for none."""
    parameters = inspect.signature(each).parameters
    return {name: given.default for name, given in parameters.items() if name not in but}


@contextmanager
def refusals(name: str, arguments: Mapping[str, Any], where: str) -> Iterator[None]:
    """Raise a ``SweepError`` for what Keras raises when it cannot use a class's arguments."""
    try:
        yield
    except (TypeError, ValueError, ArithmeticError, tf.errors.OpError) as error:
        raise SweepError(f"{where}: Keras refuses {name} with {arguments}: {error}") from None
