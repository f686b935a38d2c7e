"""Score a file with the registered champion."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.champion.scoring import score_rows


def create_pipeline() -> Pipeline:
    """Raw rows in, predictions out."""
    return Pipeline(
        [
            Node(
                score_rows,
                inputs=["inference_rows", "scoring_model", "params:inference"],
                outputs=["predictions", "inference_summary"],
                name="score_rows",
            ),
        ],
        tags="inference",
    )
