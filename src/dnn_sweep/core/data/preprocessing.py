"""From raw columns to the numbers a network takes, fitted on the training rows only."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import ScalingParameters

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

MISSING = "missing"  # the category that stands for a gap
# Scaled features are called <kind>__<column>, so these never collide.
TARGET = "target"
SAMPLE_WEIGHT = "sample_weight"

_BOOLEANS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def coerce_columns(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Bring the feature columns of raw rows to one type a kind.

    Args:
        rows: Raw rows; columns other than the features are left out.
        schema: Says which columns there are and of which kind.

    Returns:
        The features in the schema's order: numeric and boolean ones as float64 with gaps (and
        infinities) as NaN, categorical ones as text with gaps as the category ``missing``.

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


def fit_column_transformer(
    rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters
) -> "ColumnTransformer":
    """Fit imputation, scaling and one-hot encoding.

    Args:
        rows: Raw training rows; no others, or the scaling would know what it should not.
        schema: The features and their kinds.
        scaling: How numbers are scaled and gaps are filled.

    Returns:
        The fitted transformer; it takes what :func:`coerce_columns` returns.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

    scalers = {"standard": [StandardScaler()], "minmax": [MinMaxScaler()], "none": []}
    number_steps = [
        SimpleImputer(strategy=scaling.impute, keep_empty_features=True),
        *scalers[scaling.numeric],
    ]
    steps = {
        "numeric": make_pipeline(*number_steps),
        "boolean": SimpleImputer(strategy="most_frequent", keep_empty_features=True),
        "categorical": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    }
    transformer = ColumnTransformer(
        [(kind, step, schema.names_of(kind)) for kind, step in steps.items()]
    )
    return transformer.fit(coerce_columns(rows, schema))


def scale_features(
    rows: pd.DataFrame, preprocessor: "ColumnTransformer", schema: Schema
) -> pd.DataFrame:
    """Apply the fitted transformer; float32 columns named ``<kind>__<column>``."""
    scaled = preprocessor.transform(coerce_columns(rows, schema)).astype(np.float32)
    return pd.DataFrame(scaled, index=rows.index, columns=preprocessor.get_feature_names_out())


def fit_target_scaling(
    rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters
) -> TargetScaling:
    """Mean and spread of a regression's target on the training rows; neutral for classes."""
    if schema.task != "regression" or not scaling.scale_target:
        return TargetScaling()
    target = rows[schema.target].to_numpy(dtype=np.float64)
    return TargetScaling(mean=float(target.mean()), scale=float(target.std()) or 1.0)


def encode_target(
    target: pd.Series, schema: Schema, scaling: TargetScaling
) -> NDArray[np.int32] | NDArray[np.float32]:
    """Class positions as int32, or the standardised target as float32."""
    if schema.task == "regression":
        values = (target.to_numpy(dtype=np.float64) - scaling.mean) / scaling.scale
        return values.astype(np.float32)
    positions = {label: position for position, label in enumerate(schema.classes)}
    return target.map(positions).to_numpy().astype(np.int32)


def _as_number(column: pd.Series, *, boolean: bool) -> pd.Series:
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        numbers = column.astype("float64")
    else:
        text = column.astype("string").str.strip().str.lower()
        numbers = text.map(_BOOLEANS) if boolean else pd.to_numeric(text, errors="coerce")
        numbers = numbers.astype("float64")
        if (wrong := numbers.isna() & column.notna()).any():
            at = int(wrong.to_numpy().argmax())
            expected = "true or false" if boolean else "a number"
            raise SweepError(
                f"column {column.name!r}, row {column.index[at]}: {column.iloc[at]!r} "
                f"where {expected} is expected"
            )
    return numbers.replace([np.inf, -np.inf], np.nan)


def _as_category(column: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(column):
        # Codes are whole numbers; a gap among them has made them floats. "1", not "1.0".
        whole = column.dropna()
        if (whole % 1 == 0).all():
            column = column.astype("Int64")
    return column.astype("string").fillna(MISSING).astype(object)
