"""The choice between a new champion and the version that holds the alias."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.package import (
    AliasDecision,
    ChampionPackage,
    Registration,
    ServedModel,
)
from dnn_sweep.core.champion.paired_test import (
    PairedTest,
    compare_predictions,
    compare_scores,
    score_each_row,
)
from dnn_sweep.core.data.fingerprints import fingerprint_rows
from dnn_sweep.core.data.groups import groups_of
from dnn_sweep.core.data.preprocessing import encode_target
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.formatting import count, format_value
from dnn_sweep.core.score_groups import score_groups
from dnn_sweep.core.scorer import Predictions, Scorer
from dnn_sweep.parameters import RegistrationParameters

# With fewer rows only a huge improvement could be shown, and a mean is not yet near a normal
# distribution, as the t-test assumes.
FEWEST_ROWS = 30
BY_HAND = "The alias can be moved by hand in `kedro mlflow ui` (Models)."


def compare_with_holder(
    package: ChampionPackage,
    holders: Mapping[str, ServedModel],
    registered_packages: Mapping[str, str],
    test_rows: pd.DataFrame,
    test_predictions: pd.DataFrame,
    registration: RegistrationParameters,
) -> Registration:
    """Decide whether the champion is registered anew, and which version has the alias now.

    The champion of the sweep takes the alias from its holder if a paired test shows it better on
    the test rows that neither of them was trained on or chosen by.

    Args:
        package: The champion of the sweep, the challenger.
        holders: The registered versions by alias.
        registered_packages: The version of every registered package, by the package's digest.
        test_rows: Raw rows, with the target.
        test_predictions: What the challenger ``predicted`` for each ``row_id`` of them.
        registration: Names of the aliases, confidence of the test, margin.

    >>> tested = test_rows, test_predictions
    >>> compare_with_holder(champion_package, {}, {}, *tested, registration).decision.reason
    "No version held the alias 'champion' before."
    """
    existing = registered_packages.get(package.digest)
    holder = holders.get(registration.alias)
    if holder is None:
        better, reason = True, f"No version held the alias {registration.alias!r} before."
    elif holder.version == existing:
        better, reason = True, "It held this alias before."
    else:
        better, reason = _judge(package, holder, test_rows, test_predictions, registration)
    if existing:
        reason += f" This champion is version {existing} already: no version was added."
    if better:
        withdrawn = registration.challenger_alias
        decision = AliasDecision(registration.alias, reason, withdrawn=withdrawn)
    else:
        kept = holder.version if holder else None
        decision = AliasDecision(registration.challenger_alias, reason, holder=kept)
    return Registration(package, decision, existing)


def _judge(
    package: ChampionPackage,
    holder: ServedModel,
    test_rows: pd.DataFrame,
    test_predictions: pd.DataFrame,
    registration: RegistrationParameters,
) -> tuple[bool, str]:
    """Whether the challenger takes the alias from its holder, and why."""
    schema = package.schema
    keeps = f"Version {holder.version} keeps the alias {registration.alias!r}"
    try:
        _check_comparable(holder, schema)
        holder.check_columns(test_rows)
        if holder.seen is None:
            return False, (
                f"{keeps}: an earlier release registered it without fingerprints of its rows, so "
                f"no test row is known to be new to it. {BY_HAND}"
            )
        known = np.isin(fingerprint_rows(test_rows, holder.columns), holder.seen)
        known |= np.isin(fingerprint_rows(test_rows, schema.kinds), package.seen)
        rows = test_rows[~known]
        if len(rows) < FEWEST_ROWS:
            return False, (
                f"{keeps}: only {len(rows)} of the {count(len(test_rows), 'test row')} are new to "
                f"both models, and a comparison needs {FEWEST_ROWS}. {BY_HAND}"
            )
        theirs = holder.predict(rows[list(holder.columns)])
        ours = test_predictions.set_index("row_id").loc[rows.index]
        ours = ours.rename(columns={"predicted": "prediction"})
        test = _compare(ours, theirs, rows, package)
    except SweepError as error:
        return _judge_without_rows(package, holder, str(error), registration)
    better = test.p_value <= 1 - registration.confidence
    reason = _state(test, package, holder, int(known.sum()))
    shown = f"shown to be better with {100 * registration.confidence:g} % confidence"
    return better, f"{reason}: {shown}." if better else f"{reason}: not {shown}. {keeps}."


def _compare(
    ours: pd.DataFrame, theirs: pd.DataFrame, rows: pd.DataFrame, package: ChampionPackage
) -> PairedTest:
    """Compare two tables of predictions, see :func:`~..data.predictions.tabulate_outputs`."""
    schema, objective = package.schema, package.objective
    target, groups = rows[schema.target], groups_of(rows, schema)
    if objective == objective.by_epoch:
        first, second = (each["prediction"].to_numpy() for each in (ours, theirs))
        if groups is None:
            return compare_predictions(first, second, target.to_numpy(), objective)
        both = [score_each_row(each, target.to_numpy(), objective) for each in (first, second)]
        our, their = score_groups(np.stack(both)[:, np.newaxis], groups)[:, 0]
        return compare_scores(our, their, objective, len(target))
    true = encode_target(target, schema, TargetScaling())
    scorer = Scorer(objective, true, len(schema.classes), groups)
    our, their = (scorer.row_scores(_as_predictions(each, schema)) for each in (ours, theirs))
    return compare_scores(our, their, objective, len(target))


def _as_predictions(table: pd.DataFrame, schema: Schema) -> Predictions:
    if schema.task == "regression":
        return Predictions(table["prediction"].to_numpy(dtype=np.float64))
    names = [f"probability_{label}" for label in schema.classes]
    labels = encode_target(table["prediction"], schema, TargetScaling())
    return Predictions(labels, table[names].to_numpy(dtype=np.float64))


def _state(test: PairedTest, package: ChampionPackage, holder: ServedModel, known: int) -> str:
    label = package.objective.label
    label = f"{label[0].upper()}{label[1:]}"
    scores = f"{format_value(test.challenger)} against {format_value(test.holder)}"
    left = f" ({known:,} others were not new and are left out)" if known else ""
    return (
        f"{label} {scores} of version {holder.version} on {count(test.rows, 'test row')} that "
        f"neither was trained on or chosen by{left}, one-sided {test.name} p = {test.p_value:.2g}"
    )


def _judge_without_rows(
    package: ChampionPackage, holder: ServedModel, why: str, registration: RegistrationParameters
) -> tuple[bool, str]:
    """Compare the test scores on record within the margin, if the user has stated one."""
    # Callers of the alias rely on its columns; nothing shows that the new champion is better.
    said = f"Version {holder.version} cannot score the present test rows: {why}."
    keeps = f"It keeps the alias {registration.alias!r}"
    schema, margin = package.schema, registration.margin
    objective, ours = package.objective, package.test_score
    theirs = holder.test_scores.get(objective.metric)
    if margin is None:
        return False, (
            f"{said} {keeps}. Give another table an experiment of its own, or state with "
            f"registration.margin how much worse a test score may be. {BY_HAND}"
        )
    if (holder.task, holder.target) != (schema.task, schema.target) or theirs is None:
        lacks = "its own test score is not on record" if theirs is None else "that is another task"
        return False, f"{said} {keeps}: registration.margin does not apply, {lacks}. {BY_HAND}"
    within = objective.sign * (ours - theirs) >= -margin
    scores = (
        f"The test {objective.label} {format_value(ours)} is {'' if within else 'not '}within "
        f"{margin:g} of the {format_value(theirs)} that it had on its own test rows"
    )
    return within, f"{said} {scores}." + ("" if within else f" {keeps}.")


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
