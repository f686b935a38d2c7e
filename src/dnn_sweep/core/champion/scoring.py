"""Scoring of a file of raw rows with a registered model."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.champion.package import ServedModel, experiment_of
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.formatting import count
from dnn_sweep.parameters import InferenceParameters


def score_rows(
    inference_rows: pd.DataFrame,
    scoring_model: Mapping[str, ServedModel],
    inference: InferenceParameters,
) -> tuple[pd.DataFrame, str]:
    """Predict raw rows with the registered version, of those by alias, that the parameters name.

    Columns that the model does not need are ignored.

    Returns:
        ``row`` (the input's row number, from 0), ``prediction`` and for classes
        ``probability_<class>``; and one line of summary.

    Raises:
        SweepError: If nothing is registered yet, or the rows do not fit the model.

    >>> predictions, _ = score_rows(inference_rows, scoring_model, inference)
    >>> predictions.columns[:3].tolist()
    ['row', 'prediction', 'probability_setosa']
    """
    if not scoring_model:
        raise SweepError(
            "no champion is registered for this experiment yet: run `kedro run --pipeline=train` "
            "first (with the same --env)"
        )
    model = scoring_model.get(inference.alias)
    if model is None:
        raise unknown_name(inference.alias, scoring_model, what="alias", where="inference.alias")
    try:
        model.check_columns(inference_rows)
        predictions = model.predict(inference_rows[list(model.columns)])
    except SweepError as error:
        raise SweepError(f"inference.filepath: {error}") from error
    predictions = predictions.rename_axis(index="row").reset_index()
    return predictions, (
        f"{count(len(predictions), 'row')} scored by version {model.version} of {model.name} "
        f"({inference.alias}): data/07_model_output/{experiment_of(model.name)}/predictions.csv"
    )
