"""A trial's optimizer, as Keras builds it."""

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.keras_names import optimizer_classes
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.schedules import learning_rate_schedule


def build_optimizer(trial: Trial) -> keras.Optimizer:
    """Build Keras's optimizer of a trial, with its learning rate or schedule."""
    chosen = optimizer_classes()[trial.optimizer_class]
    return chosen(learning_rate=learning_rate_schedule(trial), **trial.optimizer_arguments)
