"""Nodes that check a raw table and divide its rows."""

import pandas as pd

from dnn_sweep.core.data import splitting, validation
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.parameters import DataParameters, SplitParameters


def validate_table(
    raw_table: pd.DataFrame, data: DataParameters, split: SplitParameters
) -> tuple[pd.DataFrame, Schema]:
    """Draw ``data.max_rows`` rows, check them and learn their schema."""
    return validation.validate_table(splitting.draw_rows(raw_table, data, split), data)


def split_rows(
    clean_table: pd.DataFrame, schema: Schema, data: DataParameters, split: SplitParameters
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Divide rows into training, validation and test, and list who is where."""
    return splitting.split_rows(clean_table, schema, data, split)
