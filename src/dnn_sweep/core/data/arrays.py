"""The arrays that every engine trains on, and their order in each epoch."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.preprocessing import GROUP, SAMPLE_WEIGHT, TARGET


@dataclass(frozen=True)
class TrainingData:
    """Scaled rows.

    Args:
        x_train: Training features, float32 of shape ``(rows, features)``.
        y_train: Class positions (int32) or standardised targets (float32), shape ``(rows,)``.
        x_validation: Validation features, as ``x_train``.
        y_validation: Validation targets, as ``y_train``.
        target_scale: One unit of ``y`` in the target's own unit; 1 for classes.
        sample_weights: Per-row loss weights of the training rows, float32 of shape ``(rows,)``;
            ``None`` for equal weights.
        x_scored: Features of the rows whose outputs are kept, as ``x_train``; ``None`` for the
            validation rows. Of a fold they may be others than those that callbacks watch.
        target_mean: The target's mean in its own unit, which is 0 in ``y``; 0 for classes.
        folds: The rows of each fold of a cross-validation; then the fields above hold all rows,
            and the validation rows are the training rows.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.generic]
    x_validation: NDArray[np.float32]
    y_validation: NDArray[np.generic]
    target_scale: float = 1.0
    sample_weights: NDArray[np.float32] | None = None
    x_scored: NDArray[np.float32] | None = None
    target_mean: float = 0.0
    folds: tuple["TrainingData", ...] = ()

    @classmethod
    def from_matrices(
        cls,
        train: pd.DataFrame,
        validation: pd.DataFrame,
        target_scale: float = 1.0,
        target_mean: float = 0.0,
    ) -> "TrainingData":
        """Extract features, targets and the training rows' weights from scaled tables."""
        arrays = (*features_and_target(train), *features_and_target(validation))
        return cls(*arrays, target_scale, sample_weights_of(train), target_mean=target_mean)

    @property
    def scored(self) -> NDArray[np.float32]:
        """Features of the rows whose outputs are kept, shape ``(rows, features)``."""
        return self.x_validation if self.x_scored is None else self.x_scored

    def of(self, fold: int | None) -> "TrainingData":
        """Return the rows of one fold; all of them for ``None``."""
        return self if fold is None else self.folds[fold]

    def in_common_unit(self, outputs: NDArray[np.float32], fold: int | None) -> NDArray[np.float32]:
        """Convert a fold's outputs, whose target has its own scaling, to the scaling of all."""
        own = self.of(fold)
        if (own.target_mean, own.target_scale) == (self.target_mean, self.target_scale):
            return outputs
        values = outputs.astype(np.float64) * own.target_scale + own.target_mean
        return ((values - self.target_mean) / self.target_scale).astype(np.float32)


def features_and_target(matrix: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.generic]]:
    """Return a scaled table's features as one contiguous float32 array, and its target."""
    features = matrix.drop(columns=[TARGET, SAMPLE_WEIGHT, GROUP], errors="ignore")
    return np.ascontiguousarray(features.to_numpy(np.float32)), matrix[TARGET].to_numpy()


def sample_weights_of(matrix: pd.DataFrame) -> NDArray[np.float32] | None:
    """Return a scaled table's per-row loss weights, shape ``(rows,)``; ``None`` if it has none."""
    return matrix[SAMPLE_WEIGHT].to_numpy(np.float32) if SAMPLE_WEIGHT in matrix else None


def epoch_order(rows: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """Draw the permutation of the training rows in one epoch (from 0) of one replicate.

    All combinations of a replicate, which shares a seed, see the rows in the same order.

    >>> sorted(epoch_order(rows=3, seed=0, epoch=0).tolist())
    [0, 1, 2]
    """
    return np.random.default_rng([seed, epoch]).permutation(rows).astype(np.int32)


def matrix_fingerprint(*matrices: pd.DataFrame) -> str:
    """Return the SHA-256 of scaled tables (column names and values) in hexadecimal."""
    digest = hashlib.sha256()
    for matrix in matrices:
        features, target = features_and_target(matrix)
        digest.update(repr((list(matrix.columns), features.shape, str(target.dtype))).encode())
        digest.update(features.tobytes())
        digest.update(np.ascontiguousarray(target).tobytes())
        if (weights := sample_weights_of(matrix)) is not None:
            digest.update(weights.tobytes())
    return digest.hexdigest()
