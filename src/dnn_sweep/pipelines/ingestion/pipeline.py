"""Validate the raw table and split its rows."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.data.folds import assign_folds
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.data.validation import validate_table


def create_pipeline() -> Pipeline:
    """Raw table in, raw rows of each split out.

    >>> sorted(create_pipeline().inputs())
    ['params:data', 'params:split', 'raw_table']
    """
    return Pipeline(
        [
            Node(
                validate_table,
                inputs=["raw_table", "params:data", "params:split"],
                outputs=["clean_table", "schema"],
                name="validate_table",
            ),
            Node(
                split_rows,
                inputs=["clean_table", "schema", "params:data", "params:split"],
                outputs=["train_rows", "validation_rows", "test_rows", "split_ids"],
                name="split_rows",
            ),
            Node(
                assign_folds,
                inputs=["train_rows", "schema", "params:data", "params:split"],
                outputs="folds",
                name="assign_folds",
            ),
        ],
        tags="ingestion",
    )
