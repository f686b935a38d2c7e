"""From raw columns to the numbers a network takes, fitted on the training rows only.

Fitted transformers are annotated ``Any``: Kedro resolves the annotations of nodes, and must not
import scikit-learn for that.
"""

import logging
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.groups import groups_of
from dnn_sweep.core.data.reading import UnreadableError, read_features
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import ScalingParameters

logger = logging.getLogger(__name__)

# Scaled features are called <kind>__<column>, so these never collide.
TARGET = "target"
SAMPLE_WEIGHT = "sample_weight"
GROUP = "group"
MOST_WORDS = 2000  # of a column of free text, the most frequent ones; skops stores 1 kB for each
NO_ZERO = 1e-6  # of a deviation, by which scaled values are moved where 0 has a meaning of its own


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
        "categorical": new.OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            max_categories=scaling.max_categories,
            sparse_output=False,
        ),
    }
    rows = coerce_columns(train_rows, schema)
    _warn_of_many_categories(rows, schema, scaling)
    texts = [
        # Names of transformers must not have the underscores that names of columns may have.
        (f"text{at}", _fit_text(rows[name], scaling, scalers[scaling.numeric]), name)
        for at, name in enumerate(schema.inputs_of("text"), start=1)
    ]
    transformer = sklearn.compose.ColumnTransformer(
        [*((kind, step, schema.inputs_of(kind)) for kind, step in steps.items()), *texts]
    ).fit(rows)
    return transformer, _fit_target(train_rows, schema, scaling)


def scale_rows(
    rows: pd.DataFrame, preprocessor: Any, target_scaling: TargetScaling, schema: Schema
) -> pd.DataFrame:
    """Scale a split's features, encode its target and keep its weights and numbered groups.

    >>> scale_rows(test_rows, preprocessor, target_scaling, schema)["target"].unique().tolist()
    [0, 1, 2]
    """
    matrix = scale_features(rows, preprocessor, schema)
    matrix[TARGET] = encode_target(rows[schema.target], schema, target_scaling)
    if schema.sample_weight:
        matrix[SAMPLE_WEIGHT] = rows[schema.sample_weight].to_numpy(dtype=np.float32)
    if (groups := groups_of(rows, schema)) is not None:
        matrix[GROUP] = groups
    return matrix


def numbered_groups(matrix: pd.DataFrame) -> NDArray[np.int64] | None:
    """The number of each scaled row's group; ``None`` where every row is alone.

    >>> numbered_groups(pd.DataFrame({"x": [0.1, 0.2], "group": [0, 0]}))
    array([0, 0])
    """
    return matrix[GROUP].to_numpy() if GROUP in matrix else None


def coerce_columns(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Convert the feature columns of raw rows to one type per kind, in the schema's order.

    Numeric and boolean columns become float64 with gaps (and infinities) as NaN, the parts of a
    date such columns of their own; categorical ones become text (see
    :func:`~dnn_sweep.core.data.reading.spell`), a gap the category ``missing``.

    Raises:
        SweepError: If a value is not of its column's kind; names column and row.
    """
    try:
        return read_features(rows, schema.reading, schema.missing)
    except UnreadableError as error:
        raise SweepError(str(error)) from None


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


def _fit_text(text: pd.Series, scaling: ScalingParameters, scalers: list[Any]) -> Any:
    """Fit latent semantic analysis: weigh words by how rare they are, and join those that go along.

    Raises:
        SweepError: If there are no words.

    References:
        Deerwester et al. 1990, Indexing by latent semantic analysis.
    """
    new = sklearn.decomposition.TruncatedSVD
    words = sklearn.feature_extraction.text.TfidfVectorizer(
        sublinear_tf=True, max_features=MOST_WORDS
    )
    try:
        weights = words.fit_transform(text)
    except ValueError as error:
        raise SweepError(f"data.text: column {text.name!r} holds no words ({error})") from None
    inputs = min(scaling.text_inputs, *weights.shape)
    reduced = new(inputs, random_state=0).fit(weights)
    # What is left where texts are few or alike is rounding, which must not be scaled.
    strength = reduced.singular_values_
    if inputs > (some := max(1, int((strength > NO_ZERO * strength.max()).sum()))):
        reduced = new(some, random_state=0).fit(weights)
    scaled = [sklearn.base.clone(each).fit(reduced.transform(weights)) for each in scalers]
    fitted = sklearn.pipeline.make_pipeline(words, reduced, *scaled)
    return sklearn.frozen.FrozenEstimator(fitted)


def _warn_of_many_categories(
    rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters
) -> None:
    for name in schema.inputs_of("categorical"):
        if (many := rows[name].nunique()) > scaling.max_categories:
            logger.warning(
                "Column %r has %d categories: the %d most frequent become an input each, the "
                "others one together (scaling.max_categories)",
                name,
                many,
                scaling.max_categories - 1,
            )


def _fit_channels(rows: pd.DataFrame, schema: Schema, scaling: ScalingParameters) -> Any:
    """Fit one scale, and one replacement of gaps, for all cells of a channel.

    In sequences of different lengths a gap becomes exactly 0 after scaling, and a value never
    does, since networks skip a step of zeros alone.

    Raises:
        SweepError: If 0 would not stand for a missing step alone.
    """
    if schema.padded and scaling.numeric != "standard":
        raise SweepError(
            f"scaling.numeric: {scaling.numeric} does not fit sequences of different lengths, "
            "whose missing steps become 0; use standard"
        )
    table = coerce_columns(rows, schema)
    # scikit-learn's transformers fit columns. A row that has a channel's typical value in each of
    # its columns, and two that have its mean and deviation, or its range, give them the channel's.
    typical, low, high = (pd.Series(0.0, index=schema.feature_names) for _ in range(3))
    for names in schema.channel_names:
        cells = table[names].to_numpy()
        cells = cells[~np.isnan(cells)]
        if not cells.size:
            continue
        typical[names] = np.median(cells) if scaling.impute == "median" else cells.mean()
        if scaling.numeric == "minmax":
            low[names], high[names] = cells.min(), cells.max()
        else:
            mean, deviation = cells.mean(), cells.std()
            mean += NO_ZERO * (deviation or 1.0) if schema.padded else 0.0
            low[names], high[names] = mean - deviation, mean + deviation
    new, imputer = sklearn.preprocessing, sklearn.impute.SimpleImputer
    scalers = {"standard": [new.StandardScaler()], "minmax": [new.MinMaxScaler()], "none": []}
    steps = [(each, [low, high]) for each in scalers[scaling.numeric]]
    if schema.padded:
        steps.append((imputer(strategy="constant", fill_value=0.0), [typical]))
    else:
        steps.insert(0, (imputer(), [typical]))
    # The first step gets a table, the next ones what an imputer or a scaler returns.
    fitted = [
        step.fit(np.stack(rows) if at else pd.DataFrame(rows))
        for at, (step, rows) in enumerate(steps)
    ]
    frozen = sklearn.frozen.FrozenEstimator(sklearn.pipeline.make_pipeline(*fitted))
    columns = [("numeric", frozen, schema.feature_names)]
    return sklearn.compose.ColumnTransformer(columns).fit(table.head(1))
