"""Every metric has row scores of which it is the mean, and whose spread is its own."""

import numpy as np
import pytest
from sklearn import metrics

from dnn_sweep.core import scorer as scoring
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import SCORERS, named_objective
from dnn_sweep.core.scorer import Predictions, Scorer, predict_without_skill

ROWS = 240
SHARES = {"binary": [0.9, 0.1], "multiclass": [0.5, 0.4, 0.1], "regression": []}


def draw(task, rows=ROWS, seed=0):
    """True targets, and predictions that know something of them."""
    rng, classes = np.random.default_rng(seed), len(SHARES[task])
    if not classes:
        true = rng.gamma(3, size=rows) + 0.1
        return true, Predictions(true * rng.uniform(0.7, 1.4, rows))
    true = rng.choice(classes, rows, p=SHARES[task])
    shares = rng.dirichlet(np.ones(classes), rows) + 0.6 * np.eye(classes)[true]
    shares /= shares.sum(axis=1, keepdims=True)
    return true, Predictions(shares.argmax(axis=1), shares)


@pytest.mark.parametrize("task", SCORERS)
def test_every_metric_is_scikit_learns_and_the_mean_of_its_row_scores(task, monkeypatch):
    monkeypatch.setattr(scoring, "GROUPS", 4)
    true, predicted = draw(task)
    for name in SCORERS[task]:
        objective = named_objective(name, task)
        scorer = Scorer(objective, true, len(SHARES[task]))
        replay = scoring._replay(is_classifier=task != "regression")
        estimator = replay(predicted, np.arange(len(SHARES[task])))
        given = np.arange(ROWS)[:, np.newaxis], true
        expected = objective.sign * metrics.get_scorer(name)(estimator, *given)
        assert scorer.value(predicted) == pytest.approx(expected), name
        assert scorer.row_scores(predicted).mean() == pytest.approx(expected), name


INFLUENCED = ["f1", "f1_macro", "balanced_accuracy", "roc_auc"]


@pytest.mark.parametrize("name", [*INFLUENCED, "average_precision"])
def test_the_spread_of_row_scores_is_that_of_the_metric_over_draws_of_rows(name):
    values, errors = [], []
    for seed in range(200):
        true, predicted = draw("binary", seed=seed)
        scorer = Scorer(named_objective(name, "binary"), true, 2)
        values.append(scorer.value(predicted))
        if seed < 30:
            scores = scorer.row_scores(predicted)
            errors.append(scores.std(ddof=1) / np.sqrt(len(scores)))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.2)


def test_a_binary_metric_is_about_the_positive_class():
    true = np.array([0, 0, 1, 1, 1, 1, 1, 1])
    shares = np.array([0.1, 0.9, 0.2, 0.8, 0.9, 0.9, 0.9, 0.9])
    predicted = Predictions((shares > 0.5).astype(int), np.stack([1 - shares, shares], axis=1))
    for positive in (0, 1):
        objective = named_objective("average_precision", "binary", positive)
        scores = predicted.probabilities[:, positive]
        expected = metrics.average_precision_score(true == positive, scores)
        assert Scorer(objective, true, 2).value(predicted) == pytest.approx(expected)


def test_a_metric_of_the_order_needs_two_rows_of_every_class():
    with pytest.raises(SweepError, match="needs two rows of every class"):
        Scorer(named_objective("roc_auc", "binary"), np.array([0, 0, 0, 1]), 2)
    assert Scorer(named_objective("f1_macro", "binary"), np.array([0, 0, 0, 1]), 2)


def test_a_balanced_share_is_worth_few_rows_where_a_class_is_rare():
    true = np.repeat([0, 1], [190, 10])
    assert Scorer(named_objective("accuracy", "binary"), true, 2).independent_rows == 200
    balanced = Scorer(named_objective("balanced_accuracy", "binary"), true, 2)
    assert balanced.independent_rows == pytest.approx(4 / (1 / 190 + 1 / 10))


def half_right(true, scores):
    """A metric of a user's."""
    assert scores.shape == true.shape
    return float(((scores > 0.5) == true).mean() / 2)


def broken(true, scores):
    return float("nan")


def test_a_users_function_gets_true_classes_and_the_probability_of_the_positive_one():
    true, predicted = draw("binary")
    scorer = Scorer(named_objective(f"{__name__}:half_right", "binary"), true, 2)
    accuracy = (predicted.values == true).mean()
    assert scorer.value(predicted) == pytest.approx(accuracy / 2)
    assert scorer.objective.validation_metric == "val_half_right"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module:f", "importing 'no_such_module' failed"),
        (f"{__name__}:no_such", "has no function 'no_such'"),
        (f"{__name__}:broken", "returned nan, not a finite number"),
    ],
)
def test_a_users_function_that_cannot_be_used_is_named(name, said):
    scorer = Scorer(named_objective(name, "binary"), np.array([0, 1]), 2)
    with pytest.raises(SweepError, match=said):
        scorer.value(predict_without_skill(np.array([0, 1]), 2, 2))
