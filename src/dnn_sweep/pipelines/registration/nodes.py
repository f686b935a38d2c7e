"""Nodes that package the champion and decide what it is called."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from dnn_sweep.core.champion.gate import choose_alias
from dnn_sweep.core.champion.package import (
    ChampionPackage,
    Registration,
    ServedModel,
    experiment_of,
    score_predictions,
)
from dnn_sweep.core.champion.record import Champion, ChampionEvaluation, RegisteredVersion
from dnn_sweep.core.comparison.predictions import tabulate_outputs
from dnn_sweep.core.data.schema import Label, Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.formatting import count
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import RegistrationParameters

EXAMPLE_ROWS = 5


def package_champion(
    champion_trial: Trial,
    trial_results: Mapping[str, TrialResult],
    champion_evaluation: ChampionEvaluation,
    preprocessor: Any,
    schema: Schema,
    target_scaling: TargetScaling,
    validation_rows: pd.DataFrame,
) -> ChampionPackage:
    """Put together what a model server needs, and score it on the validation rows."""
    result = trial_results[champion_trial.id]
    predictions = tabulate_outputs(result.outputs, schema, target_scaling)
    return ChampionPackage(
        result=result,
        preprocessor=preprocessor,
        schema=schema,
        target_scaling=target_scaling,
        example=validation_rows[schema.feature_names].head(EXAMPLE_ROWS).reset_index(drop=True),
        example_predictions=predictions.head(EXAMPLE_ROWS),
        validation_score=score_predictions(
            predictions, validation_rows[schema.target], objective_of(schema.task)
        ),
        description=_describe_version(champion_evaluation, schema),
    )


def compare_with_holder(
    champion_package: ChampionPackage,
    champion_holder: Mapping[str, ServedModel],
    validation_rows: pd.DataFrame,
    registration: RegistrationParameters,
) -> Registration:
    """Score the version that holds the alias on the same rows, and decide who has it now."""
    schema = champion_package.schema
    objective = objective_of(schema.task)
    holder = champion_holder.get(registration.alias)
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
        champion_package.validation_score,
        score,
        objective,
        rows=len(validation_rows),
        holder=holder.version if holder else None,
        obstacle=obstacle,
        registration=registration,
    )
    return Registration(champion_package, decision)


def describe_champion(
    champion_evaluation: ChampionEvaluation, registered: RegisteredVersion
) -> Champion:
    """The champion's record: its combination, its metrics and its registered version."""
    return Champion(
        **dict(champion_evaluation),
        experiment=experiment_of(registered.name),
        registered=registered,
    )


def _check_comparable(holder: ServedModel, schema: Schema) -> None:
    if holder.task != schema.task:
        raise SweepError(f"its task is {holder.task}, theirs is {schema.task}")
    if holder.target != schema.target:
        raise SweepError(f"it predicts {holder.target!r}, their target is {schema.target!r}")
    if set(holder.classes) != set(schema.classes):
        raise SweepError(f"it knows other classes ({_some(holder.classes)}) than theirs")


def _some(labels: tuple[Label, ...]) -> str:
    return ", ".join(map(repr, labels[:10])) + (", …" if len(labels) > 10 else "")


def _describe_version(champion: ChampionEvaluation, schema: Schema) -> str:
    objective = objective_of(schema.task)
    found, rows = champion.validation[objective.metric], champion.rows
    rule = "best" if champion.chosen_by == "best" else "fastest of those tied for first"
    return (
        f"{champion.combination}: {objective.label} {found.value:.4g} on "
        f"{rows.validation} validation rows ({champion.confidence:.0%} interval "
        f"{found.ci_low:.4g} to {found.ci_high:.4g}), trained on {rows.train} rows; "
        f"{rule} among {count(champion.combinations, 'combination')}, seeds "
        f"{', '.join(map(str, champion.seeds))}. Takes raw rows."
    )
