"""What is measured of a layer, held against Keras's own gradients."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.diagnosis.symptoms import SATURATING
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.build import build_network, initial_weights
from dnn_sweep.core.training.layer_measurements import layer_names, measure_layers
from dnn_sweep.core.training.targets import loss_targets
from dnn_sweep.parameters.keras_names import activation_names
from tests.builders import make_data
from tests.core.training.stacked.sweeps import changed, measure_one, one


def shaken(network, seed=0):
    """Weights of a network in use: biases, scales and moving averages are no longer 0 and 1."""
    rng = np.random.default_rng(seed)
    return [
        (each + rng.uniform(0.05, 0.3, each.shape)).astype(np.float32)
        for each in initial_weights(network, seed)
    ]


def by_keras(network, weights, x, y):
    """Gradients of Keras's own model, by its kernels and by the inputs of its activations."""
    model = build_network(network)
    model.set_weights(weights)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    loss = keras.losses.get(network.loss)
    with tf.GradientTape() as tape:
        h, sums = tf.constant(x), []
        for layer in model.layers:
            if layer in dense:
                z = tf.matmul(h, layer.kernel.value) + layer.bias.value
                tape.watch(z)
                sums.append(z)
                h = layer.activation(z)
            else:
                h = layer(h, training=False)
        total = tf.reduce_mean(loss(loss_targets(y, network), h))
    np.testing.assert_allclose(h, model(x, training=False), rtol=1e-5, atol=1e-6)
    kernels = [layer.kernel.value for layer in dense]
    by_kernel, by_sum = tape.gradient(total, (kernels, sums))
    return (
        [float(tf.norm(each)) for each in by_kernel],
        # The mean loss's gradient holds a row's divided by the number of rows.
        [float(np.sqrt(len(x)) * tf.norm(each)) for each in by_sum],
    )


@pytest.mark.parametrize(
    ("task", "network"),
    [
        ("multiclass", {"dropout": 0.3, "l2": 0.1}),
        ("multiclass", {"loss": "categorical_crossentropy", "batch_normalization": True}),
        ("binary", {}),
        ("binary", {"output_activation": "softmax"}),
        ("binary", {"loss": "binary_focal_crossentropy"}),
        ("regression", {"batch_normalization": True}),
        ("regression", {"loss": "huber"}),
        ("regression", {"loss": "mae"}),
        ("regression", {"loss": "log_cosh"}),
    ],
)
def test_gradients_are_those_of_the_keras_model(task, network):
    layers = [{"activation": "tanh"}, {"activation": "gelu"}]
    chosen = changed(one(task, network=network), layers=layers).network
    data = make_data(task)
    weights = shaken(chosen)

    measured = measure_one(chosen, weights, data.x_train, data.y_train)

    by_kernel, by_sum = by_keras(chosen, weights, data.x_train, data.y_train)
    assert list(measured["layer"]) == ["hidden1", "hidden2", "output"]
    np.testing.assert_allclose(measured["weight_gradient_norm"], by_kernel, rtol=1e-4)
    np.testing.assert_allclose(measured["signal_gradient_norm"], by_sum, rtol=1e-4)


@pytest.mark.parametrize("name", activation_names())
def test_every_activation_can_be_measured(name):
    network = changed(one(), layers={"activation": name}).network
    data = make_data()
    weights = shaken(network)

    measured = measure_one(network, weights, data.x_train, data.y_train)

    _, by_sum = by_keras(network, weights, data.x_train, data.y_train)
    np.testing.assert_allclose(measured["signal_gradient_norm"], by_sum, rtol=1e-4, atol=1e-9)
    shares = measured[["dead_units", "saturated"]].to_numpy()
    assert np.isnan(shares[-1]).all()
    mixes = name in {"softmax", "log_softmax", "sparsemax"}
    assert np.isnan(shares[:-1, 1]).all() == mixes
    assert ((shares[:-1] >= 0) & (shares[:-1] <= 1))[:, : 1 if mixes else 2].all()


