import logging

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison import baseline_models
from dnn_sweep.core.comparison.baselines import fit_baselines
from dnn_sweep.core.data.predictions import build_scorer
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.scorer import Predictions
from dnn_sweep.parameters import BASELINES, EvaluationParameters
from tests.builders import CLASSES, FEATURES, make_data, make_plan, schema_of

COLUMNS = [f"numeric__x{i}" for i in range(FEATURES)]


def matrices(task="multiclass"):
    data = make_data(task)
    train = pd.DataFrame(data.x_train, columns=COLUMNS).assign(target=data.y_train)
    return train, pd.DataFrame(data.x_validation, columns=COLUMNS).assign(target=data.y_validation)


def fit(task="multiclass", rows=None, training=None, **given):
    train, validation = rows or matrices(task)
    plan = make_plan(task, training=training or {})
    fitted = fit_baselines(plan, train, validation, schema_of(task), EvaluationParameters(**given))
    return {each.spelling: each for each in fitted}


@pytest.mark.parametrize("task", CLASSES)
def test_every_baseline_predicts_every_validation_row(task):
    train, validation = matrices(task)
    true, scaling = validation["target"].to_numpy(), TargetScaling(mean=5.0, scale=10.0)
    found = fit(task, (train, validation))

    assert tuple(found) == BASELINES
    scorer = build_scorer(None, task, 3, true, scaling)
    scores = {name: each.row_scores(scorer, scaling).mean() for name, each in found.items()}
    for name, each in found.items():
        assert each.row_scores(scorer, scaling).shape == true.shape
        assert (each.rows, each.training_rows) == (len(train), len(train))
        assert each.seconds >= 0
        if name != "no_skill":  # the rows can be told apart, so a model does better than none
            better = scores[name] - scores["no_skill"]
            assert better < -1 if task == "regression" else better > 0.1


@pytest.mark.parametrize("missing", [None, 1])
@pytest.mark.parametrize("spelling", [name for name in BASELINES if name != "no_skill"])
@pytest.mark.parametrize("task", [task for task in CLASSES if task != "regression"])
def test_labels_are_those_that_the_model_predicts(task, spelling, missing):
    data, schema = make_data(task), schema_of(task)
    rows = slice(None) if missing is None or task == "binary" else data.y_train != missing
    model = baseline_models.fit_model(
        spelling, data.x_train[rows], data.y_train[rows].astype(int), None, schema, seed=0
    )
    labels, _ = baseline_models.predict_rows(model, data.x_validation, schema)
    np.testing.assert_array_equal(labels, model.predict(data.x_validation))


def test_without_skill_it_is_the_most_frequent_class_or_the_median():
    train, validation = matrices()
    train["target"] = [2] * 50 + [0] * 20 + [1] * 10
    found = fit(rows=(train, validation))["no_skill"]
    assert found.name == "most frequent class"
    assert set(found.predictions) == {2}
    assert found.probabilities[0].tolist() == [0.25, 0.125, 0.625]

    train, validation = matrices("regression")
    found = fit("regression", (train, validation))["no_skill"]
    assert found.name == "median"
    assert found.predictions[0] == pytest.approx(np.median(train["target"]))
    scaling = TargetScaling(scale=10.0)
    scorer = build_scorer(None, "regression", 1, np.zeros(40), scaling)
    assert found.row_scores(scorer, scaling)[0] == pytest.approx(
        10 * abs(np.median(train["target"]))
    )


def test_probabilities_have_a_column_per_class_even_for_one_without_training_rows():
    train, validation = matrices()
    train = train[train["target"] != 1]
    found = fit(rows=(train, validation))
    for name in BASELINES:
        table = found[name].probabilities
        assert table.shape == (len(validation), 3)
        assert table.sum(axis=1) == pytest.approx(1)
        assert not table[:, 1].any()


def test_a_regression_is_fitted_whatever_the_unit_of_its_target():
    train, validation = matrices("regression")
    large = [each.assign(target=1e6 + 1e5 * each["target"]) for each in (train, validation)]
    small, scaled = fit("regression", (train, validation)), fit("regression", tuple(large))
    for name in BASELINES:
        expected = 1e6 + 1e5 * small[name].predictions.astype(float)
        assert scaled[name].predictions == pytest.approx(expected, abs=1e3)


def test_the_same_sweep_has_the_same_baselines():
    first, again = fit(), fit()
    for name in BASELINES:
        assert (first[name].predictions == again[name].predictions).all()


def test_only_those_asked_for_are_fitted():
    assert list(fit(baselines=["linear"])) == ["linear"]
    assert fit(baselines=[]) == {}


