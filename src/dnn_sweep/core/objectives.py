"""The metric that judges a sweep, and which way is better."""

from typing import Literal

from pydantic import BaseModel

from dnn_sweep.core.errors import unknown_name
from dnn_sweep.core.formatting import METRIC_LABELS
from dnn_sweep.parameters import Task

_AVERAGED = ("f1", "precision", "recall", "jaccard")
_OF_CLASSES = (
    *("accuracy", "balanced_accuracy", "average_precision", "matthews_corrcoef"),
    *("neg_log_loss", "neg_brier_score", "d2_log_loss_score", "d2_brier_score"),
    *(f"{name}_{average}" for name in _AVERAGED for average in ("macro", "micro", "weighted")),
)
SCORERS: dict[Task, tuple[str, ...]] = {  # scikit-learn's names of what suits each task
    "binary": (*_OF_CLASSES, *_AVERAGED, "roc_auc"),
    "multiclass": (
        *_OF_CLASSES,
        *("roc_auc_ovr", "roc_auc_ovr_weighted", "roc_auc_ovo", "roc_auc_ovo_weighted"),
        "top_k_accuracy",
    ),
    "regression": (
        *("neg_mean_absolute_error", "neg_root_mean_squared_error", "r2"),
        *("neg_mean_absolute_percentage_error", "neg_mean_squared_error"),
        *("neg_median_absolute_error", "neg_max_error", "neg_mean_squared_log_error"),
        *("neg_root_mean_squared_log_error", "neg_mean_poisson_deviance"),
        *("neg_mean_gamma_deviance", "explained_variance", "d2_absolute_error_score"),
    ),
}
SHORT = {  # scikit-learn's name by that in tables, which is allowed as well
    "macro_f1": "f1_macro",
    "log_loss": "neg_log_loss",
    "brier": "neg_brier_score",
    "mae": "neg_mean_absolute_error",
    "rmse": "neg_root_mean_squared_error",
    "mse": "neg_mean_squared_error",
    "mape": "neg_mean_absolute_percentage_error",
}
OF_RANKS = ("average_precision", "roc_auc")  # how these begin: they judge an order of the rows
OF_PROBABILITIES = ("neg_log_loss", "neg_brier_score", "d2_log_loss_score", "d2_brier_score")
_UNBOUNDED = {"r2", "explained_variance", "matthews_corrcoef"}  # below 0 is possible


class Objective(BaseModel, frozen=True, extra="forbid"):
    """The metric that ranks combinations.

    Args:
        metric: Its name in tables, without ``val_``, such as ``accuracy``.
        mode: Whether more or less of it is better.
        label: Its name in figures and reports.
        scale: Whether its values are shares from 0 to 1, errors from 0, or any number.
        scorer: scikit-learn's name of it, or ``module:function``.
        positive: Position of the class that a binary metric is about.
        given: ``evaluation.objective``, from which it was resolved.
        reason: In a sentence, why it is another one than usual; empty if it is not.
        source: SHA-256 of the module of a user's function, where trainings depend on it.
    """

    metric: str
    mode: Literal["max", "min"]
    label: str
    scale: Literal["share", "error", "any"] = "share"
    scorer: str = "accuracy"
    positive: int = 1
    given: str = "auto"
    reason: str = ""
    source: str = ""

    @property
    def validation_metric(self) -> str:
        """Its name on the validation rows, such as ``val_accuracy``."""
        return f"val_{self.metric}"

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is: multiply, and more is always better."""
        return 1 if self.mode == "max" else -1

    @property
    def by_epoch(self) -> "Objective":
        """Itself where it is measured in every epoch, or else the loss, which always is."""
        # Not by name: a user's function may be called accuracy.
        return self if self.scorer in (ACCURACY.scorer, MEAN_ABSOLUTE_ERROR.scorer) else LOSS

    @property
    def is_custom(self) -> bool:
        """Whether a user's function computes it."""
        return ":" in self.scorer


ACCURACY = Objective(metric="accuracy", mode="max", label="accuracy")
MEAN_ABSOLUTE_ERROR = Objective(
    metric="mae",
    mode="min",
    label="mean absolute error",
    scale="error",
    scorer="neg_mean_absolute_error",
)
LOSS = Objective(metric="loss", mode="min", label="loss", scale="error", scorer="")


def objective_of(task: Task) -> Objective:
    """The metric that networks measure in every epoch: accuracy, or the mean absolute error.

    >>> objective_of("regression").validation_metric
    'val_mae'
    """
    return MEAN_ABSOLUTE_ERROR if task == "regression" else ACCURACY


def named_objective(name: str, task: Task, positive: int = 1) -> Objective:
    """The objective of a name in scikit-learn, a short name, or ``module:function``.

    Raises:
        SweepError: If there is no such metric, or it does not suit the task.

    >>> named_objective("neg_log_loss", "binary").validation_metric
    'val_log_loss'
    """
    if ":" in name:
        function = name.partition(":")[2]
        own = {"metric": function, "label": function.replace("_", " "), "scale": "any"}
        return Objective(**own, mode="max", scorer=name, positive=positive, given=name)
    scorer = SHORT.get(name, name)
    if scorer not in SCORERS[task]:
        allowed = [*SCORERS[task], *(each for each, of in SHORT.items() if of in SCORERS[task])]
        what = f"metric of a {task} task"
        raise unknown_name(name, allowed, what=what, where="evaluation.objective")
    metric = next((each for each, of in SHORT.items() if of == scorer), scorer.removeprefix("neg_"))
    error = scorer.startswith("neg_")
    any_number = scorer in _UNBOUNDED or scorer.startswith("d2_")
    return Objective(
        metric=metric,
        mode="min" if error else "max",
        label=METRIC_LABELS.get(metric, metric.replace("_", " ")),
        scale="error" if error else "any" if any_number else "share",
        scorer=scorer,
        positive=positive,
        given=name,
    )
