"""Nodes that fit the scaling on the training rows and apply it to all.

The fitted transformer is annotated ``Any``: Kedro resolves a node's annotations to build its
parameters, so each must be importable without importing scikit-learn.
"""

from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.data import preprocessing
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.parameters import ScalingParameters


def fit_preprocessor(
    train_rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters
) -> tuple[Any, TargetScaling]:
    """Fit imputation, scaling, encoding and the target's unit on the training rows."""
    return (
        preprocessing.fit_column_transformer(train_rows, schema, scaling),
        preprocessing.fit_target_scaling(train_rows, schema, scaling),
    )


def scale_rows(
    rows: pd.DataFrame,
    preprocessor: Any,
    target_scaling: TargetScaling,
    schema: Schema,
) -> pd.DataFrame:
    """Scale a split's features, encode its target and keep its weights."""
    matrix = preprocessing.scale_features(rows, preprocessor, schema)
    matrix[preprocessing.TARGET] = preprocessing.encode_target(
        rows[schema.target], schema, target_scaling
    )
    if schema.sample_weight:
        weights = rows[schema.sample_weight].to_numpy(dtype=np.float32)
        matrix[preprocessing.SAMPLE_WEIGHT] = weights
    return matrix
