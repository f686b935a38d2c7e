"""Loss weights: per row, from a column of the table; per class, from ``training.class_weight``."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.columns import refuse_where
from dnn_sweep.core.data.schema import Label, Schema
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import TrainingParameters

ROWS = "data.sample_weight"
CLASSES = "training.class_weight"


def read_weights(column: pd.Series) -> pd.Series:
    """Convert a column of row weights to float64 and check that float32 can hold each."""
    if pd.api.types.is_bool_dtype(column):
        raise SweepError(f"{ROWS}: column {column.name!r} holds true and false; write 1 and 0")
    weights = pd.to_numeric(column, errors="coerce").astype("float64")
    largest = float(np.finfo(np.float32).max)
    refuse_where(
        ~weights.between(0, largest),  # false for a gap, too
        column,
        f"where a weight is expected, a number from 0 to {largest:.1e}",
        what=f"{ROWS}: column",
    )
    return weights


def check_training_weights(train: pd.DataFrame, schema: Schema) -> None:
    """Raise a ``SweepError`` where every training row has weight 0."""
    if schema.sample_weight and not train[schema.sample_weight].astype("float32").any():
        raise SweepError(
            f"{ROWS}: column {schema.sample_weight!r} is 0 in all {len(train)} training rows, "
            "so there is nothing to learn from"
        )


def resolve_class_weight(
    training: TrainingParameters,
    schema: Schema,
    train_target: NDArray[np.generic],
    sample_weights: NDArray[np.float32] | None,
) -> tuple[float, ...] | None:
    """Determine the weight of each class, by its position; ``None`` where none are asked for.

    ``train_target`` holds class positions; it and ``sample_weights`` have the shape ``(rows,)``.

    Raises:
        SweepError: If there are no classes, a label is not among them, or every training row
            would have weight 0.
    """
    asked = training.class_weight
    if not asked:
        return None
    if schema.task == "regression":
        raise SweepError(
            f"{CLASSES}: target {schema.target!r} is a number (task regression), which has no "
            "classes; leave it out, or weigh rows with data.sample_weight"
        )
    factors = np.ones(len(schema.classes))
    if asked == "balanced":
        present = np.unique(train_target)  # a class without training rows has no balanced weight
        factors[present.astype(int)] = sklearn.utils.class_weight.compute_class_weight(
            "balanced", classes=present, y=train_target
        )
    else:
        named = [_position_of(label, schema) for label in asked]
        if twice := [each for i, each in enumerate(named) if each in named[:i]]:
            raise SweepError(f"{CLASSES} names class {schema.classes[twice[0]]!r} more than once")
        factors[named] = list(asked.values())
    rows = 1 if sample_weights is None else sample_weights
    if not (factors.astype(np.float32)[train_target.astype(int)] * rows).any():
        raise SweepError(
            f"{CLASSES}: every training row would count 0, so there is nothing to learn from"
        )
    return tuple(factors.tolist())


def _position_of(label: Label, schema: Schema) -> int:
    for position, each in enumerate(schema.classes):
        if label in (each, str(each)):  # on the command line every key is text
            return position
    raise unknown_name(label, schema.classes, what="class", where=CLASSES)
