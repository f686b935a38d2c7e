import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from dnn_sweep.core.champion.metrics import classification_metrics, regression_metrics
from dnn_sweep.parameters import EvaluationParameters

EVALUATION = EvaluationParameters(calibration_bins=10)


def predictions(seed: int, rows: int, classes: int):
    rng = np.random.default_rng(seed)
    true = rng.integers(classes, size=rows).astype(np.int32)
    logits = rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[true]
    return true, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def hold_their_values(measured):
    return all(m.ci_low is None or m.ci_low <= m.value <= m.ci_high for m in measured.values())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(5, 60), classes=st.integers(2, 5))
def test_classification_metrics_equal_scikit_learns(seed, rows, classes):
    true, probabilities = predictions(seed, rows, classes)
    ours = classification_metrics(true, probabilities, EVALUATION)
    predicted = probabilities.argmax(axis=1)

    assert ours["accuracy"].value == pytest.approx(reference.accuracy_score(true, predicted))
    f1 = reference.f1_score(true, predicted, average="macro")
    assert ours["macro_f1"].value == pytest.approx(f1)
    log_loss = reference.log_loss(true, probabilities, labels=range(classes))
    assert ours["log_loss"].value == pytest.approx(log_loss)
    assert hold_their_values(ours)


def test_the_interval_of_the_accuracy_is_the_exact_binomial_one():
    true = np.zeros(114, dtype=np.int32)
    probabilities = np.where(np.arange(114)[:, None] < 113, [[0.9, 0.1]], [[0.1, 0.9]])
    accuracy = classification_metrics(true, probabilities, EVALUATION)["accuracy"]
    exact = stats.binomtest(113, 114).proportion_ci(0.95)
    assert (accuracy.ci_low, accuracy.ci_high) == pytest.approx((exact.low, exact.high))


def test_a_macro_f1_without_a_mistake_may_still_be_less_than_1():
    true = np.array([0] * 95 + [1] * 5, dtype=np.int32)
    probabilities = np.eye(2)[true] * 0.8 + 0.1
    macro_f1 = classification_metrics(true, probabilities, EVALUATION)["macro_f1"]
    assert macro_f1.value == macro_f1.ci_high == 1
    assert 0.5 < macro_f1.ci_low < 0.95


def test_calibration_error_by_hand():
    # Confidence 0.9, right three times of four; confidence 0.6, right once of one.
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]])
    true = np.array([0, 0, 0, 1, 0], dtype=np.int32)
    found = classification_metrics(true, probabilities, EVALUATION)["calibration_error"]
    assert found.value == pytest.approx(4 / 5 * abs(0.75 - 0.9) + 1 / 5 * abs(1 - 0.6))
    assert found.ci_low is None


def test_a_certain_and_wrong_prediction_has_a_finite_log_loss():
    true, probabilities = np.array([1], dtype=np.int32), np.array([[1.0, 0.0]])
    found = classification_metrics(true, probabilities, EVALUATION)["log_loss"]
    assert 10 < found.value < 20


def test_regression_metrics_equal_scikit_learns():
    rng = np.random.default_rng(0)
    true = rng.normal(size=40)
    predicted = true + rng.normal(size=40) / 3
    ours = regression_metrics(true, predicted, EVALUATION)

    assert ours["mae"].value == pytest.approx(reference.mean_absolute_error(true, predicted))
    rmse = reference.root_mean_squared_error(true, predicted)
    assert ours["rmse"].value == pytest.approx(rmse)
    assert ours["r2"].value == pytest.approx(reference.r2_score(true, predicted))
    assert hold_their_values(ours)


def test_perfect_predictions_have_intervals_of_no_width():
    true = np.arange(20.0)
    ours = regression_metrics(true, true, EVALUATION)
    assert (ours["rmse"].ci_low, ours["rmse"].ci_high) == (0, 0)
    assert (ours["r2"].ci_low, ours["r2"].ci_high) == (1, 1)