def with_sums(activation, sums):
    """Measure one hidden layer that has these sums in every row: no kernel, biases alone."""
    network = changed(
        one(network={"hidden": [len(sums)]}), layers={"activation": activation}
    ).network
    weights = initial_weights(network, 0)
    weights[0] = np.zeros_like(weights[0])
    weights[1] = np.array(sums, dtype=np.float32)
    data = make_data()
    return measure_one(network, weights, data.x_train, data.y_train).iloc[0]


def test_a_unit_is_dead_that_puts_out_nothing_for_any_row():
    assert with_sums("relu", [-1, -2, 3, 0])["dead_units"] == 0.75
    assert with_sums("gelu", [-9, -0.5, 3, 1])["dead_units"] == 0.25
    assert with_sums("tanh", [-9, 9, 1e-3, 1])["dead_units"] == 0
    # A layer is not dead because its numbers are small.
    assert with_sums("relu", [1e-8, 2e-8])["dead_units"] == 0


def test_a_unit_that_one_row_wakes_is_not_dead():
    network = one(network={"hidden": [2]}).network
    data = make_data()
    weights = initial_weights(network, 0)
    weights[0] = np.array([[1, 1], [0, 0], [0, 0], [0, 0]], dtype=np.float32)
    largest = float(data.x_train[:, 0].max())
    weights[1] = np.array([-largest * 0.99, -largest * 1.01], dtype=np.float32)

    measured = measure_one(network, weights, data.x_train, data.y_train)

    assert measured["dead_units"][0] == 0.5


def test_a_sum_is_saturated_where_the_activation_is_flat():
    assert with_sums("tanh", [0, 2, 3, -4])["saturated"] == 0.5
    assert with_sums("sigmoid", [0, 4, 5, -6])["saturated"] == 0.5
    assert with_sums("relu", [1, 2, 3, -1])["saturated"] == 0.25
    # Steep without bound: measured against the slope 1, not against the largest there is.
    assert with_sums("exponential", [0, -2, 1, -4])["saturated"] == 0.25


def test_the_activations_that_can_saturate_are_those_that_are_flat_on_both_sides():
    flat = set()
    for name in activation_names():
        shares = [with_sums(name, [at] * 2)["saturated"] for at in (-300.0, 300.0)]
        if shares == [1, 1]:
            flat.add(name)
    assert flat == SATURATING


def test_nothing_flows_into_a_layer_behind_one_that_is_dead():
    network = one(network={"hidden": [8, 6, 5]}).network
    weights = initial_weights(network, 0)
    weights[3] -= 100
    data = make_data()

    measured = measure_one(network, weights, data.x_train, data.y_train)

    assert list(measured["dead_units"][:3]) == [0, 1, 1]
    assert list(measured["signal_gradient_norm"][:2]) == [0, 0]
    assert list(measured["weight_gradient_norm"][:3]) == [0, 0, 0]
    assert measured["signal_gradient_norm"][3] > 0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 3e38])
def test_what_is_not_finite_is_not_measured(wrong):
    network = one().network
    weights = initial_weights(network, 0)
    weights[2] = np.full_like(weights[2], wrong)
    data = make_data()

    measured = measure_one(network, weights, data.x_train, data.y_train)

    assert measured.drop(columns="layer").isna().all(axis=None)


def test_networks_measured_together_get_the_figures_they_get_alone():
    trial = one(network={"batch_normalization": True, "hidden": [8, 6, 5]})
    data = make_data()
    each = [shaken(trial.network, seed) for seed in range(3)]

    together = measure_layers(
        trial.network,
        [np.stack(kind) for kind in zip(*each, strict=True)],
        data.x_train,
        data.y_train,
    )

    for place, weights in enumerate(each):
        alone = measure_one(trial.network, weights, data.x_train, data.y_train)
        own = {name: values[place] for name, values in together._asdict().items()}
        pd.testing.assert_frame_equal(
            pd.DataFrame({"layer": layer_names(trial.network), **own}), alone, rtol=1e-5
        )
