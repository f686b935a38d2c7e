"""The activations, initializers and optimizers that Keras knows by name.

They are read from Keras's files: to import it would take seconds, and a misspelt name is refused
before that.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from dnn_sweep.parameters.base import listed

_HELPERS = {"get", "serialize", "deserialize"}
_NEED_ARGUMENTS = {"threshold", "constant", "stft"}
_HALVE_THE_WIDTH = {"glu"}
_BASES = {"LearningRateSchedule"}
_NO_ALGORITHMS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}


@cache
def _exported(module: str) -> dict[str, str]:
    """The names that one of Keras's modules exports, with the modules they come from."""
    imports = ast.parse((_keras() / module / "__init__.py").read_text()).body
    return {
        name.asname or name.name: str(each.module)
        for each in imports
        if isinstance(each, ast.ImportFrom)
        for name in each.names
    }


def _keras() -> Path:
    """Keras's folder, which is found without importing it."""
    package = find_spec("keras")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("keras is not installed", name="keras")
    return Path(package.origin).parent


@cache
def activation_names() -> tuple[str, ...]:
    """List every activation that keeps a layer's width.

    >>> "relu" in activation_names()
    True
    """
    return tuple(
        sorted(_exported("activations").keys() - _HELPERS - _NEED_ARGUMENTS - _HALVE_THE_WIDTH)
    )


@cache
def initializer_names() -> tuple[str, ...]:
    """List every initializer that fits a kernel.

    >>> "he_normal" in initializer_names()
    True
    """
    functions = {name for name in _exported("initializers") if name.islower()}
    return tuple(sorted(functions - _HELPERS - _NEED_ARGUMENTS))


@cache
def optimizer_names() -> tuple[str, ...]:
    """List the class of every optimizer.

    >>> "RMSprop" in optimizer_names()
    True
    """
    classes = {name for name in _exported("optimizers") if not name.islower()}
    return tuple(sorted(classes - _NO_ALGORITHMS))


@cache
def schedule_names() -> tuple[str, ...]:
    """List the class of every learning-rate schedule.

    >>> "CosineDecay" in schedule_names()
    True
    """
    classes = _exported("optimizers/schedules").keys() - _BASES
    return tuple(sorted(name for name in classes if not name.islower()))


@cache
def optimizer_arguments(name: str) -> tuple[str, ...]:
    """List what an optimizer's constructor takes beside the learning rate.

    >>> "momentum" in optimizer_arguments("sgd")
    True
    """
    exported = _exported("optimizers")
    named = next(each for each in optimizer_names() if each.lower() == name.lower())
    file = _keras().parent.joinpath(*exported[named].split(".")).with_suffix(".py")
    nodes = [each for each in ast.walk(ast.parse(file.read_text())) if hasattr(each, "name")]
    (own,) = [n for n in nodes if isinstance(n, ast.ClassDef) and n.name == named]
    (built,) = [n for n in own.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    names = [each.arg for each in (*built.args.args, *built.args.kwonlyargs)]
    return tuple(each for each in names if each not in ("self", "learning_rate", "name"))


def known_activation(name: str) -> str:
    """Return the name of an activation.

    Raises:
        ValueError: If Keras knows no such activation.
    """
    if name not in activation_names():
        raise ValueError(f"unknown activation {name!r}.{listed(name, activation_names())}")
    return name


def known_initializer(name: str) -> str:
    """Return the name of an initializer, or ``matched``.

    Raises:
        ValueError: If Keras knows no such initializer.
    """
    allowed = ("matched", *initializer_names())
    if name not in allowed:
        raise ValueError(f"unknown initializer {name!r}.{listed(name, allowed)}")
    return name


def known_optimizer(name: str) -> str:
    """Return the class of an optimizer, in upper or lower case.

    Raises:
        ValueError: If Keras has no such optimizer.
    """
    if name.lower() not in map(str.lower, optimizer_names()):
        raise ValueError(f"unknown optimizer {name!r}.{listed(name, optimizer_names())}")
    return name


def known_schedule(name: str) -> str:
    """Return the class of a schedule, in upper or lower case.

    Raises:
        ValueError: If Keras has no such schedule.
    """
    if name.lower() not in map(str.lower, schedule_names()):
        raise ValueError(f"unknown schedule {name!r}.{listed(name, schedule_names())}")
    return name


Activation = Annotated[str, AfterValidator(known_activation)]
Initializer = Annotated[str, AfterValidator(known_initializer)]
