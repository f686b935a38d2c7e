"""The activations, optimizers and initializers that Keras knows by name."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.parameters import OptimizerEntry

# He et al. 2015 for units that are zero on one side, Klambauer et al. 2017 for selu,
# Glorot & Bengio 2010 for everything that is roughly linear around zero.
_RELU_FAMILY = {"relu", "relu6", "leaky_relu", "elu", "celu", "gelu", "silu", "swish", "mish"}
_HELPERS = {"get", "serialize", "deserialize"}
# A base class, and a wrapper of another optimizer.
_NOT_OPTIMIZERS = {"Optimizer", "LossScaleOptimizer"}


@cache
def activation_names() -> tuple[str, ...]:
    """List every activation that Keras knows by name and that keeps a layer's width."""

    def fits(name: str) -> bool:
        try:
            applied = keras.activations.get(name)(keras.ops.ones((1, 4)))
        except (TypeError, ValueError):  # it requires arguments
            return False
        return tuple(applied.shape) == (1, 4)

    names = [name for name, each in vars(keras.activations).items() if inspect.isfunction(each)]
    return tuple(sorted(name for name in names if name not in _HELPERS and fits(name)))


@cache
def initializer_names() -> tuple[str, ...]:
    """List every initializer that Keras knows by name and that fits a kernel."""

    def fits(name: str) -> bool:
        try:
            keras.initializers.get(name)(shape=(3, 2))
        except (AttributeError, TypeError, ValueError, KeyError):
            return False
        return True

    names = {name for name in vars(keras.initializers) if name.islower() and name[0] != "_"}
    return tuple(sorted(name for name in names - _HELPERS if fits(name)))


@cache
def optimizer_classes() -> dict[str, type["keras.Optimizer"]]:
    """Return every optimizer class of Keras by its name."""
    return {
        name: each
        for name, each in vars(keras.optimizers).items()
        if inspect.isclass(each)
        and issubclass(each, keras.optimizers.Optimizer)
        and name not in _NOT_OPTIMIZERS
        and "learning_rate" in inspect.signature(each).parameters
    }


def resolve_activation(name: str, where: str) -> Callable[..., Any]:
    """Return the Keras function of a name; aliases such as ``swish`` and ``silu`` share one.

    Raises:
        SweepError: If Keras has no such activation.
    """
    if name not in activation_names():
        raise unknown_name(name, activation_names(), what="activation", where=where)
    function: Callable[..., Any] = keras.activations.get(name)
    return function


def initializer_for(name: str, activation: str, where: str) -> str:
    """Return the Keras initializer of a name, with ``matched`` resolved for the activation."""
    if name == "matched":
        if activation == "selu":
            return "lecun_normal"
        return "he_uniform" if activation in _RELU_FAMILY else "glorot_uniform"
    if name not in initializer_names():
        allowed = ("matched", *initializer_names())
        raise unknown_name(name, allowed, what="initializer", where=where)
    return name


def optimizer_defaults(class_name: str) -> dict[str, Any]:
    """Return the default arguments of an optimizer class, without the learning rate."""
    parameters = inspect.signature(optimizer_classes()[class_name]).parameters
    left_out = ("learning_rate", "name", "kwargs")
    return {name: each.default for name, each in parameters.items() if name not in left_out}


def resolve_optimizer(entry: OptimizerEntry, where: str) -> tuple[str, dict[str, Any], float]:
    """Check an optimizer of the grid by building it.

    Args:
        entry: An entry of ``grid.optimizers``.
        where: The key it came from.

    Returns:
        The name of the Keras class, its arguments without the learning rate, and the learning
        rate (Keras's default where none is given).

    Raises:
        SweepError: If Keras has no such class, or the class refuses an argument.
    """
    classes = optimizer_classes()
    by_lower = {name.lower(): name for name in classes}
    name = by_lower.get(entry.class_name.lower())
    if name is None:
        raise unknown_name(entry.class_name, classes, what="optimizer", where=where)
    parameters = inspect.signature(classes[name]).parameters
    allowed = [each for each in parameters if each != "kwargs"]
    for argument in entry.arguments:
        if argument not in allowed:
            raise unknown_name(argument, allowed, what=f"argument of {name}", where=where)
    others = {key: value for key, value in entry.arguments.items() if key != "learning_rate"}
    rate = entry.arguments.get("learning_rate", parameters["learning_rate"].default)
    if not isinstance(rate, int | float) or not 0 < rate < float("inf"):
        raise SweepError(f"{where}: learning_rate must be a number above 0, not {rate!r}")
    refusals = (TypeError, ValueError, ArithmeticError, tf.errors.OpError)
    try:
        _take_a_step(classes[name](learning_rate=float(rate), **others))
    except refusals as error:
        raise SweepError(f"{where}: Keras refuses {name} with {others}: {error}") from None
    return name, others, float(rate)


def _take_a_step(optimizer: "keras.Optimizer") -> None:
    """Update a weight: Keras reads some arguments only then."""
    kernel = keras.Variable(keras.ops.ones((3, 2)))
    optimizer.build([kernel])
    optimizer.apply([keras.ops.ones((3, 2))], [kernel])
