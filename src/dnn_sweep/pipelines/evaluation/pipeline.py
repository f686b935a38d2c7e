"""Rank on the validation set; evaluate the champion on the test set exactly once."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.champion.choice import select_champion
from dnn_sweep.core.champion.evaluation import evaluate_champion, list_test_metrics
from dnn_sweep.core.champion.refit import plan_served, refit_networks
from dnn_sweep.core.champion.served_baseline import fit_served_baseline
from dnn_sweep.core.champion.spare_networks import choose_spare_networks
from dnn_sweep.core.comparison.baselines import fit_baselines
from dnn_sweep.core.comparison.importances import measure_importances
from dnn_sweep.core.comparison.leaderboard import measure_combinations, rank_combinations
from dnn_sweep.core.diagnosis.verdicts import add_verdicts, diagnose_combinations


def create_pipeline() -> Pipeline:
    """Trained trials in, leaderboard and the champion's metrics out."""
    trained = ["finals_plan", "trial_results"]
    seen = ["train_matrix", "validation_matrix"]
    rows = ["train_rows", "validation_rows"]
    served = ["served_preprocessor", "served_scaling"]
    scoring = ["target_scaling", "params:evaluation"]
    judged = ["fold_matrices", "objective"]
    diagnosed = ["fold_matrices", "seed_scores", "objective"]
    tables = ["confusion_matrix", "class_report", "test_predictions"]
    return Pipeline(
        [
            Node(
                fit_baselines,
                inputs=["finals_plan", *seen, "schema", "params:evaluation", *judged],
                outputs="baselines",
                name="fit_baselines",
            ),
            Node(
                rank_combinations,
                inputs=[*trained, *seen, *scoring, "baselines", "folds", "objective"],
                outputs=["ranking", "histories", "seed_scores", "comparison"],
                name="rank_combinations",
            ),
            Node(
                measure_importances,
                inputs=["search_plan", "search_record"],
                outputs=["search", "importances"],
                name="measure_importances",
            ),
            Node(
                diagnose_combinations,
                inputs=[*trained, "histories", *seen, "target_scaling", *diagnosed],
                outputs=["diagnostics", "verdicts"],
                name="diagnose_combinations",
            ),
            Node(
                add_verdicts,
                inputs=["ranking", "verdicts"],
                outputs="leaderboard",
                name="add_verdicts",
            ),
            Node(
                select_champion,
                inputs=[
                    "leaderboard",
                    *trained,
                    "validation_matrix",
                    *scoring,
                    "folds",
                    "objective",
                ],
                outputs="champion_trial",
                name="select_champion",
            ),
            Node(
                plan_served,
                inputs=[
                    "champion_trial",
                    *trained,
                    *rows,
                    "preprocessor",
                    "target_scaling",
                    "schema",
                    "params:scaling",
                    "params:registration",
                    "leaderboard",
                ],
                outputs=["served_plan", *served],
                name="plan_served",
            ),
            Node(
                choose_spare_networks,
                inputs=["leaderboard", "finals_plan", "served_plan", "params:sweep"],
                outputs="spare_networks",
                name="choose_spare_networks",
            ),
            Node(
                fit_served_baseline,
                inputs=[
                    "leaderboard",
                    "baselines",
                    "finals_plan",
                    *rows,
                    *served,
                    "schema",
                    "params:evaluation",
                    "params:registration",
                    "folds",
                ],
                outputs="served_baseline",
                name="fit_served_baseline",
            ),
            Node(
                refit_networks,
                inputs=[
                    "served_plan",
                    "trial_results",
                    *rows,
                    *served,
                    "schema",
                    "training_display",
                    "params:training",
                    "params:logs",
                    "folds",
                    "params:sweep",
                    "checkpoints",
                    "finals_plan",
                    "screening_plan",
                    "search_plan",
                ],
                outputs="refitted_trials",
                name="refit_networks",
            ),
            Node(
                evaluate_champion,
                inputs=[
                    "champion_trial",
                    "leaderboard",
                    "finals_plan",
                    "served_plan",
                    "refitted_trials",
                    "schema",
                    *seen,
                    "test_rows",
                    "target_scaling",
                    *served,
                    "params:evaluation",
                    "params:registration",
                    "folds",
                    "objective",
                    "served_baseline",
                ],
                outputs=["champion_evaluation", *tables],
                name="evaluate_champion",
            ),
            Node(
                list_test_metrics,
                inputs="champion_evaluation",
                outputs="served_metrics",
                name="list_test_metrics",
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
