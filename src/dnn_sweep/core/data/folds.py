"""Cross-validation: which fold validates each row, and the scaled rows of every fold.

Folds are numbered through all repeats: with 4 folds, the second repeat has the folds 4 to 7.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import (
    TrainingData,
    features_and_target,
    matrix_fingerprint,
    sample_weights_of,
)
from dnn_sweep.core.data.groups import first_rows, groups_of, most_frequent
from dnn_sweep.core.data.preprocessing import (
    GROUP,
    SAMPLE_WEIGHT,
    TARGET,
    fit_preprocessor,
    scale_rows,
)
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.data.splitting import check_classes, number_of_folds
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import ScalingParameters, SplitParameters

# Columns of the scaled rows of all folds, beside the features and the target.
FOLD, VALIDATED, TARGET_MEAN, TARGET_SCALE = "fold", "validated", "target_mean", "target_scale"
NEUTRAL = TargetScaling()


def assign_folds(
    train_rows: pd.DataFrame,
    schema: Schema,
    split: SplitParameters,
) -> pd.DataFrame:
    """Assign every row that is not a test row to a fold, once per repeat.

    Returns:
        One row per row of ``train_rows``, in their order, and one column per repeat, ``repeat_1``
        and so on, with the number of the fold that validates it; no rows without folds.

    Raises:
        SweepError: If there are fewer rows, rows of a class, or groups than folds, or a fold
            would lack a class.

    >>> folds = assign_folds(train_rows, schema, SplitParameters(folds=4))
    >>> folds["repeat_1"].value_counts().sort_index().tolist()
    [23, 23, 22, 22]
    """
    folds = number_of_folds(split)
    if not folds:
        return pd.DataFrame(index=train_rows.index[:0])
    stratify = split.stratify and schema.task != "regression"
    _check_enough_rows(train_rows[schema.target], schema, folds, stratify=stratify)
    groups = groups_of(train_rows, schema)
    groups = np.arange(len(train_rows)) if groups is None else groups
    alone, target = len(groups) == groups.max() + 1, train_rows[schema.target]
    labels = target.to_numpy() if alone or not stratify else most_frequent(target, groups)
    if len(first_rows(groups)) < folds:
        raise SweepError(
            f"split.folds: {folds} folds need as many groups of {schema.group!r} outside the test "
            f"split; there are {groups.max() + 1}"
        )
    if not alone and pd.Series(labels).value_counts().min() < folds:
        stratify = False  # too few groups to keep the shares of the classes
    kind = "StratifiedKFold" if stratify else "KFold"
    columns = {}
    for repeat in range(split.repeats):
        # The first repeat differs from the draw of the test rows, which has the same seed.
        random = np.random.RandomState(np.random.MT19937([split.seed, repeat, folds]))
        divider = getattr(sklearn.model_selection, kind)(folds, shuffle=True, random_state=random)
        fold_of = np.empty(groups.max() + 1, dtype=np.int64)
        divided = divider.split(fold_of, labels if stratify else None)
        for number, (_, validated) in enumerate(divided, start=repeat * folds):
            fold_of[validated] = number
        columns[f"repeat_{repeat + 1}"] = fold_of[groups]
    assigned = pd.DataFrame(columns, index=train_rows.index)
    if split.stratify and schema.task != "regression":
        for number, validated in enumerate(rows_by_fold(assigned)):
            parts = {"training": _left_for_training(train_rows, validated)}
            parts["validation"] = train_rows.iloc[validated]
            check_classes(parts, schema, f"fold {number}")
    return assigned


def scale_folds(
    train_rows: pd.DataFrame,
    folds: pd.DataFrame,
    preprocessor: Any,
    schema: Schema,
    scaling: ScalingParameters,
) -> pd.DataFrame:
    """Scale all rows once per fold, by a preprocessing that is fitted on its training rows alone.

    ``preprocessor`` is fitted on all of ``train_rows``; it only names the features, since every
    fold's network has the same inputs. A category that a fold's training rows lack is 0 in all
    of its columns, as a new category is when the model is served.

    Returns:
        For each fold all rows in their order: the features, ``target``, any ``sample_weight`` and
        ``group``, ``fold``, whether the fold validates the row (``validated``), and the fold's
        ``target_mean`` and ``target_scale``; no rows without folds.

    >>> folds = assign_folds(train_rows, schema, SplitParameters(folds=4))
    >>> scaled = scale_folds(train_rows, folds, preprocessor, schema, scaling)
    >>> scaled.groupby("fold")["validated"].sum().tolist()
    [23, 23, 22, 22]
    """
    names = list(preprocessor.get_feature_names_out())
    scaled = []
    for number, validated in enumerate(rows_by_fold(folds)):
        own, scale = fit_preprocessor(_left_for_training(train_rows, validated), schema, scaling)
        matrix = scale_rows(train_rows, own, scale, schema)
        beside = [name for name in (TARGET, SAMPLE_WEIGHT, GROUP) if name in matrix]
        matrix = matrix.reindex(columns=[*names, *beside], fill_value=np.float32(0))
        matrix[FOLD] = number
        matrix[VALIDATED] = np.isin(np.arange(len(matrix)), validated)
        matrix[TARGET_MEAN], matrix[TARGET_SCALE] = scale.mean, scale.scale
        scaled.append(matrix)
    if not scaled:
        return pd.DataFrame(columns=[*names, TARGET, FOLD, VALIDATED, TARGET_MEAN, TARGET_SCALE])
    return pd.concat(scaled)


def rows_by_fold(folds: pd.DataFrame | None) -> list[NDArray[np.intp]]:
    """List the positions of the rows that each fold validates, fold after fold.

    >>> rows_by_fold(pd.DataFrame({"repeat_1": [1, 0, 1]}))
    [array([1]), array([0, 2])]
    """
    found: list[NDArray[np.intp]] = []
    for _, column in () if folds is None else folds.items():
        fold_of = column.to_numpy()
        found += [np.flatnonzero(fold_of == number) for number in np.unique(fold_of)]
    return found


def count_folds(folds: pd.DataFrame | None) -> int:
    """Number of folds in one repeat; 0 without cross-validation.

    >>> count_folds(pd.DataFrame({"repeat_1": [1, 0, 1], "repeat_2": [3, 2, 2]})), count_folds(None)
    (2, 0)
    """
    return 0 if folds is None or folds.empty else int(folds.iloc[:, 0].nunique())


def fewest_training_rows(folds: pd.DataFrame, inner: float) -> int:
    """Number of rows that a trial is trained on, in the fold where these are fewest.

    ``inner`` is the fraction of a fold's training rows that is watched.

    >>> fewest_training_rows(pd.DataFrame({"repeat_1": [0, 0, 1, 1, 1]}), 0)
    2
    """
    fewest = len(folds) - max(len(validated) for validated in rows_by_fold(folds))
    return fewest - count_watched(fewest, inner)


def count_watched(rows: int, inner: float) -> int:
    """Number of training rows that are watched and not trained on: at least one of a fraction.

    >>> count_watched(90, 0.1), count_watched(5, 0.1), count_watched(90, 0)
    (9, 1, 0)
    """
    return min(max(round(inner * rows), 1), rows - 1) if inner else 0


@dataclass(frozen=True)
class Fold:
    """Scaled rows of a fold or of the only split: those that train, are watched, and score.

    Args:
        train: The rows that its networks are trained on.
        watched: Rows of which the callbacks see the loss; ``None`` where none decides anything.
        scored: The rows that it validates.
        scaling: Of its target.
    """

    train: pd.DataFrame
    watched: pd.DataFrame | None
    scored: pd.DataFrame
    scaling: TargetScaling

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rows and of their division, in hexadecimal."""
        parts = (self.train, self.watched, self.scored)
        return matrix_fingerprint(*(each for each in parts if each is not None))

    @property
    def data(self) -> TrainingData:
        """The rows as arrays."""
        scored = features_and_target(self.scored)
        watched = scored if self.watched is None else features_and_target(self.watched)
        return TrainingData(
            *features_and_target(self.train),
            *watched,
            self.scaling.scale,
            sample_weights_of(self.train),
            x_scored=None if self.watched is None else scored[0],
            target_mean=self.scaling.mean,
        )


