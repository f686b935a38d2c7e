"""Scores of rows that belong together, as scores of their groups."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def score_groups(scores: Floats, groups: NDArray[np.int64]) -> Floats:
    """Replace the scores of rows by one value per group, with the same mean.

    Rows of a group resemble each other, so chance is in the draw of groups. A mean over rows is a
    ratio: a sum of scores over a number of rows, both of which differ between groups. The values
    are its linearised form, so that their variance over groups is that of the mean.

    Args:
        scores: Shape ``(..., seeds, rows)``.
        groups: Number of each row's group, from 0, shape ``(rows,)``.

    Returns:
        Shape ``(..., seeds, groups)``.

    >>> score_groups(np.array([[1.0, 1.0, 0.0]]), np.array([0, 0, 1])).round(2)
    array([[1.11, 0.22]])

    References:
        Cochran 1977, Sampling Techniques, chapter 9A on clusters of unequal sizes; Miller 2024,
        Adding Error Bars to Evals.
    """
    rows, number = scores.shape[-1], int(groups.max()) + 1
    mean = scores.mean(axis=(-2, -1), keepdims=True)
    member = np.zeros((rows, number))
    member[np.arange(rows), groups] = number / rows
    return np.asarray((scores - mean) @ member + mean)
