"""Fit the preprocessing on the training rows and apply it to every split."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.data.folds import scale_folds
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows


def create_pipeline() -> Pipeline:
    """Raw rows in, matrices of numbers out."""
    return Pipeline(
        [
            Node(
                fit_preprocessor,
                inputs=["train_rows", "schema", "params:scaling"],
                outputs=["preprocessor", "target_scaling"],
                name="fit_preprocessor",
            ),
            *(
                Node(
                    scale_rows,
                    inputs=[f"{split}_rows", "preprocessor", "target_scaling", "schema"],
                    outputs=f"{split}_matrix",
                    name=f"scale_{split}_rows",
                )
                for split in ("train", "validation", "test")
            ),
            Node(
                scale_folds,
                inputs=["train_rows", "folds", "preprocessor", "schema", "params:scaling"],
                outputs="fold_matrices",
                name="scale_folds",
            ),
        ],
        tags="scaling",
    )
