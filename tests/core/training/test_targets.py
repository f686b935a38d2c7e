import dataclasses

import numpy as np
import pytest

from dnn_sweep.core.training.targets import row_weights
from tests.builders import make_data


@pytest.mark.parametrize("samples", [None, [0.5, 0, 2, 1]])
@pytest.mark.parametrize("classes", [None, (1.0, 3.0, 0.0)])
def test_a_rows_weight_is_its_own_times_its_classs(samples, classes):
    data = dataclasses.replace(
        make_data(rows=4),
        y_train=np.array([1, 0, 1, 2], np.int32),
        sample_weights=None if samples is None else np.array(samples, np.float32),
    )
    weights = row_weights(data, classes)

    if samples is None and classes is None:
        assert weights is None
    else:
        by_class = np.array([3, 1, 3, 0]) if classes else 1
        np.testing.assert_array_equal(weights, by_class * np.array(samples or [1, 1, 1, 1]))
        assert weights.dtype == np.float32
