"""Train every trial of the plan."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.pipelines.training.nodes import (
    choose_learning_rates,
    record_revision,
    train_trials,
)


def create_pipeline() -> Pipeline:
    """The plan and scaled rows in, trained trials out, one by one."""
    return Pipeline(
        [
            Node(
                record_revision,
                inputs="revision",
                outputs="revision_tags",
                name="record_revision",
            ),
            Node(
                train_trials,
                inputs=[
                    "trial_plan",
                    "screening_plan",
                    "finished_trials",
                    "train_matrix",
                    "validation_matrix",
                    "target_scaling",
                    "training_display",
                    "params:training",
                    "params:screening",
                    "params:logs",
                ],
                # Saved in this order: a trial is on the disk before MLflow hears of it.
                outputs=["trial_results", "trial_runs"],
                name="train_trials",
            ),
            Node(
                choose_learning_rates,
                inputs=["trial_plan", "screening_plan", "trial_results", "params:screening"],
                outputs=["finals_plan", "screening"],
                name="choose_learning_rates",
            ),
        ],
        tags="training",
    )
