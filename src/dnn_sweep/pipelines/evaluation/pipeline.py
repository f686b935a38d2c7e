"""Rank on the validation rows; test the champion, once."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.pipelines.evaluation.diagnosis import diagnose_combinations
from dnn_sweep.pipelines.evaluation.nodes import (
    evaluate_champion,
    measure_combinations,
    rank_combinations,
    select_champion,
)


def create_pipeline() -> Pipeline:
    """Trained trials in, leaderboard and the champion's metrics out."""
    return Pipeline(
        [
            Node(
                rank_combinations,
                inputs=[
                    "finals_plan",
                    "trial_results",
                    "train_matrix",
                    "validation_matrix",
                    "target_scaling",
                    "params:evaluation",
                ],
                outputs=["leaderboard", "histories", "seed_scores", "comparison"],
                name="rank_combinations",
            ),
            Node(
                diagnose_combinations,
                inputs=[
                    "finals_plan",
                    "trial_results",
                    "histories",
                    "train_matrix",
                    "validation_matrix",
                    "target_scaling",
                ],
                outputs=["diagnostics", "verdicts"],
                name="diagnose_combinations",
            ),
            Node(
                select_champion,
                inputs=[
                    "leaderboard",
                    "finals_plan",
                    "trial_results",
                    "validation_matrix",
                    "target_scaling",
                    "params:evaluation",
                ],
                outputs="champion_trial",
                name="select_champion",
            ),
            Node(
                evaluate_champion,
                inputs=[
                    "champion_trial",
                    "trial_results",
                    "leaderboard",
                    "finals_plan",
                    "schema",
                    "target_scaling",
                    "train_matrix",
                    "validation_matrix",
                    "test_matrix",
                    "params:evaluation",
                ],
                outputs=[
                    "champion_evaluation",
                    "confusion_matrix",
                    "class_report",
                    "test_predictions",
                ],
                name="evaluate_champion",
            ),
            Node(
                measure_combinations,
                inputs="leaderboard",
                outputs="combination_metrics",
                name="measure_combinations",
            ),
        ],
        tags="evaluation",
    )
