import pytest

from dnn_sweep.core.networks.build import build_network
from tests.builders import make_plan


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_precision_is_that_of_every_layer_but_the_output(policy):
    network = {"dropout": 0.1, "batch_normalization": True}
    built = build_network(make_plan(network=network).trials[0].network, precision=policy)

    layers = [each for each in built.layers if each.name != "features"]
    policies = {each.name: each.dtype_policy.name for each in layers}
    assert len(policies) == 7
    assert policies.pop("output") == "float32"
    assert set(policies.values()) == {policy}
    assert built.get_layer("hidden1").kernel.dtype == "float32"
    assert built.compute_output_spec(built.inputs[0]).dtype == "float32"
