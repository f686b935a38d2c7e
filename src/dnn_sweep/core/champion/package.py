"""The champion on its way to the registry, and whether it takes the alias."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.gate import AliasDecision
from dnn_sweep.core.data.schema import Label, Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import Task

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

MODEL_PREFIX = "dnn_sweep_"  # a registered model is called this and its experiment's name


@dataclass(frozen=True)
class ChampionPackage:
    """Everything a model server needs of the champion, and what describes it.

    Args:
        result: The champion's trial, trained.
        preprocessor: Fitted on the training rows; takes coerced feature columns.
        schema: Columns, target and classes.
        target_scaling: How a regression's target was standardised.
        example: A few raw validation rows, feature columns only.
        example_predictions: What the champion predicts for them.
        validation_score: Its objective on all validation rows, in the objective's unit.
        description: What a person reads beside the registered version.
    """

    result: TrialResult
    preprocessor: "ColumnTransformer"
    schema: Schema
    target_scaling: TargetScaling
    example: pd.DataFrame
    example_predictions: pd.DataFrame
    validation_score: float
    description: str


@dataclass(frozen=True)
class Registration:
    """A package and what it is to be called: what the registry is given."""

    package: ChampionPackage
    decision: AliasDecision


@dataclass(frozen=True)
class ServedModel:
    """A registered version, ready to predict.

    Args:
        name: The registered model.
        version: Its version.
        task: What it predicts.
        target: The column it predicts.
        classes: The target's values; empty for a regression.
        columns: The kind of every column it needs, by name.
        predict: Raw rows in, ``prediction`` and ``probability_<class>`` out; raises
            :class:`SweepError` for rows it cannot take.
    """

    name: str
    version: str
    task: Task
    target: str
    classes: tuple[Label, ...]
    columns: Mapping[str, str]
    predict: Callable[[pd.DataFrame], pd.DataFrame]

    def check_columns(self, rows: pd.DataFrame) -> None:
        """Raise :class:`SweepError` where the rows lack a column that the model needs."""
        missing = [name for name in self.columns if name not in rows.columns]
        if not missing:
            return
        spare = [str(n) for n in rows.columns if n not in self.columns and n != self.target]
        listed = []
        for name in missing[:10]:
            close = get_close_matches(name, spare, n=1)
            listed.append(f"{name!r} (is it {close[0]!r}?)" if close else repr(name))
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        raise SweepError(
            f"{len(missing)} of the {len(self.columns)} columns that version {self.version} of "
            f"{self.name} needs are missing: {', '.join(listed)}{more}"
        )


def experiment_of(model: str) -> str:
    """The experiment whose champions a registered model's versions are."""
    return model.removeprefix(MODEL_PREFIX)


def score_predictions(predictions: pd.DataFrame, target: pd.Series, objective: Objective) -> float:
    """The objective's value: the share of right labels, or the mean absolute error.

    Args:
        predictions: ``prediction``, a row each.
        target: The true values, in the same order.
        objective: Which of the two.
    """
    if objective.metric == "mae":
        errors = predictions["prediction"].to_numpy(float) - target.to_numpy(float)
        return float(np.abs(errors).mean())
    predicted = predictions["prediction"].to_numpy(dtype=object)
    return float((predicted == target.to_numpy(dtype=object)).mean())
