"""The learning-rate schedules that Keras knows by name."""

import inspect
import math
from functools import cache
from typing import Any

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.network import Schedule
from dnn_sweep.parameters import ScheduleEntry

INITIAL_RATE = "initial_learning_rate"
LENGTHS = ("decay_steps", "first_decay_steps")


@cache
def schedule_classes() -> dict[str, type["keras.optimizers.schedules.LearningRateSchedule"]]:
    """Return by name Keras's schedule classes that start from the optimizer's learning rate."""
    schedules = keras.optimizers.schedules
    return {
        name: each
        for name, each in vars(schedules).items()
        if inspect.isclass(each)
        and issubclass(each, schedules.LearningRateSchedule)
        and INITIAL_RATE in inspect.signature(each).parameters
    }


def resolve_schedule(entry: ScheduleEntry, rate: float, steps: int, where: str) -> Schedule:
    """Check a schedule of the grid by building and calling it.

    Args:
        entry: The ``schedule`` of an entry of ``grid.optimizers``.
        rate: The learning rate it starts from.
        steps: All optimizer steps of the trial. Where no length is given, warm-up and decay
            together take this long.
        where: The key it came from.

    Returns:
        The schedule with every argument of its class decided.

    Raises:
        SweepError: If Keras has no such class, the class refuses an argument, or its learning
            rate at the trial's first or last step is negative or not finite.
    """
    classes = schedule_classes()
    by_lower = {name.lower(): name for name in classes}
    name = by_lower.get(entry.class_name.lower())
    if name is None:
        raise unknown_name(entry.class_name, classes, what="schedule", where=where)
    defaults = {
        argument: parameter.default
        for argument, parameter in inspect.signature(classes[name]).parameters.items()
        if argument not in (INITIAL_RATE, "name")
    }
    for argument, value in entry.arguments.items():
        if argument not in defaults:
            what = f"argument of {name} (it starts from the optimizer's learning_rate)"
            raise unknown_name(argument, defaults, what=what, where=where)
        if isinstance(value, float) and not math.isfinite(value):
            raise SweepError(f"{where}: {argument} must be finite, not {value!r}")
    arguments = _with_lengths(defaults | entry.arguments, steps)
    given = {
        argument: value
        for argument, value in arguments.items()
        if value is not inspect.Parameter.empty  # Keras names the missing one
    }
    for step in (0, steps - 1):
        reached = _rate_at(step, classes[name], rate, given, where)
        if not (math.isfinite(reached) and reached >= 0):
            raise SweepError(
                f"{where}: {name} with {entry.arguments} gives a learning rate of {reached:g} at "
                f"step {step} of {steps}"
            )
    return Schedule(class_name=name, arguments=given)


def _with_lengths(arguments: dict[str, Any], steps: int) -> dict[str, Any]:
    """Let the decay end with the trial where no length is given."""
    warms_up = arguments.get("warmup_target") is not None
    warmup = arguments.get("warmup_steps", 0) if warms_up else 0
    length = steps - warmup if isinstance(warmup, int) else steps
    missing = [each for each in LENGTHS if arguments.get(each) is inspect.Parameter.empty]
    return arguments | dict.fromkeys(missing, length)


def _rate_at(
    step: int,
    chosen: type["keras.optimizers.schedules.LearningRateSchedule"],
    rate: float,
    arguments: dict[str, Any],
    where: str,
) -> float:

    refusals = (TypeError, ValueError, ArithmeticError, tf.errors.OpError)
    try:
        return float(chosen(**{INITIAL_RATE: rate}, **arguments)(step))
    except refusals as error:
        raise SweepError(
            f"{where}: Keras refuses {chosen.__name__} with {arguments}: {error}"
        ) from None
