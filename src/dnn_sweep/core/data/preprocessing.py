"""From raw columns to the numbers a network takes, fitted on the training rows only.

Fitted transformers are annotated ``Any``: Kedro resolves the annotations of nodes, and must not
import scikit-learn for that.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.columns import refuse_where, spell
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import ScalingParameters

MISSING = "missing"  # the category that stands for a gap
# Scaled features are called <kind>__<column>, so these never collide.
TARGET = "target"
SAMPLE_WEIGHT = "sample_weight"

_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def fit_preprocessor(
    train_rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters
) -> tuple[Any, TargetScaling]:
    """Fit imputation, scaling, encoding and the target's unit on the training rows.

    Returns:
        A transformer of what :func:`coerce_columns` returns, and the target's scaling.

    >>> transformer, _ = fit_preprocessor(train_rows, schema, scaling)
    >>> transformer.get_feature_names_out()[0]
    'numeric__sepal length (cm)'
    """
    if schema.rank == "sequence" or (schema.rank == "image" and scaling.per == "channel"):
        transformer = _fit_channels(train_rows, schema, scaling)
        return transformer, _fit_target(train_rows, schema, scaling)
    new, imputer = sklearn.preprocessing, sklearn.impute.SimpleImputer
    scalers = {"standard": [new.StandardScaler()], "minmax": [new.MinMaxScaler()], "none": []}
    steps = {
        "numeric": sklearn.pipeline.make_pipeline(
            imputer(strategy=scaling.impute, keep_empty_features=True), *scalers[scaling.numeric]
        ),
        "boolean": imputer(strategy="most_frequent", keep_empty_features=True),
        "categorical": new.OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    }
    transformer = sklearn.compose.ColumnTransformer(
        [
            (kind, step, [each.name for each in schema.features if each.kind == kind])
            for kind, step in steps.items()
        ]
    ).fit(coerce_columns(train_rows, schema))
    return transformer, _fit_target(train_rows, schema, scaling)


def scale_rows(
    rows: pd.DataFrame, preprocessor: Any, target_scaling: TargetScaling, schema: Schema
) -> pd.DataFrame:
    """Scale a split's features, encode its target and keep its weights.

    >>> scale_rows(test_rows, preprocessor, target_scaling, schema)["target"].unique().tolist()
    [0, 1, 2]
    """
    matrix = scale_features(rows, preprocessor, schema)
    matrix[TARGET] = encode_target(rows[schema.target], schema, target_scaling)
    if schema.sample_weight:
        matrix[SAMPLE_WEIGHT] = rows[schema.sample_weight].to_numpy(dtype=np.float32)
    return matrix


def coerce_columns(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Convert the feature columns of raw rows to one type per kind, in the schema's order.

    Numeric and boolean columns become float64 with gaps (and infinities) as NaN; categorical ones
    become text (see :func:`~dnn_sweep.core.data.columns.spell`), a gap the category ``missing``.

    Raises:
        SweepError: If a numeric or boolean column holds something else; names column and row.
    """
    columns = {
        column.name: _as_category(rows[column.name])
        if column.kind == "categorical"
        else _as_number(rows[column.name], boolean=column.kind == "boolean")
        for column in schema.features
    }
    return pd.DataFrame(columns, index=rows.index)


def scale_features(rows: pd.DataFrame, preprocessor: Any, schema: Schema) -> pd.DataFrame:
    """Apply the fitted transformer; float32 columns named ``<kind>__<column>``."""
    scaled = preprocessor.transform(coerce_columns(rows, schema)).astype(np.float32)
    return pd.DataFrame(scaled, index=rows.index, columns=preprocessor.get_feature_names_out())


def encode_target(
    target: pd.Series, schema: Schema, scaling: TargetScaling
) -> NDArray[np.int32] | NDArray[np.float32]:
    """Class positions as int32, or the standardised target as float32."""
    if schema.task == "regression":
        values = (target.to_numpy(dtype=np.float64) - scaling.mean) / scaling.scale
        return values.astype(np.float32)
    positions = {label: position for position, label in enumerate(schema.classes)}
    return target.map(positions).to_numpy().astype(np.int32)


def _fit_target(rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters) -> TargetScaling:
    if schema.task != "regression" or not scaling.scale_target:
        return TargetScaling()
    target = rows[schema.target].to_numpy(dtype=np.float64)
    return TargetScaling(mean=float(target.mean()), scale=float(target.std()) or 1.0)


def _fit_channels(rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters) -> Any:
    """Fit one scale for all cells of a channel; gaps become exactly 0 after scaling.

    Raises:
        SweepError: If 0 would not stand for a missing step alone.
    """
    if schema.padded and scaling.numeric != "standard":
        raise SweepError(
            f"scaling.numeric: {scaling.numeric} does not fit sequences of different lengths, "
            "whose missing steps become 0; use standard"
        )
    table = coerce_columns(rows, schema)
    # scikit-learn's scalers fit columns. Two rows that have the channel's mean and deviation, or
    # its range, in each of its columns give them the channel's scale.
    low, high = (pd.Series(index=schema.feature_names, dtype=np.float64) for _ in range(2))
    for names in schema.channel_names:
        cells = table[names].to_numpy()
        if scaling.numeric == "minmax":
            low[names], high[names] = np.nanmin(cells), np.nanmax(cells)
        else:
            mean, deviation = np.nanmean(cells), np.nanstd(cells)
            low[names], high[names] = mean - deviation, mean + deviation
    new = sklearn.preprocessing
    scalers = {"standard": [new.StandardScaler()], "minmax": [new.MinMaxScaler()], "none": []}
    gaps = sklearn.impute.SimpleImputer(strategy="constant", fill_value=0.0)
    steps = sklearn.pipeline.make_pipeline(*scalers[scaling.numeric], gaps)
    pair = pd.DataFrame([low, high])[schema.feature_names]
    return sklearn.compose.ColumnTransformer([("numeric", steps, schema.feature_names)]).fit(pair)


def _as_number(column: pd.Series, *, boolean: bool) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        numbers = column.astype("float64")
    else:
        text = column.astype("string").str.strip().str.lower()
        numbers = text.map(_BOOLEANS) if boolean else pd.to_numeric(text, errors="coerce")
        numbers = numbers.astype("float64")
        expected = "true or false" if boolean else "a number"
        refuse_where(numbers.isna() & column.notna(), column, f"where {expected} is expected")
    return numbers.replace([np.inf, -np.inf], np.nan)


def _as_category(column: pd.Series) -> pd.Series:
    text = [MISSING if pd.isna(value) else spell(value) for value in column.array]
    return pd.Series(text, index=column.index, name=column.name, dtype=object)
