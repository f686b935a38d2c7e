import numpy as np
import pytest

from dnn_sweep.core.networks.build import build_network, initial_weights
from dnn_sweep.core.networks.weight_layout import weight_layout
from dnn_sweep.parameters.keras_names import initializer_names
from tests.builders import make_plan


def a_network(**network):
    return make_plan(network=network).trials[0].network


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_precision_is_that_of_every_layer_but_the_output(policy):
    network = a_network(dropout=0.1, batch_normalization=True)
    built = build_network(network, precision=policy)

    layers = [each for each in built.layers if each.name != "features"]
    policies = {each.name: each.dtype_policy.name for each in layers}
    assert len(policies) == 7
    assert policies.pop("output") == "float32"
    assert set(policies.values()) == {policy}
    assert built.get_layer("hidden1").kernel.dtype == "float32"
    assert built.compute_output_spec(built.inputs[0]).dtype == "float32"


@pytest.mark.parametrize("normalised", [False, True])
def test_the_layout_and_the_initial_weights_are_those_of_the_network(normalised):
    keras_names = {"scale": "gamma", "offset": "beta"}
    for name in initializer_names():
        network = a_network(batch_normalization=normalised, kernel_initializer=name)
        built = build_network(network, 5)
        described = [
            (keras_names.get(each.role, each.role), each.shape, each.trainable)
            for each in weight_layout(network)
        ]
        assert described == [(v.name, tuple(v.shape), v.trainable) for v in built.weights]
        for own, variable in zip(initial_weights(network, 5), built.weights, strict=True):
            assert own.dtype == variable.dtype
            np.testing.assert_array_equal(own, variable.numpy(), err_msg=name)
