"""Scoring of a file of raw rows with a registered model."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.champion.package import ServedModel
from dnn_sweep.core.data.reading import UnreadableError, read_numbers
from dnn_sweep.core.data.sequences import features_of_steps, join_steps
from dnn_sweep.core.data.suspects import names_rows
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.formatting import count
from dnn_sweep.parameters import (
    DataParameters,
    InferenceParameters,
    SequenceParameters,
    experiment_of,
)


def score_rows(
    inference_rows: pd.DataFrame,
    scoring_model: Mapping[str, ServedModel],
    inference: InferenceParameters,
) -> tuple[pd.DataFrame, str]:
    """Predict raw rows with the registered version, of those by alias, that the parameters name.

    Columns that the model does not need are ignored. If it was trained on sequences, rows may be
    steps, as in training.

    Returns:
        ``row`` (the input's row number, from 0; of a sequence its id, of an image its path),
        columns of the input that identify rows, ``prediction`` and for classes
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
        rows = _join_sequences(inference_rows, model)
        model.check_columns(rows)
        predictions = model.predict(rows[list(model.columns)])
    except SweepError as error:
        raise SweepError(f"inference.filepath: {error}") from error
    named = [name for name in rows if names_rows(str(name)) and name not in model.columns]
    named = [name for name in named if name not in (*predictions, "row", model.target)]
    predictions = rows[named].join(predictions).rename_axis(index="row").reset_index()
    return predictions, (
        f"{count(len(predictions), 'row')} scored by version {model.version} of {model.name} "
        f"({inference.alias}): data/07_model_output/{experiment_of(model.name)}/predictions.csv"
    )


def _join_sequences(rows: pd.DataFrame, model: ServedModel) -> pd.DataFrame:
    """Join the steps of each sequence, if the model takes sequences and the rows are steps."""
    if model.sequence is None or set(model.columns) <= set(rows.columns):
        return rows
    steps, features = model.shape
    names = [*model.sequence, *features_of_steps(list(model.columns), features)]
    for name in names:
        if name not in rows:
            where = f"steps of sequences for version {model.version} of {model.name}"
            raise unknown_name(name, rows.columns, what="column", where=where)
    key, order = model.sequence
    data = DataParameters(sequence=SequenceParameters(id=key, order=order, steps=steps))
    try:  # a file may write gaps as text
        numbers = {name: read_numbers(rows[name], {}) for name in names[2:]}
    except UnreadableError as error:
        raise SweepError(str(error)) from None
    joined, _, shorter = join_steps(rows[names].assign(**numbers), data)
    if shorter and not model.padded:
        raise SweepError(
            f"some sequences have fewer than {steps} steps, but none was as short in training"
        )
    return joined
