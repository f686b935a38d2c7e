"""The learning-rate schedules that Keras knows by name."""

import math
from functools import cache
from inspect import Parameter

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.keras_names import class_named, classes_with, defaults_of, refusals
from dnn_sweep.core.networks.network import Schedule
from dnn_sweep.parameters import ScheduleEntry

INITIAL_RATE = "initial_learning_rate"


@cache
def schedule_classes() -> dict[str, type["keras.optimizers.schedules.LearningRateSchedule"]]:
    """Return by name Keras's schedule classes that start from the optimizer's learning rate."""
    schedules = keras.optimizers.schedules
    return classes_with(INITIAL_RATE, schedules.LearningRateSchedule, schedules)


def resolve_schedule(entry: ScheduleEntry, rate: float, steps: int, where: str) -> Schedule:
    """Check a schedule of the grid by building and calling it; decide all its arguments.

    Where no length is given, warm-up and decay together take all optimizer ``steps`` of the trial.

    Raises:
        SweepError: If Keras has no such class, the class refuses an argument, or its learning
            rate at the trial's first or last step is negative or not finite.
    """
    name = class_named(entry.class_name, schedule_classes(), what="schedule", where=where)
    schedule = schedule_classes()[name]
    defaults = defaults_of(schedule, but=(INITIAL_RATE, "name"))
    for argument, value in entry.arguments.items():
        if argument not in defaults:
            what = f"argument of {name} (it starts from the optimizer's learning_rate)"
            raise unknown_name(argument, defaults, what=what, where=where)
        if isinstance(value, float) and not math.isfinite(value):
            raise SweepError(f"{where}: {argument} must be finite, not {value!r}")
    arguments = defaults | entry.arguments
    warmup = arguments.get("warmup_steps", 0) if arguments.get("warmup_target") is not None else 0
    for length in ("decay_steps", "first_decay_steps"):
        if arguments.get(length) is Parameter.empty:  # the decay ends with the trial
            arguments[length] = steps - warmup if isinstance(warmup, int) else steps
    # Keras names the missing ones.
    given = {key: value for key, value in arguments.items() if value is not Parameter.empty}
    for step in (0, steps - 1):
        with refusals(name, given, where):
            reached = float(schedule(**{INITIAL_RATE: rate}, **given)(step))
        if not (math.isfinite(reached) and reached >= 0):
            raise SweepError(
                f"{where}: {name} with {entry.arguments} gives a learning rate of {reached:g} at "
                f"step {step} of {steps}"
            )
    return Schedule(class_name=name, arguments=given)
