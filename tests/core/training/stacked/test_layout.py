"""How a stack holds weights, and that Keras gets them back as they were."""

import numpy as np
import pytest

from dnn_sweep.core.networks.weight_layout import Weight, weight_layout
from dnn_sweep.core.training.stacked.layout import from_lane, stacked_shape, to_lane
from tests.core.training.stacked.sweeps import one


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
def test_a_kernel_with_fewer_units_than_inputs_is_held_transposed(role, shape, held):
    assert stacked_shape(Weight(0, role, shape, 0.0), 2) == held


@pytest.mark.parametrize("hidden", [[9, 9, 9], [3, 8], [9], [2, 3, 4]])
def test_weights_come_back_as_they_were_from_a_wider_and_deeper_stack(hidden):
    stack, network = (
        one(network={"hidden": each, "batch_normalization": True}).network
        for each in ([9, 9, 9], hidden)
    )
    random = np.random.default_rng(0)
    weights = [random.normal(size=each.shape) for each in weight_layout(network)]
    lane = to_lane(stack, network, weights)
    held = [stacked_shape(each, 1)[1:] for each in weight_layout(stack)]
    assert [each.shape for each in lane] == held
    assert sum(map(np.count_nonzero, lane)) == sum(each.size for each in weights)
    for mine, own in zip(from_lane(stack, network, lane), weights, strict=True):
        np.testing.assert_array_equal(mine, own.astype(np.float32))
