"""The metrics and predictions of what is served, on rows it was not trained on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.metrics import classification_metrics, regression_metrics
from dnn_sweep.core.champion.record import ChampionEvaluation, Served, SplitSizes
from dnn_sweep.core.champion.served import ServedNetworks, mean_outputs
from dnn_sweep.core.champion.served_baseline import NO_BASELINE, ServedBaseline
from dnn_sweep.core.champion.threshold import choose_threshold
from dnn_sweep.core.comparison.intervals import MetricEstimate, mean_interval
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.comparison.scores import (
    FACTORS,
    has_own_folds,
    replicate_outputs,
    replicates_of,
    results_by_seed,
    results_of,
    trials_of,
)
from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.folds import count_folds
from dnn_sweep.core.data.predictions import (
    HALF,
    build_scorer,
    decode_outputs,
    tabulate_outputs,
    target_values,
)
from dnn_sweep.core.data.preprocessing import TARGET, numbered_groups, scale_rows
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.core.objectives import Objective, named_objective, objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.scorer import Predictions, Scorer
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters, RegistrationParameters


def evaluate_champion(
    trial: Trial,
    leaderboard: pd.DataFrame,
    plan: TrialPlan,
    served_plan: TrialPlan,
    results: Mapping[str, TrialResult],
    schema: Schema,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    test_rows: pd.DataFrame,
    target_scaling: TargetScaling,
    served_preprocessor: Any,
    served_scaling: TargetScaling,
    evaluation: EvaluationParameters,
    registration: RegistrationParameters,
    folds: pd.DataFrame | None = None,
    objective: Objective | None = None,
    baseline: ServedBaseline = NO_BASELINE,
) -> tuple[ChampionEvaluation, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Evaluate what is served on the test set, exactly once.

    ``trial`` is the best one of the chosen combination, ``plan`` the finals, ``served_plan`` the
    trials whose networks are served. The matrices and ``target_scaling`` are the finals'; the raw
    ``test_rows`` are scaled as the served networks need it. With ``folds`` the validation figures
    are of the networks of the folds, each on rows that it was not trained on. Without an
    ``objective``, that of the task counts. A ``baseline`` that is served is evaluated in place of
    the networks; its validation figures are those of the leaderboard.

    Returns:
        The champion's metrics, and its confusion matrix, class report (:func:`tabulate_classes`)
        and predictions (:func:`tabulate_predictions`) on the test set.

    >>> trained = champion_trial, leaderboard, finals_plan, served_plan, refitted_trials, schema
    >>> rows = train_matrix, validation_matrix, test_rows
    >>> fitted = target_scaling, served_preprocessor, served_scaling
    >>> measured, *_ = evaluate_champion(*trained, *rows, *fitted, evaluation, registration)
    >>> list(measured.test)
    ['accuracy', 'macro_f1', 'log_loss', 'calibration_error']
    """
    objective = objective or objective_of(schema.task)
    test_matrix = scale_rows(test_rows, served_preprocessor, served_scaling, schema)
    features, test_target = features_and_target(test_matrix)
    true = validation_matrix[TARGET].to_numpy()
    replicates = results_of(trial.combination, trials_of(plan)[trial.combination], results)
    if baseline.validated is not None:
        outputs, validated = baseline.outputs(features, schema), baseline.validated
        described = {"seeds": (), "trial_ids": (), "weights": 0}
        served = Served(method="baseline", baseline=baseline.name, **described)
    else:
        networks = ServedNetworks.of(served_plan, results)
        network = networks.load_network()
        outputs = network_outputs(network, features)
        served = _describe_served(networks, replicates, network.count_params(), registration)
        validated = _validated_outputs(replicates, served.seeds, folds)
    # With folds and a baseline, the combination has no network on all rows.
    result = results.get(trial.id) or replicates[0]
    threshold = choose_threshold(validated, true, schema, registration)
    ranked = combinations_of(leaderboard)
    tied = ranked.loc[ranked["tied_with_best"], "combination"]
    fewest, most = int(ranked["seeds"].min()), int(ranked["seeds"].max())
    champion = ChampionEvaluation(
        **{name: getattr(trial, name) for name in ("combination", *FACTORS, "seed")},
        epochs=max(each.epochs for each in plan.trials),  # a network on all rows may have fewer
        best_epoch=result.best_epoch,
        trial_id=trial.id,
        engine=result.engine,
        served=served,
        task=schema.task,
        objective=objective.validation_metric,
        ranked_by=objective,
        validation=measure(
            validated,
            true,
            schema,
            target_scaling,
            evaluation,
            objective,
            threshold,
            numbered_groups(validation_matrix),
        ),
        test=measure(
            outputs,
            test_target,
            schema,
            served_scaling,
            evaluation,
            objective,
            threshold,
            numbered_groups(test_matrix),
        ),
        threshold=threshold,
        rows=SplitSizes(
            train=len(train_matrix),
            validation=len(true),
            test=len(test_matrix),
            folds=count_folds(folds),
            one_seed_per_fold=has_own_folds(plan.trials),
        ),
        confidence=evaluation.confidence,
        resamples=evaluation.resamples,
        chosen_by=evaluation.champion,
        tied_with=tuple(name for name in tied if name != trial.combination),
        combinations=len(ranked),
        trials=len(plan.trials),
        seeds=tuple(dict.fromkeys(each.seed for each in plan.trials)),
        fewest_seeds=fewest if fewest < most else None,
        diverged_trials=int(ranked["diverged"].sum()),
    )
    index = test_matrix.index
    given = outputs, test_target, index, schema, served_scaling
    predictions = tabulate_predictions(*given, threshold)
    return champion, *tabulate_classes(predictions, schema), predictions


