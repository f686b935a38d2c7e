"""The choice between a new champion and the version that holds the alias."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.champion.package import (
    AliasDecision,
    ChampionPackage,
    Registration,
    ServedModel,
    score_predictions,
)
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.parameters import RegistrationParameters

# In single precision the same network gives the same outputs to about this, relatively.
ROUNDING = 1e-6


def compare_with_holder(
    package: ChampionPackage,
    holders: Mapping[str, ServedModel],
    validation_rows: pd.DataFrame,
    registration: RegistrationParameters,
) -> Registration:
    """Score the holder of the alias on the same raw rows, and decide which version has it now.

    ``holders`` are the registered versions by alias.

    >>> compare_with_holder(champion_package, {}, validation_rows, registration).decision
    AliasDecision(alias='champion', reason="No version held the alias 'champion' before.")
    """
    schema, holder = package.schema, holders.get(registration.alias)
    objective, rows = objective_of(schema.task), len(validation_rows)
    if holder is None:
        reason = f"No version held the alias {registration.alias!r} before."
        return Registration(package, AliasDecision(registration.alias, reason))
    try:
        _check_comparable(holder, schema)
        holder.check_columns(validation_rows)
        predictions = holder.predict(validation_rows[list(holder.columns)])
        score = score_predictions(predictions, validation_rows[schema.target], objective)
    except SweepError as error:
        # Callers of the alias rely on its columns; nothing shows that the new champion is better.
        reason = (
            f"Version {holder.version}, which keeps the alias {registration.alias!r}, cannot score "
            f"the present validation rows: {error}. Give another table an experiment of its own, "
            "or move the alias in MLflow."
        )
        return Registration(package, AliasDecision(registration.challenger_alias, reason))
    candidate = package.validation_score
    decision = choose_alias(candidate, score, objective, rows, holder.version, registration)
    return Registration(package, decision)


def choose_alias(
    candidate: float,
    holder: float,
    objective: Objective,
    rows: int,
    version: str,
    registration: RegistrationParameters,
) -> AliasDecision:
    """Give the alias to the candidate unless the holder, a version, scores better on the rows.

    >>> from dnn_sweep.core.objectives import ACCURACY
    >>> choose_alias(0.97, 0.98, ACCURACY, 360, "3", RegistrationParameters()).alias
    'challenger'
    """
    good = objective.sign * (candidate - holder) >= -ROUNDING * abs(holder)
    sentence = (
        f"{objective.label.capitalize()} {candidate:.6g} on the {rows} validation rows is "
        f"{'at least as good as' if good else 'not as good as'} the {holder:.6g} of "
        f"version {version} on the same rows"
    )
    if good:
        return AliasDecision(registration.alias, f"{sentence}.")
    kept = f"{sentence}, which therefore keeps the alias {registration.alias!r}."
    return AliasDecision(registration.challenger_alias, kept)


def _check_comparable(holder: ServedModel, schema: Schema) -> None:
    if holder.task != schema.task:
        raise SweepError(f"its task is {holder.task}, theirs is {schema.task}")
    if holder.target != schema.target:
        raise SweepError(f"it predicts {holder.target!r}, their target is {schema.target!r}")
    if schema.rank != "table" and holder.shape != schema.shape:
        # A smaller image has a part of the same columns, and would be scored on that part.
        own, theirs = (" by ".join(map(str, shape)) for shape in (holder.shape, schema.shape))
        raise SweepError(f"its rows have the shape {own or 'of a table'}, theirs {theirs}")
    if set(holder.classes) != set(schema.classes):
        more = ", …" if len(holder.classes) > 10 else ""
        known = ", ".join(map(repr, holder.classes[:10])) + more
        raise SweepError(f"it knows other classes ({known}) than theirs")
