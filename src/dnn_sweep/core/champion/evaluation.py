"""The champion's metrics and predictions on rows it was not trained on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.metrics import classification_metrics, regression_metrics
from dnn_sweep.core.champion.record import ChampionEvaluation, SplitSizes
from dnn_sweep.core.comparison.intervals import MetricEstimate, bootstrap_metric
from dnn_sweep.core.comparison.predictions import (
    class_probabilities,
    tabulate_outputs,
    target_values,
)
from dnn_sweep.core.comparison.scores import FACTORS
from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters

# A mean of absolute gaps is raised by noise, and resampling adds noise: of a perfectly calibrated
# network no resample comes down to the true error, 0, so a bootstrap interval would not hold.
WITHOUT_INTERVAL = {"calibration_error"}


def evaluate_champion(
    trial: Trial,
    leaderboard: pd.DataFrame,
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    schema: Schema,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    test_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    evaluation: EvaluationParameters,
    folds: pd.DataFrame | None = None,
) -> tuple[ChampionEvaluation, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Evaluate the champion on the test set, exactly once.

    Returns:
        The champion's metrics, and its confusion matrix, class report (:func:`tabulate_classes`)
        and predictions (:func:`tabulate_predictions`) on the test set.

    >>> trained = champion_trial, leaderboard, finals_plan, trial_results, schema
    >>> rows = train_matrix, validation_matrix, test_matrix, target_scaling
    >>> measured, *_ = evaluate_champion(*trained, *rows, evaluation)
    >>> list(measured.test)
    ['accuracy', 'macro_f1', 'log_loss', 'calibration_error']
    """
    result = results[trial.id]
    features, test_target = features_and_target(test_matrix)
    outputs = network_outputs(result.load_network(), features)
    true = validation_matrix[TARGET].to_numpy()
    tied = leaderboard.loc[leaderboard["tied_with_best"], "combination"]
    champion = ChampionEvaluation(
        **{name: getattr(trial, name) for name in ("combination", *FACTORS, "seed")},
        epochs=max(each.epochs for each in plan.trials),  # a network on all rows may have fewer
        best_epoch=result.best_epoch,
        trial_id=trial.id,
        engine=result.engine,
        task=schema.task,
        objective=objective_of(schema.task).validation_metric,
        validation=measure(result.outputs, true, schema, target_scaling, evaluation),
        test=measure(outputs, test_target, schema, target_scaling, evaluation),
        rows=SplitSizes(
            train=len(train_matrix),
            validation=len(true),
            test=len(test_matrix),
            folds=0 if folds is None or folds.empty else int(folds.iloc[:, 0].nunique()),
        ),
        confidence=evaluation.confidence,
        resamples=evaluation.resamples,
        chosen_by=evaluation.champion,
        tied_with=tuple(name for name in tied if name != trial.combination),
        combinations=len(leaderboard),
        trials=len(plan.trials),
        seeds=tuple(dict.fromkeys(each.seed for each in plan.trials)),
        diverged_trials=int(leaderboard["diverged"].sum()),
    )
    index = test_matrix.index
    predictions = tabulate_predictions(outputs, test_target, index, schema, target_scaling)
    return champion, *tabulate_classes(predictions, schema), predictions


def measure(
    outputs: NDArray[np.float32],
    target: NDArray[np.generic],
    schema: Schema,
    scaling: TargetScaling,
    evaluation: EvaluationParameters,
) -> dict[str, MetricEstimate]:
    """Metrics of a network's outputs by name, with intervals; the calibration error has none."""
    if schema.task == "regression":
        predicted = target_values(outputs[:, 0], scaling)
        metrics = regression_metrics(target_values(target, scaling), predicted)
    else:
        probabilities, bins = class_probabilities(outputs, schema.task), evaluation.calibration_bins
        metrics = classification_metrics(target.astype(np.int32), probabilities, bins)
    return {
        name: MetricEstimate(value=float(metric(np.arange(len(target)))))
        if name in WITHOUT_INTERVAL
        else bootstrap_metric(metric, len(target), evaluation)
        for name, metric in metrics.items()
    }


def tabulate_predictions(
    outputs: NDArray[np.float32],
    target: NDArray[np.generic],
    row_ids: pd.Index,
    schema: Schema,
    scaling: TargetScaling,
) -> pd.DataFrame:
    """``row_id``, ``true``, ``predicted``, and for classes ``probability_<class>`` of each row."""
    table = tabulate_outputs(outputs, schema, scaling).rename(columns={"prediction": "predicted"})
    if schema.task == "regression":
        true = target_values(target, scaling)
    else:
        true = pd.Series(list(schema.classes)).iloc[target.astype(np.int64)].to_numpy()
    table.insert(0, "row_id", row_ids.to_numpy())
    table.insert(1, "true", true)
    return table


def tabulate_classes(
    predictions: pd.DataFrame, schema: Schema
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Confusion matrix and class report; without rows for a regression.

    Returns:
        ``true`` and one column of counts per predicted class; ``class``, ``precision``, ``recall``,
        ``f1`` and ``support``.
    """
    columns = ["class", "precision", "recall", "f1", "support"]
    if schema.task == "regression":
        return pd.DataFrame({"true": []}), pd.DataFrame(columns=columns)
    true, predicted, labels = predictions["true"], predictions["predicted"], list(schema.classes)
    names = [str(label) for label in labels]
    counts = sklearn.metrics.confusion_matrix(true, predicted, labels=labels)
    confusion = pd.DataFrame(counts, columns=names, index=pd.Index(names, name="true"))
    figures = sklearn.metrics.precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=0
    )
    report = pd.DataFrame(dict(zip(columns, (names, *figures), strict=True)))
    return confusion.reset_index(), report
