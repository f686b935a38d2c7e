"""Package the champion, compare it with the holder of the alias, register it."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.champion.gate import compare_with_holder
from dnn_sweep.core.champion.package import describe_champion, package_champion


def create_pipeline() -> Pipeline:
    """The champion in, its registered version and its record out."""
    chosen = ["champion_trial", "served_plan", "refitted_trials", "champion_evaluation"]
    fitted = ["served_preprocessor", "schema", "served_scaling"]
    seen = ["train_rows", "validation_rows"]
    return Pipeline(
        [
            Node(
                package_champion,
                inputs=[*chosen, *fitted, *seen, "served_baseline"],
                outputs="champion_package",
                name="package_champion",
            ),
            Node(
                compare_with_holder,
                inputs=[
                    "champion_package",
                    "champion_holder",
                    "registered_packages",
                    "test_rows",
                    "test_predictions",
                    "params:registration",
                ],
                outputs="registered_model",
                name="compare_with_holder",
            ),
            Node(
                describe_champion,
                inputs=["champion_evaluation", "registered_model"],
                outputs="champion",
                name="describe_champion",
            ),
        ],
        tags="registration",
    )
