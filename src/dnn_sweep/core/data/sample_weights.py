"""Per-row loss weights, read from a column of the table."""

import numpy as np
import pandas as pd

from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError

KEY = "data.sample_weight"


def read_weights(column: pd.Series) -> pd.Series:
    """Convert and check a column of weights.

    Args:
        column: As it was read.

    Returns:
        The weights, float64, every one finite (in float32 too) and 0 or more.

    Raises:
        SweepError: If a row holds anything else; names column and row.
    """
    if pd.api.types.is_bool_dtype(column):
        raise SweepError(f"{KEY}: column {column.name!r} holds true and false; write 1 and 0")
    weights = pd.to_numeric(column, errors="coerce").astype("float64")
    largest = float(np.finfo(np.float32).max)
    if (wrong := ~weights.between(0, largest)).any():  # false for a gap, too
        at = int(wrong.to_numpy().argmax())
        raise SweepError(
            f"{KEY}: column {column.name!r}, row {column.index[at]}: {column.tolist()[at]!r} "
            f"where a weight is expected, a number from 0 to {largest:.1e}"
        )
    return weights


def check_training_weights(train: pd.DataFrame, schema: Schema) -> None:
    """Raise a ``SweepError`` where every training row has weight 0."""
    if schema.sample_weight and not train[schema.sample_weight].astype("float32").any():
        raise SweepError(
            f"{KEY}: column {schema.sample_weight!r} is 0 in all {len(train)} training rows, "
            "so there is nothing to learn from"
        )
