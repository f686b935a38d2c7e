"""Nodes of the ingestion pipeline."""

import pandas as pd

from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.data.source import Source, describe_source
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.parameters import DataParameters, SplitParameters


def validate_source(
    raw_table: pd.DataFrame, data: DataParameters, split: SplitParameters
) -> tuple[pd.DataFrame, Schema, Source]:
    """Validate a raw table and describe how it was read, in one node: the source is loaded once.

    Returns:
        The validated table, its schema, and the source with an entry for each column.

    >>> raw = pd.DataFrame({"age": [31, 42, 53, 64], "label": ["no", "yes", "no", "yes"]})
    >>> _, _, source = validate_source(raw, DataParameters(target="label"), SplitParameters())
    >>> [(each.name, each.kind) for each in source.columns]
    [('age', 'numeric'), ('label', 'target')]
    """
    table, schema = validate_table(raw_table, data, split)
    return table, schema, describe_source(raw_table, table, schema, data, split)