def divide_folds(fold_matrices: pd.DataFrame | None, inner: float) -> list[Fold]:
    """Divide the rows of :func:`scale_folds` by fold.

    ``inner`` is the fraction of a fold's training rows that is watched and not trained on, drawn
    at random but the same for every trial; 0 for none.

    >>> folds = assign_folds(train_rows, schema, SplitParameters(folds=4))
    >>> scaled = scale_folds(train_rows, folds, preprocessor, schema, scaling)
    >>> first = divide_folds(scaled, inner=0.1)[0]
    >>> len(first.train), len(first.watched), len(first.scored)
    (60, 7, 23)
    """
    if fold_matrices is None:
        return []
    found = []
    for number, (_, rows) in enumerate(fold_matrices.groupby(FOLD)):
        scaling = TargetScaling(mean=rows[TARGET_MEAN].iloc[0], scale=rows[TARGET_SCALE].iloc[0])
        matrix = rows.drop(columns=[FOLD, VALIDATED, TARGET_MEAN, TARGET_SCALE])
        validated = rows[VALIDATED].to_numpy(dtype=bool)
        train, watched = _hold_out(matrix[~validated], inner, number)
        found.append(Fold(train, watched, matrix[validated], scaling))
    return found


def divide_once(
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    inner: float,
    scaling: TargetScaling = NEUTRAL,
) -> Fold:
    """Divide the training rows of a single split as :func:`divide_folds` does those of a fold.

    >>> one = divide_once(train_matrix, validation_matrix, inner=0.1)
    >>> len(one.train), len(one.watched), len(one.scored)
    (81, 9, 30)
    """
    return Fold(*_hold_out(train_matrix, inner, 0), validation_matrix, scaling)


def _hold_out(
    train: pd.DataFrame, inner: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Divide training rows into those that are trained on and those that callbacks watch."""
    if not inner:
        return train, None
    groups = pd.factorize(train[GROUP])[0] if GROUP in train else np.arange(len(train))
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    watched = np.isin(groups, order[: count_watched(len(order), inner)])
    return train[~watched], train[watched]


def _left_for_training(rows: pd.DataFrame, validated: NDArray[np.intp]) -> pd.DataFrame:
    return rows[~np.isin(np.arange(len(rows)), validated)]


def _check_enough_rows(target: pd.Series, schema: Schema, folds: int, *, stratify: bool) -> None:
    if len(target) < folds:
        raise SweepError(f"split.folds: {folds} folds of {len(target)} rows would leave some empty")
    if not stratify:
        return
    counts = target.value_counts().reindex(list(schema.classes), fill_value=0)
    few = counts[counts < folds]
    if len(few):
        listed = ", ".join(f"{label!r} ({count})" for label, count in few.head(5).items())
        raise SweepError(
            f"split.folds: {folds} folds need {folds} rows of each class of {schema.target!r} "
            f"outside the test split, one for each fold; too few: {listed}. Use at most "
            f"{max(counts.min(), 2)} folds, merge these classes, or set split.stratify: false"
        )
