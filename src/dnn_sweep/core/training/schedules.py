"""A trial's learning rate, as an optimizer takes it."""

from __future__ import annotations

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.keras_schedules import schedule_classes
from dnn_sweep.core.plan.trial import Trial


def learning_rate_schedule(
    trial: Trial,
) -> keras.optimizers.schedules.LearningRateSchedule | float:
    """Build a trial's Keras schedule, which counts optimizer steps; a float if it has none."""
    if trial.schedule is None:
        return trial.learning_rate
    chosen = schedule_classes()[trial.schedule.class_name]
    return chosen(initial_learning_rate=trial.learning_rate, **trial.schedule.arguments)
