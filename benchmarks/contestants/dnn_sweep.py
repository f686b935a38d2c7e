"""This project's engines, through its public functions."""

import json

from benchmarks.workloads import Curve, TrialSpec, Work
from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training import assign_engines
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import LoggingParameters
from dnn_sweep.startup import import_tensorflow

import_tensorflow()  # counts as start-up


def train_stacked(work: Work) -> list[Curve]:
    """Train with the stacked engine."""
    return _train(work, "stacked")


def train_keras(work: Work) -> list[Curve]:
    """Train with the engine that calls ``model.fit``."""
    return _train(work, "keras")


def _train(work: Work, engine: str) -> list[Curve]:
    plan = TrialPlan.model_validate_json(json.dumps({"trials": work.planned}))
    data = TrainingData(work.x_train, work.y_train, work.x_validation, work.y_validation)
    logs = LoggingParameters(folder="unused", csv=False)
    specs = dict(zip((trial.id for trial in plan.trials), work.trials, strict=True))
    return [
        _curve_of(result, specs[result.trial.id], work.steps_per_epoch)
        for group in assign_engines(plan.trials, engine)
        for result in group.engine.train(group.trials, data, TrainingProgress(), logs, group.reason)
    ]


def _curve_of(result: TrialResult, trial: TrialSpec, steps_per_epoch: int) -> Curve:
    history = result.history
    steps = len(history) * steps_per_epoch
    return Curve.of(trial, steps, history["val_loss"], history["val_accuracy"])
