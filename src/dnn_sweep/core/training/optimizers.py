"""A trial's optimizer and learning rate, as Keras builds them."""

from __future__ import annotations

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.keras_names import optimizer_classes
from dnn_sweep.core.networks.keras_schedules import schedule_classes
from dnn_sweep.core.plan.trial import Trial


def build_optimizer(trial: Trial) -> keras.Optimizer:
    """Build the Keras optimizer of a trial, with its learning rate or schedule.

    Under ``mixed_float16`` the loss is scaled, since small gradients are 0 in half precision
    (Micikevicius et al. 2018, "Mixed Precision Training"). Keras does so by itself only where
    the policy is the whole model's.
    """
    chosen = optimizer_classes()[trial.optimizer_class]
    optimizer = chosen(learning_rate=learning_rate_schedule(trial), **trial.optimizer_arguments)
    if trial.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def learning_rate_schedule(trial: Trial) -> keras.optimizers.schedules.LearningRateSchedule | float:
    """Build a trial's Keras schedule, which counts optimizer steps; a float if it has none."""
    if trial.schedule is None:
        return trial.learning_rate
    chosen = schedule_classes()[trial.schedule.class_name]
    return chosen(initial_learning_rate=trial.learning_rate, **trial.schedule.arguments)
