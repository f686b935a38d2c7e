"""Bring MLflow up to date with what the last sweep has left on the disk; train nothing."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.pipelines.tracking.nodes import recall_finals, report_sweep


def create_pipeline() -> Pipeline:
    """Plans, trained trials and results in, MLflow's runs out."""
    plans = ["trial_plan", "screening_plan", "finished_trials", "configuration"]
    recorded = ["recorded_leaderboard", "recorded_evaluation", "recorded_card"]
    rows = ["validation_matrix", "target_scaling", "folds", "objective", "earlier_rounds"]
    rows += ["search_plan", "recorded_search"]
    return Pipeline(
        [
            Node(
                recall_finals,
                inputs=[*plans, *rows],
                outputs="recalled_plan",
                name="recall_finals",
            ),
            Node(
                report_sweep,
                inputs=["recalled_plan", "finished_trials", "objective", *recorded],
                # Saved in this order: a combination's figures need its run.
                outputs=[
                    "trial_runs",
                    "combination_metrics",
                    "served_metrics",
                    "sweep_description",
                ],
                name="report_sweep",
            ),
        ],
        tags="tracking",
    )
