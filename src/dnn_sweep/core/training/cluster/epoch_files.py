"""The log files of trials that are trained on other machines, written where the sweep runs."""

from __future__ import annotations

from math import isnan
from types import SimpleNamespace

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.callbacks import VALIDATION_OBJECTIVE
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.callbacks import csv_logger
from dnn_sweep.core.training.epoch_objective import worst_value
from dnn_sweep.parameters import LoggingParameters


class EpochFiles:
    """Writes a line per epoch of each trial, as is written where a trial is trained here.

    Args:
        logs: Whether, and where to.
    """

    def __init__(self, logs: LoggingParameters) -> None:
        self._logs = logs
        self._open: dict[str, tuple[keras.callbacks.CSVLogger, int]] = {}

    def write(self, trial: Trial, epoch: int, metrics: dict[str, float]) -> None:
        """Write an epoch, from 1; the file of a trial that goes on earlier is cut to there."""
        if not self._logs.csv:
            return
        logger, following = self._open.get(trial.id, (None, 0))
        if logger is None or epoch != following:
            self.close(trial)
            logger = csv_logger(trial, self._logs, epoch - 1)
            logger.set_model(SimpleNamespace(stop_training=False))
            logger.on_train_begin()
        logger.on_epoch_end(epoch - 1, _line(trial, metrics))
        self._open[trial.id] = logger, epoch + 1

    def close(self, trial: Trial) -> None:
        """A trial has ended, or begins anew."""
        if trial.id in self._open:
            self._open.pop(trial.id)[0].on_train_end()


def _line(trial: Trial, metrics: dict[str, float]) -> dict[str, float]:
    """An epoch as Keras's callbacks see it when it is trained here.

    The rate is there where a callback changes it, and an objective that is not defined is the worst
    of all.
    """
    line = dict(metrics)
    if not trial.callbacks.reduce_on_plateau.enabled:
        del line["learning_rate"]
    if trial.epoch_objective and isnan(line[VALIDATION_OBJECTIVE]):
        line[VALIDATION_OBJECTIVE] = worst_value(trial.epoch_objective)
    return line