@dataclass(frozen=True)
class ServedMetrics:
    """What is served, and its metrics on the test set.

    Args:
        winner: The combination or the baseline.
        served: What is served of it, in a phrase.
        metric: The metric that ranks.
        score: Its value on the test set.
        metrics: All of them as ``test_<metric>``; empty where nothing was evaluated.
    """

    winner: str = ""
    served: str = ""
    metric: str = ""
    score: float = math.nan
    metrics: dict[str, float] = field(default_factory=dict)


def list_test_metrics(champion: ChampionEvaluation) -> ServedMetrics:
    """List what is served's metrics on the test set as ``test_<metric>``.

    >>> list_test_metrics(champion_evaluation).winner
    'relu + adam'
    >>> list(list_test_metrics(champion_evaluation).metrics)[:2]
    ['test_accuracy', 'test_macro_f1']
    """
    metrics = {f"test_{name}": estimate.value for name, estimate in champion.test.items()}
    ranks = champion.metric.metric
    score = champion.test[ranks].value
    return ServedMetrics(champion.name, champion.what_is_served, ranks, score, metrics)


def _validated_outputs(
    results: Sequence[TrialResult], seeds: Sequence[int], folds: pd.DataFrame | None
) -> NDArray[np.float32]:
    """Mean outputs on the validation rows of the networks with the seeds that are served.

    Where each fold has a seed of its own, those of all seeds. If that of one diverged, the rows of
    the fold have the mean of other repeats, or else that of the other rows' outputs, which says
    nothing about them.
    """
    apart = has_own_folds([each.trial for each in results])
    some = [each for each in results if apart or each.trial.seed in seeds]
    outputs = np.array([replicate_outputs(own, folds) for own in replicates_of(some, folds)])
    lacking = np.isnan(outputs)
    if not lacking.any():
        return mean_outputs(list(outputs))
    found = (~lacking).sum(axis=0)  # in how many repeats a row is predicted
    mean = np.nansum(outputs, axis=0) / np.maximum(found, 1)
    return np.asarray(np.where(found, mean, np.nanmean(outputs, axis=(0, 1))), np.float32)


def _describe_served(
    networks: ServedNetworks,
    replicates: Sequence[TrialResult],
    weights: int,
    registration: RegistrationParameters,
) -> Served:
    method, seeds = registration.champion, networks.seeds
    method = "ensemble" if method == "baseline" else method  # none was better
    wanted = [] if method == "best_seed" else list(results_by_seed(replicates))
    first, finals = networks.members[0].trial, {each.trial.id for each in replicates}
    return Served(
        method=method,
        seeds=seeds,
        diverged_seeds=tuple(seed for seed in wanted if seed not in seeds),
        trial_ids=tuple(each.trial.id for each in networks.members),
        epochs=None if first.id in finals else first.epochs,
        weights=weights,
    )


def measure(
    outputs: NDArray[np.float32],
    target: NDArray[np.generic],
    schema: Schema,
    scaling: TargetScaling,
    evaluation: EvaluationParameters,
    objective: Objective | None = None,
    threshold: float = HALF,
    groups: NDArray[np.int64] | None = None,
) -> dict[str, MetricEstimate]:
    """Metrics of a network's outputs by name, with intervals; the calibration error has none.

    The objective comes first, that of the task by default. Where rows belong together, ``groups``
    numbers the group of each, and chance is in the draw of groups.
    """
    objective = objective or objective_of(schema.task)
    predicted = decode_outputs(outputs, schema.task, scaling, threshold)
    if predicted.probabilities is None:
        numbers = predicted.values.astype(np.float64)
        found = regression_metrics(target_values(target, scaling), numbers, evaluation)
    else:
        given = predicted.probabilities, evaluation, predicted.values
        found = classification_metrics(target.astype(np.int32), *given)
    metric = objective.metric
    again = {} if metric in found else {metric: objective}
    if groups is not None:  # the intervals above take each row for independent
        bounded = (name for name, each in found.items() if each.ci_low is not None)
        again |= {name: named_objective(name, schema.task) for name in bounded}
    for name, each in again.items():
        scorer = build_scorer(each, schema.task, outputs.shape[1], target, scaling, groups)
        found[name] = estimate_metric(scorer, predicted, evaluation.confidence)
    return {metric: found.pop(metric), **found}


def estimate_metric(scorer: Scorer, predictions: Predictions, confidence: float) -> MetricEstimate:
    """A metric of one model's predictions with its interval, which is over the rows."""
    scores = scorer.row_scores(predictions)[np.newaxis, np.newaxis]
    scale, most = scorer.objective.scale, scorer.independent_rows
    low, high = mean_interval(scores, confidence, scale, most)
    return MetricEstimate(value=scores.mean(), ci_low=low[0], ci_high=high[0])


def tabulate_predictions(
    outputs: NDArray[np.float32],
    target: NDArray[np.generic],
    row_ids: pd.Index,
    schema: Schema,
    scaling: TargetScaling,
    threshold: float = HALF,
) -> pd.DataFrame:
    """``row_id``, ``true``, ``predicted``, and for classes ``probability_<class>`` of each row."""
    table = tabulate_outputs(outputs, schema, scaling, threshold)
    table = table.rename(columns={"prediction": "predicted"})
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
