"""What the champion achieves on rows it was not trained on."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.metrics import Metric, classification_metrics, regression_metrics
from dnn_sweep.core.comparison.intervals import MetricEstimate, bootstrap_metric
from dnn_sweep.core.comparison.predictions import (
    class_probabilities,
    tabulate_outputs,
    target_values,
)
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.parameters import EvaluationParameters

# A mean of absolute gaps: noise only ever adds to it. Resampling adds noise once more, so that of a
# perfectly calibrated network no resample comes down to its true error, 0, and the percentiles may
# all lie above the value itself. No other bootstrap interval makes up for that near 0.
WITHOUT_INTERVAL = {"calibration_error"}


def measure(
    outputs: NDArray[np.float32],
    target: NDArray[np.generic],
    schema: Schema,
    scaling: TargetScaling,
    evaluation: EvaluationParameters,
) -> dict[str, MetricEstimate]:
    """Metrics with intervals, where resampling gives one that holds.

    Args:
        outputs: The network's outputs, shape ``(rows, outputs)``.
        target: Encoded targets, shape ``(rows,)``.
        schema: The task and the classes.
        scaling: The target's unit.
        evaluation: Confidence, resamples, calibration bins.

    Returns:
        Estimates by metric; the calibration error has no interval.
    """
    metrics: dict[str, Metric]
    if schema.task == "regression":
        true = target.astype(np.float64) * scaling.scale + scaling.mean
        metrics = regression_metrics(true, target_values(outputs, scaling))
    else:
        probabilities = class_probabilities(outputs, schema.task)
        metrics = classification_metrics(
            target.astype(np.int32), probabilities, evaluation.calibration_bins
        )
    every_row = np.arange(len(target))
    return {
        name: MetricEstimate(value=float(metric(every_row)))
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
    """What is true and what was predicted, row by row.

    Returns:
        ``row_id``, ``true``, ``predicted``; for classes also ``probability_<class>``.
    """
    table = tabulate_outputs(outputs, schema, scaling).rename(columns={"prediction": "predicted"})
    if schema.task == "regression":
        true = target.astype(np.float64) * scaling.scale + scaling.mean
    else:
        true = pd.Series(list(schema.classes)).iloc[target.astype(np.int64)].to_numpy()
    table.insert(0, "row_id", row_ids.to_numpy())
    table.insert(1, "true", true)
    return table


def tabulate_confusion(predictions: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Counts of true against predicted classes; no rows for a regression.

    Returns:
        First column ``true``, then one column a predicted class.
    """
    from sklearn.metrics import confusion_matrix

    if schema.task == "regression":
        return pd.DataFrame({"true": []})
    labels = list(schema.classes)
    counts = confusion_matrix(predictions["true"], predictions["predicted"], labels=labels)
    table = pd.DataFrame(counts, columns=[str(label) for label in labels])
    table.insert(0, "true", [str(label) for label in labels])
    return table


def tabulate_classes(predictions: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Precision, recall, F1 and number of rows of every class; no rows for a regression."""
    from sklearn.metrics import precision_recall_fscore_support

    columns = ["class", "precision", "recall", "f1", "support"]
    if schema.task == "regression":
        return pd.DataFrame(columns=columns)
    labels = list(schema.classes)
    figures = precision_recall_fscore_support(
        predictions["true"], predictions["predicted"], labels=labels, zero_division=0
    )
    return pd.DataFrame(
        dict(zip(columns, ([str(label) for label in labels], *figures), strict=True))
    )
