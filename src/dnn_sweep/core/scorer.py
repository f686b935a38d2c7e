"""The objective's value on given rows, and each row's share in it."""

import hashlib
import importlib
import inspect
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.core.objectives import OF_RANKS, Objective
from dnn_sweep.core.row_influence import (
    KNOWN,
    Floats,
    average_precision,
    of_class,
    of_number,
)
from dnn_sweep.core.score_groups import score_groups

WHERE = "evaluation.objective"
# Groups of rows that are left out one after another: enough that a variance of so many values is
# known well, and few enough that a sweep of hundreds of trials is scored in seconds.
GROUPS = 50
# Python's filters of warnings are shared by the threads that train, each of which may score.
_FILTERS = threading.Lock()


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model predicts for some rows.

    Args:
        values: Class positions, or numbers in the target's own unit; shape ``(rows,)``.
        probabilities: Shape ``(rows, classes)``; ``None`` for numbers, or where there are none.
    """

    values: NDArray[np.generic]
    probabilities: Floats | None = None

    def at(self, rows: NDArray[Any]) -> "Predictions":
        """The predictions of some of the rows, by position."""
        some = None if self.probabilities is None else self.probabilities[rows]
        return Predictions(self.values[rows], some)


def predict_without_skill(
    train_target: NDArray[np.generic], rows: int, classes: int
) -> Predictions:
    """Predict the most frequent class of the training rows, with all shares, or their median.

    Args:
        train_target: Class positions, or numbers in the target's own unit.
        rows: How many predictions.
        classes: How many classes there are; 0 for numbers.

    >>> found = predict_without_skill(np.array([0, 2, 2, 2]), rows=1, classes=3)
    >>> found.values, found.probabilities
    (array([2]), array([[0.25, 0.  , 0.75]]))
    """
    if not classes:
        return Predictions(np.full(rows, np.median(train_target.astype(np.float64))))
    shares = np.bincount(train_target.astype(np.int64), minlength=classes) / len(train_target)
    return Predictions(np.full(rows, shares.argmax()), np.tile(shares, (rows, 1)))


@dataclass(frozen=True, eq=False)
class Scorer:
    """Scores predictions of the same rows.

    Args:
        objective: The metric.
        true: Class positions, or numbers in the target's own unit; shape ``(rows,)``.
        classes: How many there are; 0 for numbers.
        groups: Number of the group of each row, from 0, where rows belong together, such as those
            of a patient; shape ``(rows,)``.
        parts: Number of the part of each row, from 0, where rows of different parts may be
            predicted by different networks; shape ``(rows,)``.

    Raises:
        SweepError: If the metric judges the order of the rows, and a class has fewer than two.

    >>> from dnn_sweep.core.objectives import named_objective
    >>> scorer = Scorer(named_objective("balanced_accuracy", "binary"), np.array([0, 0, 0, 1]), 2)
    >>> constant = Predictions(np.zeros(4))
    >>> scorer.value(constant), scorer.row_scores(constant).mean()
    (0.5, np.float64(0.5))
    """

    objective: Objective
    true: NDArray[np.generic]
    classes: int
    groups: NDArray[np.int64] | None = None
    parts: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if not self.objective.scorer.startswith(OF_RANKS):
            return
        counts = np.bincount(self.true.astype(np.int64), minlength=self.classes)
        if counts.min() < 2:
            raise SweepError(
                f"{WHERE}: {self.objective.label} needs two rows of every class, but the rows that "
                f"are scored have {counts.min()} of class {counts.argmin() + 1} of {self.classes}; "
                "give the split more rows, or use balanced_accuracy"
            )

    @cached_property
    def independent_rows(self) -> float:
        """How many independent rows a share is at most worth.

        For the accuracy all; for what weighs classes equally as many as would leave the same
        variance, which the rarest class decides.
        """
        counts = np.bincount(self.true.astype(np.int64)) if self.classes else np.array([])
        if self.objective.metric == "accuracy" or not (counts := counts[counts > 0]).size:
            return float(len(self.true))
        return float(len(counts) ** 2 / (1 / counts).sum())

    def value(self, predicted: Predictions) -> float:
        """The objective's value on all rows."""
        exact = self._exact(predicted)
        if exact is not None:
            return float(exact.mean())
        return self._value(np.arange(len(self.true)), predicted)

    def row_scores(self, predicted: Predictions) -> Floats:
        """Each row's share in the objective, whose mean is the objective's value exactly.

        Where the metric is a mean over rows, these are its terms; of a few others they are each
        row's influence on it (see :mod:`~dnn_sweep.core.row_influence`). Of all other metrics they
        are jackknife pseudo-values of groups of rows, the same groups for all predictions. Their
        spread is that of the metric.

        Returns:
            One value per row, or per group.

        References:
            Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 11; Quenouille 1956.
        """
        exact = self._exact(predicted)
        if exact is not None:
            return exact if self.groups is None else score_groups(exact[np.newaxis], self.groups)[0]
        every = np.arange(len(self.true))
        whole, groups = self._value(every, predicted), self._groups
        sizes = np.bincount(groups)
        left = np.array([self._value(every[groups != g], predicted) for g in range(len(sizes))])
        pseudo = whole + (len(every) / sizes - 1) * (whole - left)
        return np.asarray(pseudo + (whole - pseudo.mean()))

    def part_of_scores(self) -> NDArray[np.int64]:
        """The part of each of the row scores."""
        parts = np.zeros(len(self.true), np.int64) if self.parts is None else self.parts
        if self.objective.scorer in KNOWN:
            units = np.arange(len(parts)) if self.groups is None else self.groups
        else:
            units = self._groups
        found = np.empty(int(units.max()) + 1, np.int64)
        found[units] = parts
        return found

    def _exact(self, predicted: Predictions) -> Floats | None:
        """The terms or influences of the rows; ``None`` where they are not known."""
        name, true = self.objective.scorer, self.true
        if not self.classes:
            return of_number(name, true.astype(np.float64), predicted.values.astype(np.float64))
        shares = self.probabilities(predicted)
        where = self.classes, self.objective.positive
        return of_class(name, true.astype(np.int64), predicted.values, shares, *where)

    @cached_property
    def _groups(self) -> NDArray[np.intp]:
        """The group of each row: drawn at random with the classes spread evenly, or as given."""
        if self.parts is not None:  # none lies in two of them
            found, number = np.empty(len(self.true), dtype=np.intp), int(self.parts.max()) + 1
            start = 0
            for part in range(number):
                rows = np.flatnonzero(self.parts == part)
                units = None if self.groups is None else _numbered(self.groups[rows])
                own = _drawn_groups(self.true[rows], self.classes, units, GROUPS // number)
                found[rows] = start + own
                start += int(own.max()) + 1
            return found
        return _drawn_groups(self.true, self.classes, self.groups, GROUPS)

    def _value(self, rows: NDArray[np.intp], predicted: Predictions) -> float:
        objective, true, given = self.objective, self.true[rows], predicted.at(rows)
        if self.classes == 2:
            # A binary metric is about class 1, which is the positive one here.
            at = [1 - objective.positive, objective.positive]
            true = np.asarray(true == objective.positive, dtype=np.int64)
            values = np.asarray(given.values == objective.positive, dtype=np.int64)
            given = Predictions(values, self.probabilities(given)[:, at])
        elif self.classes:
            given = Predictions(given.values, self.probabilities(given))
        if self.classes == 2 and objective.scorer == "average_precision":
            return average_precision(true, np.asarray(given.probabilities)[:, 1])
        if objective.is_custom:
            return _custom_value(objective, true, given, binary=self.classes == 2)
        scorer = sklearn.metrics.get_scorer(objective.scorer)
        replay = _replay(is_classifier=self.classes > 0)(given, np.arange(self.classes))
        quick = sklearn.config_context(skip_parameter_validation=True)
        with _FILTERS, warnings.catch_warnings(), quick:
            warnings.simplefilter("ignore")  # of a class that is never predicted
            value = scorer(replay, np.arange(len(rows))[:, np.newaxis], true)
        return float(objective.sign * value)

    def probabilities(self, predicted: Predictions) -> Floats:
        """Those given, or certainty of the label where there are none."""
        if predicted.probabilities is not None:
            return predicted.probabilities
        return np.eye(self.classes)[predicted.values.astype(np.int64)]


def _numbered(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def _drawn_groups(
    true: NDArray[np.generic], classes: int, units: NDArray[np.int64] | None, number: int
) -> NDArray[np.intp]:
    """Deal rows to so many groups, with classes spread evenly; or whole units of rows."""
    if units is not None:
        return np.asarray(units % number, dtype=np.intp)
    order = np.random.default_rng(0).permutation(len(true))
    if classes:
        order = order[np.argsort(true[order], kind="stable")]
    groups = np.empty(len(order), dtype=np.intp)
    groups[order] = np.arange(len(order)) % min(number, len(order))
    return groups


@cache
def _replay(*, is_classifier: bool) -> Any:
    """An estimator that repeats predictions, since scikit-learn's scorers take estimators."""
    base: Any = sklearn.base
    kind = base.ClassifierMixin if is_classifier else base.RegressorMixin

    class Replay(kind, base.BaseEstimator):  # type: ignore[misc, valid-type]
        def __init__(self, given: Predictions, classes: NDArray[np.intp]) -> None:
            self.given, self.classes_ = given, classes

        def predict(self, rows: NDArray[np.intp]) -> NDArray[np.generic]:
            return self.given.values[rows[:, 0]]

        def predict_proba(self, rows: NDArray[np.intp]) -> Floats:
            return np.asarray(self.given.probabilities)[rows[:, 0]]

    return Replay


@cache
def find_function(spelling: str) -> Callable[[Any, Any], float]:
    """Import a user's metric, ``module:function``.

    Raises:
        SweepError: If there is no such module or function.
    """
    path, _, name = spelling.partition(":")
    try:
        found = getattr(importlib.import_module(path), name, None)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise SweepError(
            f"{WHERE}: importing {path!r} failed ({said}). It must be a module in the project's "
            "folder, in src/ or installed"
        ) from error
    if not callable(found):
        raise SweepError(f"{WHERE}: {path!r} has no function {name!r}")
    metric: Callable[[Any, Any], float] = found
    return metric


def source_of(spelling: str) -> str:
    """SHA-256 of the source of a user's metric's module, in hexadecimal; empty if there is none."""
    try:
        source = inspect.getsource(inspect.getmodule(find_function(spelling)) or find_function)
    except (OSError, TypeError):  # a function that is not written in Python
        return ""
    return hashlib.sha256(source.encode()).hexdigest()


def _custom_value(
    objective: Objective, true: NDArray[np.generic], predicted: Predictions, *, binary: bool
) -> float:
    scores: Any = predicted.values
    if predicted.probabilities is not None:
        scores = predicted.probabilities[:, 1] if binary else predicted.probabilities
    try:
        value = float(find_function(objective.scorer)(true, scores))
    except SweepError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise SweepError(f"{WHERE}: {objective.scorer} failed: {said}") from error
    if not np.isfinite(value):
        raise SweepError(f"{WHERE}: {objective.scorer} returned {value}, not a finite number")
    return value
