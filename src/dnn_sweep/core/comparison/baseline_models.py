"""The models behind the baselines: what is fitted, and on how many rows."""

import warnings
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.lazy import LazyModule, sklearn
from dnn_sweep.parameters import BaselineName

threadpoolctl = LazyModule("threadpoolctl")

# The most training rows of each, and the most cells (rows x features, times classes where one
# model is fitted per class), chosen so that MNIST takes about a minute of processor time.
MOST_ROWS = {"linear": 100_000, "boosting": 100_000, "support_vectors": 8_000}
MOST_CELLS = {"linear": 400_000_000, "boosting": 40_000_000, "support_vectors": 7_000_000}
NAMES: dict[BaselineName, tuple[str, str]] = {  # for classes, for a regression
    "no_skill": ("most frequent class", "median"),
    "linear": ("logistic regression", "ridge regression"),
    "boosting": ("gradient boosting", "gradient boosting"),
    "support_vectors": ("support vector machine", "support vector machine"),
}


def draw_rows(
    spelling: BaselineName, rows: NDArray[np.intp], features: int, schema: Schema, seed: int
) -> NDArray[np.intp]:
    """Draw as many rows as the baseline can take, in their order; all of them if they are few."""
    models = max(len(schema.classes), 1) if spelling != "support_vectors" else 1
    most = min(MOST_ROWS[spelling], MOST_CELLS[spelling] // max(features * models, 1))
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, max(most, 1), replace=False))


def fit_model(
    spelling: BaselineName,
    features: NDArray[np.float32],
    target: NDArray[np.generic],
    weights: NDArray[np.float64] | None,
    schema: Schema,
    seed: int,
    *,
    calibrated: bool = False,
) -> Any:
    """Fit a model of scikit-learn.

    With ``calibrated``, a support vector machine has probabilities too: the softmax of what it
    decides by, times one number that five-fold cross-validation chooses (temperature scaling). Its
    labels stay as they are.

    References:
        Guo, Pleiss, Sun & Weinberger 2017, On Calibration of Modern Neural Networks.
    """
    regression = schema.task == "regression"
    model = _new_model(spelling, features.shape[1], regression, seed)
    if regression:  # a support vector machine needs a target of about unit variance
        scaler = sklearn.preprocessing.StandardScaler()
        model = sklearn.compose.TransformedTargetRegressor(model, transformer=scaler)
        target = target.astype(np.float64)
    elif calibrated and spelling == "support_vectors":
        folds = max(2, min(5, int(np.unique(target, return_counts=True)[1].min())))
        calibrate = sklearn.calibration.CalibratedClassifierCV
        model = calibrate(model, method="temperature", cv=folds, ensemble=False)
    # One thread: several wait for each other where other programs run, and sum in another order.
    with threadpoolctl.threadpool_limits(1), warnings.catch_warnings():
        # A linear model that stops after 100 iterations is good enough for a baseline.
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        return model.fit(features, target, sample_weight=weights)


def predict_rows(
    model: Any, unseen: NDArray[np.float32], schema: Schema
) -> tuple[NDArray[np.generic], NDArray[np.float64] | None]:
    """Predict rows as class positions with a value per class, or as numbers."""
    with threadpoolctl.threadpool_limits(1):
        if schema.task == "regression":
            return model.predict(unseen), None
        known, shares = model.classes_.astype(np.int64), _class_shares(model, unseen)
    probabilities = np.zeros((len(unseen), len(schema.classes)))
    probabilities[:, known] = shares
    # The label that the model predicts: a support vector machine takes minutes to say it again.
    return known[shares.argmax(axis=1)], probabilities


def calibrate_shares(model: Any, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a support vector machine decides by (see :func:`predict_rows`) as probabilities.

    ``model`` is a calibrated one; other models have probabilities, which stay as they are.
    """
    if not hasattr(model, "calibrated_classifiers_"):
        return shares
    known = model.classes_.astype(np.int64)
    calibrated = np.zeros_like(shares)
    calibrator = model.calibrated_classifiers_[0].calibrators[0]
    calibrated[:, known] = calibrator.predict(shares[:, known])
    return calibrated


def _class_shares(model: Any, unseen: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities, or in their order what a support vector machine decides by."""
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(unseen))
    decided = model.decision_function(unseen)
    if decided.ndim == 1:
        decided = np.stack([-decided, decided], axis=1)
    return np.asarray(scipy.special.softmax(decided, axis=1))


def _new_model(spelling: BaselineName, features: int, regression: bool, seed: int) -> Any:
    if spelling == "no_skill":
        new = sklearn.dummy
        return new.DummyRegressor(strategy="median") if regression else new.DummyClassifier()
    if spelling == "linear":
        new = sklearn.linear_model
        return new.Ridge() if regression else new.LogisticRegression()
    if spelling == "support_vectors":
        if regression:
            return sklearn.svm.SVR()
        # Of classes with equally many votes, the one that its probability will be largest of.
        return sklearn.svm.SVC(break_ties=True)
    new = sklearn.ensemble
    boosting = (
        new.HistGradientBoostingRegressor if regression else new.HistGradientBoostingClassifier
    )
    return boosting(
        learning_rate=0.2,
        max_iter=50,
        # Each split looks at 30 columns, or a tenth of them: faster where there are many.
        max_features=min(1.0, max(0.1, 30 / max(features, 1))),
        early_stopping=False,
        random_state=seed,
    )
