"""Rank on the validation set; evaluate the champion on the test set exactly once."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.champion.choice import select_champion
from dnn_sweep.core.champion.evaluation import evaluate_champion
from dnn_sweep.core.comparison.baselines import fit_baselines
from dnn_sweep.core.comparison.leaderboard import measure_combinations, rank_combinations
from dnn_sweep.core.diagnosis.verdicts import diagnose_combinations


def create_pipeline() -> Pipeline:
    """Trained trials in, leaderboard and the champion's metrics out."""
    trained = ["finals_plan", "trial_results"]
    seen = ["train_matrix", "validation_matrix"]
    chosen = ["champion_trial", "leaderboard"]
    scoring = ["target_scaling", "params:evaluation"]
    tables = ["confusion_matrix", "class_report", "test_predictions"]
    return Pipeline(
        [
            Node(
                fit_baselines,
                inputs=["finals_plan", *seen, "schema", "params:evaluation"],
                outputs="baselines",
                name="fit_baselines",
            ),
            Node(
                rank_combinations,
                inputs=[*trained, *seen, *scoring, "baselines"],
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
                inputs=["leaderboard", *trained, "validation_matrix", *scoring],
                outputs="champion_trial",
                name="select_champion",
            ),
            Node(
                evaluate_champion,
                inputs=[*chosen, *trained, "schema", *seen, "test_matrix", *scoring],
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
