"""Validate the raw table, split its rows, and show what was understood."""

from kedro.pipeline import Node, Pipeline

from dnn_sweep.core.data.division import divide_rows
from dnn_sweep.core.data.sample import sample_rows
from dnn_sweep.core.data.summary import summarize_data
from dnn_sweep.core.missing import FOR_READERS
from dnn_sweep.core.reporting.data_summary import show_data_summary, write_data_summary
from dnn_sweep.pipelines.ingestion.nodes import validate_source


def create_pipeline() -> Pipeline:
    """Raw table in, raw rows of each split and a summary of the data out.

    >>> sorted(create_pipeline().inputs())
    ['params:budget.minutes', 'params:data', 'params:reports', 'params:split',
    'params:training.seeds', 'raw_table']
    """
    seen = ["train_rows", "validation_rows"]
    return Pipeline(
        [
            Node(
                validate_source,
                inputs=["raw_table", "params:data", "params:split"],
                outputs=["clean_table", "schema", "source"],
                name="validate_source",
            ),
            Node(
                divide_rows,
                inputs=[
                    "clean_table",
                    "schema",
                    "params:data",
                    "params:split",
                    # Not their whole groups: other parameters of these divide nothing.
                    "params:training.seeds",
                    "params:budget.minutes",
                ],
                outputs=[*seen, "test_rows", "split_ids", "folds"],
                name="divide_rows",
            ),
            Node(
                sample_rows,
                inputs=["train_rows", "schema"],
                outputs="data_sample",
                name="sample_rows",
                tags=FOR_READERS,
            ),
            Node(
                summarize_data,
                inputs=["source", "clean_table", "schema", *seen, "folds"],
                outputs="data_summary",
                name="summarize_data",
                tags=FOR_READERS,
            ),
            Node(
                write_data_summary,
                inputs="data_summary",
                outputs="data_summary_page",
                name="write_data_summary",
                tags=FOR_READERS,
            ),
            Node(
                show_data_summary,
                inputs=["data_summary", "params:reports"],
                outputs="data_summary_screen",
                name="show_data_summary",
                tags=FOR_READERS,
            ),
        ],
        tags="ingestion",
    )
