"""A trial's learning rate, as an optimizer takes it."""

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.keras_schedules import schedule_classes
from dnn_sweep.core.plan.trial import Trial


def learning_rate_schedule(
    trial: Trial,
) -> keras.optimizers.schedules.LearningRateSchedule | float:
    """Build Keras's own schedule of a trial.

    Args:
        trial: Its learning rate, and its schedule where it has one.

    Returns:
        The schedule, starting from the trial's learning rate and counting optimizer steps; the
        learning rate itself where the trial keeps one rate.
    """
    if trial.schedule is None:
        return trial.learning_rate
    chosen = schedule_classes()[trial.schedule.class_name]
    return chosen(initial_learning_rate=trial.learning_rate, **trial.schedule.arguments)
