"""From the grid to trials."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.missing import FOR_READERS
from dnn_sweep.core.plan.checks import check_networks
from dnn_sweep.core.plan.learning_rates import plan_screening
from dnn_sweep.core.plan.objective import resolve_objective
from dnn_sweep.core.plan.planner import plan_trials
from dnn_sweep.core.plan.search_plan import plan_search
from dnn_sweep.parameters import Configuration
from dnn_sweep.pipelines.model_building.nodes import draw_networks, summarize_networks


def create_pipeline() -> Pipeline:
    """Scaled rows and the grid in, the plan of trials and pictures of the networks out."""
    settings = ["params:network", "params:grid", "params:training", "params:callbacks"]
    planned = ["schema", "train_matrix", "validation_matrix", *settings]
    folds = ["fold_matrices", "params:split"]
    return Pipeline(
        [
            Node(
                Configuration,
                inputs={group: f"params:{group}" for group in Configuration.model_fields},
                outputs="configuration",
                name="record_configuration",
            ),
            # Needs no scaled rows, so that Kedro runs it before they are scaled.
            Node(
                check_networks,
                inputs=["clean_table", "schema", *settings],
                outputs=None,
                name="check_networks",
            ),
            Node(
                resolve_objective,
                inputs=["schema", "train_rows", "validation_rows", "params:evaluation"],
                outputs="objective",
                name="resolve_objective",
            ),
            Node(
                plan_trials,
                inputs=[*planned, *folds, "objective", "target_scaling"],
                outputs="trial_plan",
                name="plan_trials",
            ),
            Node(
                plan_screening,
                inputs=[*planned, "params:screening", *folds, "objective", "target_scaling"],
                outputs="screening_plan",
                name="plan_screening",
            ),
            Node(
                plan_search,
                inputs=[
                    "trial_plan",
                    "schema",
                    "train_matrix",
                    "validation_matrix",
                    *settings[:3],
                    "params:search",
                    *folds,
                ],
                outputs="search_plan",
                name="plan_search",
            ),
            Node(summarize_networks, "trial_plan", "network_summaries", name="summarize_networks"),
            Node(
                draw_networks,
                inputs="trial_plan",
                outputs="network_diagrams",
                name="draw_networks",
                tags=FOR_READERS,
            ),
        ],
        tags="model_building",
    )
