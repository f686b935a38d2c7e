"""Layers of any Keras model, measured by running it."""

import numpy as np
import pytest

from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.training.layer_measurements import measure_layers
from dnn_sweep.core.training.model_layers import ModelLayers
from tests.core.networks.test_kinds import TABLE, network_of, resolved

RNG = np.random.default_rng(0)


def probe(network, rows=40):
    x = RNG.normal(size=(rows, network.inputs)).astype(np.float32)
    return x, RNG.integers(0, 3, rows).astype(np.int32)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax"])
def test_the_figures_of_a_dense_network_are_those_of_the_stacked_measurement(activation):
    network = resolved(TABLE, (activation,), hidden=[6, 5], batch_normalization=True)
    weights = build_network(network, 1).get_weights()
    mine = ModelLayers(network).measure(weights, *(given := probe(network)))
    theirs = measure_layers(network, [each[np.newaxis] for each in weights], *given).of(0)
    for name, one, other in zip(mine._fields, mine, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("cnn", ["convolution1", "convolution2", "hidden1", "output"]),
        ("lstm", ["lstm1", "lstm2", "hidden1", "output"]),
        ("gru", ["gru1", "hidden1", "output"]),
        ("branched", ["branch1_hidden1", "branch2_hidden1", "branch2_hidden2", "hidden1",
                      "output"]),
    ],
)  # fmt: skip
def test_every_layer_with_a_kernel_is_measured(kind, names):
    network = network_of(kind)
    layers = ModelLayers(network)
    weights = build_network(network, 1).get_weights()
    figures = layers.measure(weights, *probe(network))
    assert sorted(layers.names) == sorted(names)
    assert layers.names[-1] == "output"
    assert [len(each) for each in figures] == [len(names)] * 4
    assert (figures.weight_gradient_norm > 0).all()
    assert (figures.signal_gradient_norm > 0).all()
    shapes = [kernel.shape for kernel in layers.kernels(weights)]
    assert shapes == [build_network(network).get_layer(n).weights[0].shape for n in layers.names]


def test_a_filter_that_is_0_everywhere_is_dead():
    network = network_of("cnn")
    weights = build_network(network, 1).get_weights()
    weights[1] = np.array([-100, 0, 0, 0], np.float32)  # the first convolution's biases
    figures = ModelLayers(network).measure(weights, *probe(network))
    assert figures.dead_units[0] == 0.25
    assert np.isnan(figures.dead_units[-1])


def test_weights_that_are_not_finite_have_no_figures():
    network = network_of("cnn")
    weights = [np.full_like(each, np.nan) for each in build_network(network).get_weights()]
    for figure in ModelLayers(network).measure(weights, *probe(network)):
        assert np.isnan(figure).all()
