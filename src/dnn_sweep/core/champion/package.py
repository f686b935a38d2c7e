"""The registered package: the champion with everything that a model server needs."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.champion.record import Champion, ChampionEvaluation, RegisteredVersion
from dnn_sweep.core.champion.served import ServedNetworks
from dnn_sweep.core.champion.served_baseline import NO_BASELINE, ServedBaseline
from dnn_sweep.core.data.fingerprints import fingerprint_rows
from dnn_sweep.core.data.predictions import HALF, tabulate_outputs
from dnn_sweep.core.data.preprocessing import scale_features
from dnn_sweep.core.data.schema import Label, Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.formatting import count, percent
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import Task, experiment_of

EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class ChampionPackage:
    """Everything that a model server needs of the champion, and what describes it."""

    trial: Trial  # the best one of its combination
    served: ServedNetworks | ServedBaseline
    preprocessor: Any  # the fitted ``ColumnTransformer``; takes coerced feature columns
    schema: Schema
    target_scaling: TargetScaling
    example: pd.DataFrame  # a few raw validation rows, feature columns only
    example_predictions: pd.DataFrame  # what the champion predicts for them
    validation_score: float  # its objective on all validation rows; see ``ChampionEvaluation``
    test_score: float  # its objective on the test set
    description: str  # the registered version's
    objective: Objective
    threshold: float  # of two classes, the second is predicted above this probability
    seen: NDArray[np.uint64]  # fingerprints of its training and validation rows, sorted
    digest: str  # SHA-256 of what it is; the same for the same champion of the same sweep


@dataclass(frozen=True)
class AliasDecision:
    """The alias of a version, and in a sentence why it gets that one.

    Args:
        holder: The version that keeps the alias of the best; ``None`` if that is this one.
        withdrawn: An alias that this version loses, if it has it.
    """

    alias: str
    reason: str
    holder: str | None = None
    withdrawn: str | None = None


@dataclass(frozen=True)
class Registration:
    """A package for the registry, and the decision about its alias.

    Args:
        existing: The version that already is this package, so that no other one is added.
    """

    package: ChampionPackage
    decision: AliasDecision
    existing: str | None = None


@dataclass(frozen=True)
class ServedModel:
    """A registered version, ready to predict.

    ``predict`` takes raw rows and returns ``prediction`` and ``probability_<class>``; it raises
    :class:`SweepError` for rows it cannot take.
    """

    name: str  # of the registered model
    version: str
    task: Task
    target: str  # the column it predicts
    classes: tuple[Label, ...]  # the target's values; empty for a regression
    columns: Mapping[str, str]  # the kind of every column it needs, by name
    predict: Callable[[pd.DataFrame], pd.DataFrame]
    shape: tuple[int, ...] = ()  # of a row, as in its schema, and the two below too
    padded: bool = False
    sequence: tuple[str, str] | None = None
    seen: NDArray[np.uint64] | None = None  # as in its package; earlier releases did not keep them
    test_scores: Mapping[str, float] = field(default_factory=dict)  # by metric

    def check_columns(self, rows: pd.DataFrame) -> None:
        """Raise :class:`SweepError` where the rows lack a column that the model needs."""
        missing = [name for name in self.columns if name not in rows.columns]
        if not missing:
            return
        spare = [str(n) for n in rows.columns if n not in self.columns and n != self.target]
        listed = []
        for name in missing[:10]:
            close = get_close_matches(name, spare, n=1)
            listed.append(f"{name!r} (is it {close[0]!r}?)" if close else repr(name))
        more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
        raise SweepError(
            f"{len(missing)} of the {len(self.columns)} columns that version {self.version} of "
            f"{self.name} needs are missing: {', '.join(listed)}{more}"
        )


def package_champion(
    trial: Trial,
    served_plan: TrialPlan,
    results: Mapping[str, TrialResult],
    evaluation: ChampionEvaluation,
    preprocessor: Any,
    schema: Schema,
    target_scaling: TargetScaling,
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    baseline: ServedBaseline = NO_BASELINE,
) -> ChampionPackage:
    """Package the champion with fingerprints of the raw rows it was trained on and chosen by.

    The networks of ``served_plan`` need this ``preprocessor`` and ``target_scaling``; so does a
    ``baseline`` that is served in their place.

    >>> trained = champion_trial, served_plan, refitted_trials, champion_evaluation
    >>> fitted = served_preprocessor, schema, served_scaling, train_rows, validation_rows
    >>> package = package_champion(*trained, *fitted)
    >>> package.example_predictions.columns[0]
    'prediction'
    """
    objective = evaluation.metric
    seen = [fingerprint_rows(rows, schema.kinds) for rows in (train_rows, validation_rows)]
    scaled = scale_features(validation_rows, preprocessor, schema)
    first = scaled.head(EXAMPLE_ROWS).to_numpy()
    served: ServedNetworks | ServedBaseline = baseline
    if baseline:
        outputs, identity = baseline.outputs(first, schema), baseline.name
        weights = [baseline.outputs(scaled.to_numpy(), schema)]
    else:
        served = ServedNetworks.of(served_plan, results)
        network = served.load_network()
        outputs, weights = network_outputs(network, first), network.get_weights()
        identity = "+".join(each.trial.id for each in served.members)
    return ChampionPackage(
        trial=trial,
        served=served,
        preprocessor=preprocessor,
        schema=schema,
        target_scaling=target_scaling,
        example=rows_as_sent(validation_rows[schema.feature_names].head(EXAMPLE_ROWS)),
        example_predictions=tabulate_outputs(outputs, schema, target_scaling, evaluation.threshold),
        validation_score=evaluation.validation[objective.metric].value,
        test_score=evaluation.test[objective.metric].value,
        objective=objective,
        threshold=evaluation.threshold,
        description=_describe(evaluation),
        seen=np.unique(np.concatenate(seen)),
        digest=_digest(identity, weights, schema, target_scaling, scaled, evaluation.threshold),
    )


def rows_as_sent(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as a request has them: dates as text."""
    dates = rows.select_dtypes("datetime")
    text = {str(name): each.dt.strftime("%Y-%m-%dT%H:%M:%S") for name, each in dates.items()}
    return rows.assign(**text).reset_index(drop=True)


