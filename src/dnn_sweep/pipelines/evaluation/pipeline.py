"""Rank on the validation set; evaluate the champion on the test set exactly once."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.champion.choice import select_champion
from dnn_sweep.core.champion.evaluation import evaluate_champion
from dnn_sweep.core.champion.refit import train_refit
from dnn_sweep.core.comparison.leaderboard import measure_combinations, rank_combinations
from dnn_sweep.core.diagnosis.verdicts import diagnose_combinations


def create_pipeline() -> Pipeline:
    """Trained trials in, leaderboard and the champion's metrics out."""
    trained = ["finals_plan", "trial_results"]
    seen = ["train_matrix", "validation_matrix"]
    chosen = ["champion_trial", "leaderboard"]
    scoring = ["target_scaling", "params:evaluation"]
    rows = ["train_matrix", "target_scaling", "folds"]
    tables = ["confusion_matrix", "class_report", "test_predictions"]
    return Pipeline(
        [
            Node(
                rank_combinations,
                inputs=[*trained, *seen, *scoring, "folds"],
                outputs=["leaderboard", "histories", "seed_scores", "comparison"],
                name="rank_combinations",
            ),
            Node(
                diagnose_combinations,
                inputs=[*trained, "histories", *seen, "target_scaling"],
                outputs=["diagnostics", "verdicts"],
                name="diagnose_combinations",
            ),
            Node(
                select_champion,
                inputs=["leaderboard", *trained, "validation_matrix", *scoring, "folds"],
                outputs="champion_trial",
                name="select_champion",
            ),
            Node(
                train_refit,
                inputs=["champion_trial", *trained, *rows, "params:logs"],
                outputs="champion_results",
                name="train_refit",
            ),
            Node(
                evaluate_champion,
                inputs=[
                    *chosen,
                    "finals_plan",
                    "champion_results",
                    "schema",
                    *seen,
                    "test_matrix",
                    *scoring,
                    "folds",
                ],
                outputs=["champion_evaluation", *tables],
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
