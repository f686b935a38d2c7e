"""Bring MLflow up to date with what the last sweep has left on the disk; train nothing."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.pipelines.tracking.nodes import (
    list_recalled_metrics,
    measure_recalled,
    recall_finals,
    report_trials,
)


def create_pipeline() -> Pipeline:
    """Plans, trained trials and results in, MLflow's runs out."""
    plans = ["trial_plan", "screening_plan", "finished_trials", "configuration"]
    recorded = ["recorded_leaderboard", "recorded_evaluation"]
    rows = ["validation_matrix", "target_scaling", "folds", "objective", "earlier_rounds"]
    return Pipeline(
        [
            Node(
                recall_finals,
                inputs=[*plans, *rows],
                outputs="recalled_plan",
                name="recall_finals",
            ),
            Node(
                report_trials,
                inputs=["recalled_plan", "finished_trials"],
                outputs="trial_runs",
                name="report_trials",
            ),
            Node(
                measure_recalled,
                inputs=["recalled_plan", recorded[0], "objective"],
                outputs="combination_metrics",
                name="measure_recalled",
            ),
            Node(
                list_recalled_metrics,
                inputs=["recalled_plan", *recorded, "objective"],
                outputs="served_metrics",
                name="list_recalled_metrics",
            ),
        ],
        tags="tracking",
    )
