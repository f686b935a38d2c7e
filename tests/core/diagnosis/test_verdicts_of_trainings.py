"""Verdicts of real trainings: networks on scikit-learn's digits that fail in a known way."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.histories import collect_histories
from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.diagnosis.layer_tables import COLUMNS, collect_diagnostics
from dnn_sweep.core.diagnosis.verdicts import judge_combinations
from dnn_sweep.core.networks.build import initial_weights
from dnn_sweep.core.objectives import ACCURACY
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.layer_log import Probe
from dnn_sweep.core.training.stacked import StackedEngine
from tests.core.diagnosis.test_verdicts import STUCK, history
from tests.core.training.stacked.sweeps import changed, measure_one, one, results_of


def digits(rows=1000):
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype(np.float32), y[order].astype(np.int32)
    return TrainingData(x[:rows], y[:rows], x[1300:], y[1300:])


def trial(name, activation, optimizer, rate, *, epochs=20, hidden=(64, 128, 256, 128, 64)):
    """The blog's network, on digits."""
    small = one(
        network={"hidden": list(hidden)},
        grid={"activations": [activation], "optimizers": [{optimizer: {"learning_rate": rate}}]},
        training={"epochs": epochs, "batch_size": 32},
    )
    return changed(small, combination=name, network={"inputs": 64, "outputs": 10})


def verdicts(trials, data, engine):
    plan = TrialPlan(trials=tuple(trials))
    results = results_of(engine(), trials, data, measured=True)
    diagnostics = collect_diagnostics(plan, results)
    no_skill = float(np.bincount(data.y_validation).max() / len(data.y_validation))
    table = judge_combinations(collect_histories(plan, results), diagnostics, ACCURACY, no_skill)
    return table.set_index("combination")


# Both engines measure the same (see `test_layer_log`), so each test needs only one.
@pytest.mark.slow
def test_each_way_to_fail_gets_its_name():
    expected = {
        "relu + adam": ("healthy",),
        "sigmoid + sgd": ("vanishing gradient",),
        "relu + adam at 1e-6": ("learning rate too low",),
        "relu + adam at 1": ("learning rate too high",),
        "tanh + sgd at 1000": ("learning rate too high", "diverged"),
        "relu + sgd at 1000": ("diverged", "learning rate too high"),
    }
    trials = [
        trial("relu + adam", "relu", "adam", 0.001),
        trial("sigmoid + sgd", "sigmoid", "sgd", 0.01),
        trial("relu + adam at 1e-6", "relu", "adam", 1e-6),
        trial("relu + adam at 1", "relu", "adam", 1.0),
        trial("tanh + sgd at 1000", "tanh", "sgd", 1000.0),
        trial("relu + sgd at 1000", "relu", "sgd", 1000.0),
    ]

    table = verdicts(trials, digits(), StackedEngine)

    found = table["verdict"].to_dict()
    assert {name: found[name] in allowed for name, allowed in expected.items()} == dict.fromkeys(
        expected, True
    ), table[["verdict", "evidence", "symptoms"]].to_dict("index")


@pytest.mark.slow
def test_a_network_that_fails_alone_is_not_the_healthy_best_of_its_sweep():
    (row,) = verdicts(
        [trial("sigmoid + sgd", "sigmoid", "sgd", 0.01)], digits(), KerasFitEngine
    ).to_dict("records")
    assert row["verdict"] == "vanishing gradient"


@pytest.mark.slow
def test_a_deep_network_on_a_few_rows_overfits_beside_a_small_one_that_is_held_back():
    held_back = trial("small", "tanh", "adam", 0.003, epochs=60, hidden=(64,))
    trials = [
        trial("deep", "relu", "adam", 0.01, epochs=60),
        changed(held_back, layers={"l2": 0.02}),
    ]
    table = verdicts(trials, digits(40), StackedEngine)
    assert table["verdict"].to_dict() == {"deep": "overfitting", "small": "healthy"}


def test_strongly_negative_biases_are_dead_units():
    network = trial("relu", "relu", "adam", 0.001).network
    weights = initial_weights(network, 0)
    weights[5] -= 10
    probe = Probe(digits())
    table = measure_one(network, weights, probe.x, probe.y)
    activations = [*(layer.activation for layer in network.hidden), "softmax"]
    identity = {"trial_id": "relu 0", "combination": "relu", "seed": 0}
    diagnostics = table.assign(
        **identity, epoch=20, layer_activation=activations, update_ratio=0.0
    ).reindex(columns=list(COLUMNS))

    (verdict,) = judge_combinations(
        pd.concat([history("relu", **STUCK)]), diagnostics, ACCURACY, 0.1
    )["verdict"]

    assert verdict == "dead units"
