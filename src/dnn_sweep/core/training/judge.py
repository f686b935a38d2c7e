"""The score of a single trial, by which a screening decides."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.predictions import build_scorer, decode_outputs
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import Task


@dataclass(frozen=True, eq=False)
class Judge:
    """Judges single trials by the objective.

    Args:
        objective: The metric; ``None`` for that of the task.
        true: Encoded targets of the validation rows; not needed where the objective is measured in
            every epoch.
        scaling: Of the target.
        validated: Positions of the rows that each fold validates; none without folds.
    """

    objective: Objective | None = None
    true: NDArray[np.generic] | None = None
    scaling: TargetScaling = field(default_factory=TargetScaling)
    validated: Sequence[NDArray[np.intp]] = ()

    def metric(self, task: Task) -> Objective:
        """The metric that decides."""
        return self.objective or objective_of(task)

    def score(self, result: TrialResult) -> float:
        """The objective on the rows that the trial's outputs are of; NaN if it diverged."""
        trial, objective = result.trial, self.metric(result.trial.task)
        if result.status == "diverged":
            return nan
        if self.true is None or objective == objective.by_epoch:
            return result.score
        true = self.true if trial.fold is None else self.true[self.validated[trial.fold]]
        scorer = build_scorer(objective, trial.task, trial.network.outputs, true, self.scaling)
        return scorer.value(decode_outputs(result.outputs, trial.task, self.scaling))
