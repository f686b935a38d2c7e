"""The probability above which the second of two classes is predicted."""

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.predictions import HALF, class_probabilities
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import RegistrationParameters


def choose_threshold(
    outputs: NDArray[np.float32],
    true: NDArray[np.generic],
    schema: Schema,
    registration: RegistrationParameters,
) -> float:
    """The threshold of the second of two classes, by ``registration.threshold``.

    ``auto`` takes the one with the best balanced accuracy on these rows, half way between two
    probabilities that occur.

    >>> outputs, two = np.float32([[0.1], [0.2], [0.4], [0.3]]), schema.model_copy(
    ...     update={"task": "binary"})
    >>> auto = RegistrationParameters(threshold="auto")
    >>> round(choose_threshold(outputs, np.array([0, 0, 1, 1]), two, auto), 3)
    0.25

    References:
        Youden 1950, Index for rating diagnostic tests.
    """
    if schema.task != "binary" or len(np.unique(true)) < 2:
        return HALF
    if registration.threshold != "auto":
        return registration.threshold
    shares = class_probabilities(outputs, schema.task)[:, 1]
    false, found, at = sklearn.metrics.roc_curve(true, shares, drop_intermediate=False)
    best = int((found - false).argmax())
    if best in (0, len(at) - 1):  # none, or all: the probabilities have no order to use
        return HALF
    return float((at[best] + at[best + 1]) / 2)
