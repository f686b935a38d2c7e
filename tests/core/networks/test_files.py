import numpy as np
import pytest

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.networks.files import NetworkFile
from tests.builders import make_plan


def a_network(**network):
    (trial,) = make_plan(network=network).trials
    return build_network(trial.network, trial.seed)


def other_weights(network):
    rng = np.random.default_rng(1)
    return [rng.random(each.shape, dtype=np.float32) for each in network.get_weights()]


@pytest.mark.parametrize(
    "network",
    [{}, {"dropout": 0.5, "batch_normalization": True, "l2": 0.01}],
    ids=str,
)
def test_a_filled_file_loads_as_the_network_that_keras_would_have_saved(tmp_path, network):
    built = a_network(**network)
    weights = other_weights(built)
    x = np.random.default_rng(2).random((5, 4), dtype=np.float32)

    NetworkFile(built).write(tmp_path / "filled.keras", weights)
    built.set_weights(weights)
    built.save(tmp_path / "saved.keras")

    filled = keras.saving.load_model(tmp_path / "filled.keras")
    saved = keras.saving.load_model(tmp_path / "saved.keras")
    assert filled.get_config() == saved.get_config()
    for ours, keras_own in zip(filled.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, keras_own)
    np.testing.assert_array_equal(filled.predict(x, verbose=0), saved.predict(x, verbose=0))
    filled.compile("adam", "sparse_categorical_crossentropy")
    filled.fit(x, np.zeros(5), verbose=0)


def test_a_compiled_network_loads_compiled(tmp_path):
    built = a_network()
    built.compile(keras.optimizers.SGD(0.25), "sparse_categorical_crossentropy")

    NetworkFile(built).write(tmp_path / "filled.keras", other_weights(built))

    loaded = keras.saving.load_model(tmp_path / "filled.keras")
    assert float(loaded.optimizer.learning_rate) == 0.25
    loaded.fit(np.zeros((5, 4)), np.zeros(5), verbose=0)


def test_files_of_one_template_are_apart_and_the_network_is_left_as_it_was(tmp_path):
    built = a_network()
    before = built.get_weights()
    file = NetworkFile(built)
    first, second = (other_weights(built), [each + 1 for each in other_weights(built)])

    file.write(tmp_path / "first.keras", first)
    file.write(tmp_path / "second.keras", second)

    for name, weights in (("first", first), ("second", second)):
        loaded = keras.saving.load_model(tmp_path / f"{name}.keras").get_weights()
        assert all(map(np.array_equal, loaded, weights))
    assert all(map(np.array_equal, built.get_weights(), before))


def test_weights_of_another_network_are_refused(tmp_path):
    file = NetworkFile(a_network())
    with pytest.raises(ValueError, match="do not fit"):
        file.write(tmp_path / "never.keras", other_weights(a_network(hidden=[8, 7])))
    assert not list(tmp_path.iterdir())


def test_an_optimizer_with_state_of_its_own_is_refused():
    built = a_network()
    built.compile("adam", "sparse_categorical_crossentropy")
    built.fit(np.zeros((5, 4)), np.zeros(5), verbose=0)
    with pytest.raises(ValueError, match="was trained"):
        NetworkFile(built)
