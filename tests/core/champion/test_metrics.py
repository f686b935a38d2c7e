import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from dnn_sweep.core.champion.metrics import classification_metrics, regression_metrics


def predictions(seed: int, rows: int, classes: int):
    rng = np.random.default_rng(seed)
    true = rng.integers(classes, size=rows).astype(np.int32)
    logits = rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[true]
    return true, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(5, 60), classes=st.integers(2, 5))
def test_classification_metrics_equal_scikit_learns(seed, rows, classes):
    true, probabilities = predictions(seed, rows, classes)
    every = np.arange(rows)
    ours = {k: m(every) for k, m in classification_metrics(true, probabilities, 10).items()}
    predicted = probabilities.argmax(axis=1)

    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(true, predicted))
    assert ours["macro_f1"] == pytest.approx(reference.f1_score(true, predicted, average="macro"))
    assert ours["log_loss"] == pytest.approx(
        reference.log_loss(true, probabilities, labels=range(classes))
    )


def test_calibration_error_by_hand():
    # Confidence 0.9, right three times of four; confidence 0.6, right once of one.
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]])
    true = np.array([0, 0, 0, 1, 0], dtype=np.int32)
    metric = classification_metrics(true, probabilities, 10)["calibration_error"]
    assert metric(np.arange(5)) == pytest.approx(4 / 5 * abs(0.75 - 0.9) + 1 / 5 * abs(1 - 0.6))


def test_a_certain_and_wrong_prediction_has_a_finite_log_loss():
    metric = classification_metrics(np.array([1], dtype=np.int32), np.array([[1.0, 0.0]]), 10)
    assert 10 < metric["log_loss"](np.arange(1)) < 20


def test_regression_metrics_equal_scikit_learns():
    rng = np.random.default_rng(0)
    true = rng.normal(size=40)
    predicted = true + rng.normal(size=40) / 3
    every = np.arange(40)
    ours = {name: metric(every) for name, metric in regression_metrics(true, predicted).items()}

    assert ours["mae"] == pytest.approx(reference.mean_absolute_error(true, predicted))
    assert ours["rmse"] == pytest.approx(reference.root_mean_squared_error(true, predicted))
    assert ours["r2"] == pytest.approx(reference.r2_score(true, predicted))


def test_metrics_of_many_samples_equal_those_of_each():
    true, probabilities = predictions(1, 50, 3)
    drawn = np.random.default_rng(0).integers(50, size=(7, 50))
    measured = classification_metrics(true, probabilities, 10)
    measured |= regression_metrics(true.astype(float), probabilities[:, 0])
    for metric in measured.values():
        np.testing.assert_allclose(metric(drawn), [metric(sample) for sample in drawn])
