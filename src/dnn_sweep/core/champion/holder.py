"""The version that holds the alias, scored on the same rows as the new champion."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.champion.gate import choose_alias
from dnn_sweep.core.champion.package import (
    ChampionPackage,
    Registration,
    ServedModel,
    score_predictions,
)
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.parameters import RegistrationParameters


def compare_with_holder(
    package: ChampionPackage,
    holders: Mapping[str, ServedModel],
    validation_rows: pd.DataFrame,
    registration: RegistrationParameters,
) -> Registration:
    """Score the holder of the alias on the raw validation rows, and decide who has it now.

    Args:
        package: The new champion.
        holders: Registered versions by alias.
        validation_rows: The rows.
        registration: The names of the aliases.
    """
    schema, holder = package.schema, holders.get(registration.alias)
    objective = objective_of(schema.task)
    score, obstacle = None, None
    if holder is not None:
        try:
            _check_comparable(holder, schema)
            holder.check_columns(validation_rows)
            predictions = holder.predict(validation_rows[list(holder.columns)])
            score = score_predictions(predictions, validation_rows[schema.target], objective)
        except SweepError as error:
            obstacle = str(error)
    decision = choose_alias(
        package.validation_score,
        score,
        objective,
        rows=len(validation_rows),
        holder=holder.version if holder else None,
        obstacle=obstacle,
        registration=registration,
    )
    return Registration(package, decision)


def _check_comparable(holder: ServedModel, schema: Schema) -> None:
    if holder.task != schema.task:
        raise SweepError(f"its task is {holder.task}, theirs is {schema.task}")
    if holder.target != schema.target:
        raise SweepError(f"it predicts {holder.target!r}, their target is {schema.target!r}")
    if set(holder.classes) != set(schema.classes):
        more = ", …" if len(holder.classes) > 10 else ""
        known = ", ".join(map(repr, holder.classes[:10])) + more
        raise SweepError(f"it knows other classes ({known}) than theirs")
