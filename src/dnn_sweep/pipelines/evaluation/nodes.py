"""Nodes that rank the combinations and put the champion to the test."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.champion import choice
from dnn_sweep.core.champion import evaluation as champion_metrics
from dnn_sweep.core.champion.record import ChampionEvaluation, SplitSizes
from dnn_sweep.core.comparison import leaderboard, scores
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.comparison.summary import describe_comparison
from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters


def rank_combinations(
    trial_plan: TrialPlan,
    trial_results: Mapping[str, TrialResult],
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    evaluation: EvaluationParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Comparison]:
    """Compare the combinations on the validation rows.

    Returns:
        The leaderboard, every trial's history, every trial's score, and what the comparison
        rests on and supports.
    """
    sweep = scores.score_combinations(
        trial_plan,
        trial_results,
        train_matrix[TARGET].to_numpy(),
        validation_matrix[TARGET].to_numpy(),
        target_scaling,
    )
    ranked = leaderboard.rank_combinations(sweep, evaluation)
    return (
        ranked,
        leaderboard.collect_histories(trial_plan, trial_results),
        sweep.tabulate_seeds(),
        describe_comparison(sweep, ranked, evaluation),
    )


def select_champion(
    leaderboard_table: pd.DataFrame,
    trial_plan: TrialPlan,
    trial_results: Mapping[str, TrialResult],
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    evaluation: EvaluationParameters,
) -> Trial:
    """The chosen combination's best trial; the test rows have no part in it."""
    return choice.select_champion(
        leaderboard_table,
        trial_plan,
        trial_results,
        validation_matrix[TARGET].to_numpy(),
        target_scaling,
        evaluation,
    )


def evaluate_champion(
    champion_trial: Trial,
    trial_results: Mapping[str, TrialResult],
    leaderboard_table: pd.DataFrame,
    trial_plan: TrialPlan,
    schema: Schema,
    target_scaling: TargetScaling,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    test_matrix: pd.DataFrame,
    evaluation: EvaluationParameters,
) -> tuple[ChampionEvaluation, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The one time that a network meets the test rows.

    Returns:
        The champion's description with its metrics, the confusion matrix, the per-class report
        and the predictions on the test rows.
    """
    from dnn_sweep.core.networks.build import network_outputs

    result = trial_results[champion_trial.id]
    features, test_target = features_and_target(test_matrix)
    outputs = network_outputs(result.load_network(), features)
    validation_target = validation_matrix[TARGET].to_numpy()
    seeds = tuple(dict.fromkeys(trial.seed for trial in trial_plan.trials))
    tied = leaderboard_table[leaderboard_table["tied_with_best"]]["combination"]
    description = ChampionEvaluation(
        combination=champion_trial.combination,
        activation=champion_trial.activation,
        optimizer=champion_trial.optimizer,
        learning_rate=champion_trial.learning_rate,
        batch_size=champion_trial.batch_size,
        dropout=champion_trial.dropout,
        kernel_initializer=champion_trial.kernel_initializer,
        seed=champion_trial.seed,
        epochs=champion_trial.epochs,
        best_epoch=result.best_epoch,
        trial_id=champion_trial.id,
        engine=result.engine,
        task=schema.task,
        objective=objective_of(schema.task).validation_metric,
        validation=champion_metrics.measure(
            result.outputs, validation_target, schema, target_scaling, evaluation
        ),
        test=champion_metrics.measure(outputs, test_target, schema, target_scaling, evaluation),
        rows=SplitSizes(
            train=len(train_matrix), validation=len(validation_matrix), test=len(test_matrix)
        ),
        confidence=evaluation.confidence,
        resamples=evaluation.resamples,
        chosen_by=evaluation.champion,
        tied_with=tuple(name for name in tied if name != champion_trial.combination),
        combinations=len(leaderboard_table),
        trials=len(trial_plan.trials),
        seeds=seeds,
        diverged_trials=int(leaderboard_table["diverged"].sum()),
    )
    predictions = champion_metrics.tabulate_predictions(
        outputs, test_target, test_matrix.index, schema, target_scaling
    )
    return (
        description,
        champion_metrics.tabulate_confusion(predictions, schema),
        champion_metrics.tabulate_classes(predictions, schema),
        predictions,
    )


def measure_combinations(leaderboard_table: pd.DataFrame) -> pd.DataFrame:
    """What the comparison says of each combination in numbers, for its run in MLflow."""
    factors = ["activation", "optimizer", "learning_rate", "batch_size", "dropout"]
    measured = leaderboard_table.drop(columns=[*factors, "kernel_initializer", "engine"])
    numbers = measured.select_dtypes(["number", "bool"]).columns
    return measured[["combination", *numbers]]
