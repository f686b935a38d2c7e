"""How a stack holds weights, and that Keras gets them back as they were."""

import numpy as np
import pytest

from dnn_sweep.core.networks.weight_layout import Weight
from dnn_sweep.core.training.stacked.layout import from_stack, stacked_shape, to_stack


@pytest.mark.parametrize(
    ("role", "shape", "held"),
    [
        ("kernel", (3, 5), (2, 3, 5)),
        ("kernel", (5, 3), (2, 3, 5)),
        ("kernel", (4, 4), (2, 4, 4)),
        ("kernel", (5, 1), (2, 1, 5)),
        ("bias", (5,), (2, 1, 5)),
        ("scale", (1,), (2, 1, 1)),
    ],
)
def test_weights_come_back_as_they_were(role, shape, held):
    weight = Weight(0, role, shape, 0.0)
    assert stacked_shape(weight, 2) == held
    one, other = (np.random.default_rng(seed).normal(size=shape) for seed in (0, 1))
    stack = np.stack([to_stack(weight, one), to_stack(weight, other)])
    assert stack.shape == held
    np.testing.assert_array_equal(from_stack(weight, stack), [one, other])