def test_rows_beyond_the_cap_are_drawn_with_a_fixed_seed_and_it_is_said(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setitem(baseline_models.MOST_ROWS, "support_vectors", 30)
    monkeypatch.setitem(
        baseline_models.MOST_CELLS, "linear", 4 * 3 * 50
    )  # features x classes x rows
    found, again = fit(), fit()

    rows = {name: each.rows for name, each in found.items()}
    assert rows == {"no_skill": 80, "linear": 50, "boosting": 80, "support_vectors": 30}
    assert found["support_vectors"].training_rows == 80
    assert (found["linear"].predictions == again["linear"].predictions).all()
    assert "support vector machine is fitted on 30 of 80 training rows" in caplog.text


def test_rows_of_weight_0_are_not_learned_from():
    train, validation = matrices()
    wrong = train.assign(target=(train["target"] + 1) % 3)
    weighed = pd.concat([train.assign(sample_weight=2.0), wrong.assign(sample_weight=0.0)])
    found, plain = fit(rows=(weighed, validation)), fit(rows=(train, validation))
    for name in ("linear", "boosting", "support_vectors"):
        assert found[name].rows == 80
        assert (found[name].predictions == plain[name].predictions).all()


def test_the_weight_of_a_class_counts_as_it_does_for_the_networks():
    train, validation = matrices()
    blurred = train.assign(**{name: 0.0 for name in train.columns if name != "target"})
    heavy = {0: 1.0, 1: 1.0, 2: 100.0}
    found = fit(rows=(blurred, validation), training={"class_weight": heavy})
    assert set(found["linear"].predictions) == {2}


def test_a_support_vector_machine_orders_rows_but_has_no_probabilities(caplog):
    caplog.set_level(logging.INFO)
    train, validation = matrices("binary")
    true = validation["target"].to_numpy()
    given = make_plan("binary"), train, validation, schema_of("binary"), EvaluationParameters()
    ranked = fit_baselines(*given, objective=named_objective("roc_auc", "binary"))
    scorer = build_scorer(named_objective("roc_auc", "binary"), "binary", 1, true, TargetScaling())
    machine = next(each for each in ranked if each.spelling == "support_vectors")
    labels = scorer.value(Predictions(machine.predictions))
    assert machine.row_scores(scorer, TargetScaling()).mean() > labels > 0.5
    fitted = fit_baselines(*given, objective=named_objective("log_loss", "binary"))
    assert [each.spelling for each in fitted] == ["no_skill", "linear", "boosting"]
    assert "support vector machine has no probabilities" in caplog.text


def test_what_cannot_be_fitted_is_left_out_with_a_warning(caplog):
    train, validation = matrices()
    found = fit(rows=(train.assign(target=1), validation))
    assert "no_skill" in found
    assert "linear" not in found
    assert "The baseline logistic regression could not be fitted" in caplog.text


def folds_of(matrix, validated, shift=0.0):
    """All rows once per fold, with the target of a regression in a unit of the fold's own."""
    parts = []
    for number, rows in enumerate(validated):
        part = matrix.assign(fold=number, validated=np.isin(np.arange(len(matrix)), rows))
        part["target"] = part["target"] + shift * number
        parts.append(part.assign(target_mean=0.0, target_scale=1.0))
    return pd.concat(parts)


def fit_in_folds(task, matrix, validated, shift=0.0, **given):
    plan, schema = make_plan(task), schema_of(task)
    evaluation = EvaluationParameters(**given)
    scaled = folds_of(matrix, validated, shift)
    return fit_baselines(plan, matrix, matrix, schema, evaluation, scaled)


def test_with_folds_no_row_is_predicted_by_a_model_that_was_fitted_on_it():
    # Labels without any relation to the features: only a model that saw a row could know it.
    random = np.random.default_rng(0)
    matrix = pd.DataFrame(random.normal(size=(400, FEATURES)), columns=COLUMNS)
    matrix = matrix.assign(target=random.integers(0, 3, 400).astype(np.int32))
    validated = np.array_split(random.permutation(400), 4)
    again = np.array_split(random.permutation(400), 4)  # a second repeat, which is not used
    for each in fit_in_folds("multiclass", matrix, [*validated, *again]):
        scorer = build_scorer(None, "multiclass", 3, matrix["target"].to_numpy(), TargetScaling())
        right = each.row_scores(scorer, TargetScaling())
        assert right.shape == (400,)
        assert right.mean() < 0.45
        assert (each.rows, each.training_rows) == (300, 300)


def test_with_folds_predictions_are_in_the_order_of_the_rows_and_in_the_common_unit():
    train, _ = matrices("regression")
    validated = np.array_split(np.random.default_rng(1).permutation(len(train)), 4)
    (found,) = fit_in_folds("regression", train, validated, shift=5.0, baselines="linear")
    for rows in validated:
        kept = train.drop(train.index[rows])
        (alone,) = fit_baselines(
            make_plan("regression"),
            kept,
            train.iloc[rows],
            schema_of("regression"),
            EvaluationParameters(baselines="linear"),
        )
        np.testing.assert_allclose(
            found.predictions[np.sort(rows)],
            np.asarray(alone.predictions)[np.argsort(rows)],
            rtol=1e-5,
            atol=1e-6,
        )
