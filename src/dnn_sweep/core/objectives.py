"""The metric that judges each task, and which way is better."""

from dataclasses import dataclass
from typing import Literal

from dnn_sweep.parameters import Task


@dataclass(frozen=True)
class Objective:
    """The metric that ranks combinations.

    Args:
        metric: Keras's name of the per-epoch metric, without ``val_``.
        mode: Whether more or less of it is better.
        label: Its name in figures and reports.
    """

    metric: Literal["accuracy", "mae"]
    mode: Literal["max", "min"]
    label: str

    @property
    def validation_metric(self) -> str:
        """Its name on the validation rows, such as ``val_accuracy``."""
        return f"val_{self.metric}"

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is: multiply, and more is always better."""
        return 1 if self.mode == "max" else -1


ACCURACY = Objective(metric="accuracy", mode="max", label="accuracy")
MEAN_ABSOLUTE_ERROR = Objective(metric="mae", mode="min", label="mean absolute error")


def objective_of(task: Task) -> Objective:
    """The objective of a task: accuracy, or for a regression the mean absolute error.

    >>> objective_of("regression").validation_metric
    'val_mae'
    """
    return MEAN_ABSOLUTE_ERROR if task == "regression" else ACCURACY
