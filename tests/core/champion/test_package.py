from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from dnn_sweep.core.champion.package import (
    ServedModel,
    describe_champion,
    package_champion,
)
from dnn_sweep.core.champion.record import Champion, RegisteredVersion
from dnn_sweep.core.data.fingerprints import fingerprint_rows
from dnn_sweep.core.data.predictions import tabulate_outputs
from dnn_sweep.core.data.preprocessing import fit_preprocessor
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.parameters import ScalingParameters
from tests.champions import COLUMNS, NAME, make_champion, make_rows


def test_the_package_holds_raw_rows_and_what_the_champion_predicts_for_them():
    champion = make_champion("binary")
    package = champion.package()
    assert_frame_equal(package.example, champion.rows.drop(columns="target").head(5))
    expected = tabulate_outputs(champion.result.outputs, champion.schema, champion.scaling)
    assert_frame_equal(package.example_predictions, expected.head(5))
    assert package.validation_score == champion.evaluation.validation["accuracy"].value


def test_the_package_names_the_champions_combination_also_if_another_stored_its_trial():
    champion = make_champion("binary")
    named = Trial(**champion.result.trial.model_dump() | {"combination": "relu + slow"})
    package = package_champion(
        named,
        TrialPlan(trials=(named,)),
        {named.id: champion.result},
        champion.evaluation,
        champion.preprocessor,
        champion.schema,
        champion.scaling,
        champion.train_rows,
        champion.rows,
    )
    assert package.trial.combination == "relu + slow"
    assert package.served.members[0].trial.combination == "relu + slow"


def test_the_record_says_what_was_registered():
    registered = RegisteredVersion(
        name="dnn_sweep_mixed", version="2", alias="challenger", reason="not as good"
    )
    evaluation = make_champion().evaluation
    record = describe_champion(evaluation, registered)
    assert (record.experiment, record.registered) == ("mixed", registered)
    assert record.combination == evaluation.combination
    assert Champion.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, "version 2 as champion"),
        ({"alias": "challenger", "holder": "1"}, "version 2 as challenger of version 1"),
        ({"alias": None}, "version 2, without an alias"),
    ],
)
def test_the_record_tells_a_challenger_from_a_champion(changes, standing):
    version = {"name": NAME, "version": "2", "alias": "champion", "reason": None} | changes
    assert RegisteredVersion(**version).standing == standing


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_the_package_knows_the_rows_it_was_trained_on_and_chosen_by(kind):
    champion = make_champion(kind)
    package = champion.package()
    assert package.test_score == 0.91
    for rows in (champion.train_rows, champion.rows):
        assert np.isin(fingerprint_rows(rows, COLUMNS), package.seen).all()
    other = fingerprint_rows(make_rows(kind, seed=2), COLUMNS)
    assert not np.isin(other, package.seen).any()
    assert len(package.seen) == 160


def test_the_same_champion_has_the_same_digest_and_any_other_one_another():
    champion = make_champion()
    package = champion.package()
    assert champion.package().digest == package.digest
    weights = champion.result.load_network().get_weights()
    network = build_network(champion.result.trial.network, champion.result.trial.seed)
    network.set_weights([weights[0] + 1e-6, *weights[1:]])
    moved = replace(champion, result=replace(champion.result, load_network=lambda: network))
    unit = replace(champion, scaling=TargetScaling(scale=2.0))
    renamed = replace(champion, schema=champion.schema.model_copy(update={"fingerprint": "e"}))
    half = fit_preprocessor(champion.rows.head(20), champion.schema, ScalingParameters())[0]
    scaled = replace(champion, preprocessor=half)
    others = [each.package().digest for each in (moved, unit, renamed, scaled)]
    assert len({package.digest, make_champion(seed=1).package().digest, *others}) == 6


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("best", "best among 30 combinations"),
        ("cheapest_tied", "fastest of those tied for first among 30 combinations"),
    ],
)
def test_the_versions_description_names_the_rule_that_chose_it(rule, said):
    champion = make_champion()
    evaluation = champion.evaluation.model_copy(update={"chosen_by": rule})
    assert said in replace(champion, evaluation=evaluation).package().description


def test_missing_columns_are_named_with_the_nearest_spelling():
    columns = {"mean radius": "numeric", "texture": "numeric", "area": "numeric"}
    model = ServedModel(
        "dnn_sweep_x", "2", "binary", "t", (0, 1), columns, predict=lambda rows: rows
    )
    with pytest.raises(SweepError) as caught:
        model.check_columns(pd.DataFrame({"mean_radius": [1], "area": [2]}))
    assert "2 of the 3 columns" in str(caught.value)
    assert "'mean radius' (is it 'mean_radius'?), 'texture'" in str(caught.value)
    model.check_columns(pd.DataFrame({"mean radius": [1], "area": [2], "texture": [1], "z": [0]}))
