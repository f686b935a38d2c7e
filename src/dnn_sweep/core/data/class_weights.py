"""Per-class loss weights, from ``training.class_weight``."""

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.schema import Label, Schema
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import TrainingParameters

KEY = "training.class_weight"


def resolve_class_weight(
    training: TrainingParameters,
    schema: Schema,
    train_target: NDArray[np.generic],
    sample_weights: NDArray[np.float32] | None,
) -> tuple[float, ...] | None:
    """Determine the weight of each class.

    Args:
        training: Its ``class_weight``.
        schema: The task and the classes.
        train_target: Class positions of the training rows, shape ``(rows,)``.
        sample_weights: Per-row weights of the same shape; ``None`` for none.

    Returns:
        A factor for each class position; ``None`` where none are asked for.

    Raises:
        SweepError: If there are no classes, a label is not among them, or every training row
            would have weight 0.
    """
    asked = training.class_weight
    if not asked:
        return None
    if schema.task == "regression":
        raise SweepError(
            f"{KEY}: target {schema.target!r} is a number (task regression), which has no "
            "classes; leave it out, or weigh rows with data.sample_weight"
        )
    factors = (
        _balanced(schema, train_target) if asked == "balanced" else _by_label(dict(asked), schema)
    )
    rows = np.ones(len(train_target)) if sample_weights is None else sample_weights
    if not (np.asarray(factors, dtype=np.float32)[train_target.astype(np.int32)] * rows).any():
        raise SweepError(
            f"{KEY}: every training row would count 0, so there is nothing to learn from"
        )
    return factors


def _balanced(schema: Schema, train_target: NDArray[np.generic]) -> tuple[float, ...]:
    present = np.unique(train_target)
    weights = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=present, y=train_target
    )
    by_position = dict(zip(present.tolist(), weights.tolist(), strict=True))
    # A class without training rows has no balanced weight.
    return tuple(by_position.get(position, 1.0) for position in range(len(schema.classes)))


def _by_label(asked: dict[Label, float], schema: Schema) -> tuple[float, ...]:
    factors: dict[int, float] = {}
    for label, factor in asked.items():
        # On the command line every key is text.
        same = [i for i, each in enumerate(schema.classes) if label == each or label == str(each)]
        if not same:
            raise unknown_name(label, schema.classes, what="class", where=KEY)
        if same[0] in factors:
            raise SweepError(f"{KEY} names class {schema.classes[same[0]]!r} more than once")
        factors[same[0]] = factor
    return tuple(factors.get(position, 1.0) for position in range(len(schema.classes)))
