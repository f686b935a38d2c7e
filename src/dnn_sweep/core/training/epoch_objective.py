"""The sweep's objective after every epoch, on the rows that the callbacks watch."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.predictions import build_scorer, decode_outputs
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.callbacks import VALIDATION_OBJECTIVE
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.scorer import Scorer
from dnn_sweep.parameters import Task


@dataclass(frozen=True, eq=False)
class EpochObjective:
    """Scores a network's outputs on the watched rows, in the target's own unit."""

    scorer: Scorer
    task: Task
    scaling: TargetScaling

    @classmethod
    def of(cls, trial: Trial, data: TrainingData) -> EpochObjective | None:
        """What a trial's callbacks watch of its fold's rows; ``None`` where it is a Keras metric.

        >>> rows = TrainingData.from_matrices(train_matrix, validation_matrix)
        >>> EpochObjective.of(champion_trial, rows) is None
        True
        """
        if (objective := trial.epoch_objective) is None:
            return None
        scaling = TargetScaling(mean=data.target_mean, scale=data.target_scale)
        given = objective, trial.task, trial.network.outputs, data.y_validation, scaling
        return cls(build_scorer(*given), trial.task, scaling)

    def logs(self, outputs: NDArray[np.float32]) -> dict[str, float]:
        """The objective under the name that callbacks monitor.

        Outputs that are not finite, or that the metric is not defined for, such as a negative
        prediction under a logarithm, get the worst value: such an epoch is never the best one.
        """
        worst = worst_value(self.scorer.objective)
        value = worst
        if np.isfinite(outputs).all():
            try:
                value = self.scorer.value(decode_outputs(outputs, self.task, self.scaling))
            except SweepError:  # a user's function fails
                raise
            except ValueError:  # of scikit-learn; what is wrong with the targets was found before
                value = worst
        return {VALIDATION_OBJECTIVE: value if np.isfinite(value) else worst}


def worst_value(objective: Objective) -> float:
    """The value of an epoch for which the objective is not defined."""
    return -inf * objective.sign


class ObjectiveLog(keras.callbacks.Callback):
    """Adds the objective to an epoch's logs; it must be in front of the callbacks that read it."""

    def __init__(self, objective: EpochObjective, features: NDArray[np.float32]) -> None:
        super().__init__()
        self._objective, self._features = objective, features

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compute the watched rows' outputs once more, since Keras's validation keeps none."""
        if logs is not None:
            logs |= self._objective.logs(network_outputs(self.model, self._features))
