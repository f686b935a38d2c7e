"""A trial's optimizer, as Keras builds it."""

from __future__ import annotations

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.keras_names import optimizer_classes
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.schedules import learning_rate_schedule


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
