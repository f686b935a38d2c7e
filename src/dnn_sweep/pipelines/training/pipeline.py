"""Train every trial of the plan."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.training.screening import choose_learning_rates
from dnn_sweep.core.training.sweep import train_trials


def create_pipeline() -> Pipeline:
    """Plan and scaled rows in, trained trials out, one by one."""
    plans = ["trial_plan", "screening_plan"]
    rows = ["train_matrix", "validation_matrix", "target_scaling"]
    judged = ["folds", "objective"]
    settings = ["params:training", "params:screening", "params:logs"]
    return Pipeline(
        [
            Node(
                train_trials,
                inputs=[
                    *plans,
                    "finished_trials",
                    *rows,
                    "training_display",
                    *settings,
                    "fold_matrices",
                    *judged,
                    "params:budget",
                    "earlier_rounds",
                    "stage_clock",
                    "params:sweep",
                    "checkpoints",
                    "search_plan",
                    "params:executor",
                ],
                # Saved in this order: on the disk first, then in MLflow.
                outputs=["trial_results", "trial_runs", "rounds", "search_record"],
                name="train_trials",
            ),
            Node(
                choose_learning_rates,
                inputs=[
                    *plans,
                    "trial_results",
                    "params:screening",
                    *rows[1:],
                    *judged,
                    "rounds",
                    "search_plan",
                    "search_record",
                ],
                outputs=["finals_plan", "screening"],
                name="choose_learning_rates",
            ),
        ],
        tags="training",
    )