def _digest(
    identity: str,
    weights: Sequence[NDArray[Any]],
    schema: Schema,
    target_scaling: TargetScaling,
    scaled: pd.DataFrame,
    threshold: float,
) -> str:
    """Hash what predicts: the trials, the schema, both scalings and the networks' weights.

    Files of networks and preprocessors hold times and addresses. So the weights themselves are
    hashed, and of the preprocessor what it makes of the validation rows; of a baseline, what it
    predicts for these.
    """
    described = [identity, schema.model_dump_json(), target_scaling.model_dump_json()]
    if threshold != HALF:
        described.append(str(threshold))
    digest = hashlib.sha256(repr(tuple(described)).encode())
    for values in (scaled.to_numpy(), *weights):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _describe(champion: ChampionEvaluation) -> str:
    objective, rows = champion.metric, champion.rows
    found = champion.validation[objective.metric]
    within = f" in {count(rows.folds, 'fold')}" if rows.folds else ""
    rule = "best" if champion.chosen_by == "best" else "fastest of those tied for first"
    if champion.served.baseline:
        rule = "better than the best"
    return (
        f"{champion.what_is_served}: {objective.label} {found.value:.4g} on "
        f"{rows.validation} validation rows{within} ({percent(champion.confidence)} interval "
        f"{found.ci_low:.4g} to {found.ci_high:.4g}), when trained on {rows.trained_on} rows; "
        f"{rule} among {count(champion.combinations, 'combination')}, seeds "
        f"{', '.join(map(str, champion.seeds))}. Takes raw rows."
    )


def describe_champion(evaluation: ChampionEvaluation, registered: RegisteredVersion) -> Champion:
    """The champion's record: its metrics and its registered version.

    >>> describe_champion(champion_evaluation, registered_model).headline("relu + adam")
    'relu + adam comes first on iris, with one seed'
    """
    experiment = experiment_of(registered.name)
    return Champion(**dict(evaluation), experiment=experiment, registered=registered)
