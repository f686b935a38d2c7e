"""The stacked engine trains as `model.fit` does: the same numbers to rounding."""

import dataclasses

import numpy as np
import pytest

from dnn_sweep.core.training.stacked.spec import spec_of
from dnn_sweep.parameters.keras_names import activation_names
from tests.builders import make_data
from tests.core.training.stacked.sweeps import (
    assert_engines_agree,
    assert_same,
    changed,
    one,
    stacked,
    trials_of,
)

# Where a gradient is 0 but for rounding (a bias before a normalisation), Adam's default of 1e-7
# makes whole steps of the rounding; `model.fit` is then as far from itself, started 1e-7 off.
EPSILON = {"epsilon": 1e-3}


def various_trials():
    """Trials of one spec that differ in everything that one cohort lets differ."""
    network = {"hidden": [8, 6, 5], "dropout": 0.2, "batch_normalization": True, "l2": 0.01}
    first = one(
        network=network,
        grid={"optimizers": [{"adam": EPSILON}]},
        training={"epochs": 4, "batch_size": 32},
    )
    rates = [EPSILON | {"learning_rate": 0.02, "schedule": "CosineDecay"}]
    decay = {"class": "ExponentialDecay", "decay_steps": 2, "decay_rate": 0.7}
    rates.append(EPSILON | {"learning_rate": 0.05, "schedule": decay})
    scheduled = [
        one(network=network, grid={"optimizers": [{"adam": rate}]}, training={"batch_size": 32})
        for rate in rates
    ]
    own = [{"activation": name} for name in ("tanh", "softplus", "relu")]
    return [
        first,
        changed(
            first,
            layers=own,
            seed=3,
            epochs=2,
            learning_rate=0.03,
            optimizer_arguments=EPSILON | {"beta_1": 0.6},
        ),
        changed(scheduled[0], layers={"activation": "gelu", "dropout": 0.5, "l2": 0.1}, seed=4),
        changed(
            scheduled[1],
            layers=[{"dropout": rate, "l2": rate} for rate in (0.1, 0.3, 0.05)],
            optimizer_arguments=EPSILON | {"beta_2": 0.9, "weight_decay": 0.01},
        ),
    ]


def weighted_data(task="multiclass", rows=80):
    weights = np.random.default_rng(1).uniform(0, 3, rows).astype(np.float32)
    return dataclasses.replace(make_data(task, rows), sample_weights=weights)


def test_one_cohort_of_trials_that_differ_in_everything_they_may():
    trials = various_trials()[:3]
    assert len({spec_of(trial) for trial in trials}) == 1
    assert_engines_agree(trials, make_data(), traced=True)


@pytest.mark.slow
def test_weights_of_rows_and_classes_count_as_in_fit():
    trials = [
        changed(trial, class_weight=(1.0, 4.0, 0.5), optimizer_arguments=EPSILON)
        for trial in various_trials()[:2]
    ]
    assert_engines_agree(trials, weighted_data())


@pytest.mark.slow
def test_an_argument_that_one_trial_alone_has_keeps_it_out_of_the_others_program():
    trials = various_trials()
    assert spec_of(trials[3]) != spec_of(trials[0])
    assert_engines_agree(trials[3:], make_data())


@pytest.mark.slow
def test_every_activation_mixed_with_others_or_with_its_own_kind():
    """Ten networks of three layers hold all activations; twenty of them form uniform cohorts."""
    names = activation_names()
    each = [names[at : at + 3] for at in range(0, len(names), 3)]
    assert {name for three in each for name in three} == set(names)
    first = one(network={"hidden": [7, 6, 5]})
    trials = [
        changed(first, layers=[{"activation": name} for name in (*three, *names)[:3]])
        for three in each
    ]
    mixed = assert_engines_agree(trials, make_data())
    again = [changed(trial, seed=1) for trial in trials]
    uniform = stacked(trials + again, make_data())
    for result in mixed:
        assert_same(uniform[result.trial.id], result)


@pytest.mark.slow
def test_slopes_at_exactly_zero_are_those_of_fit():
    """Dropout empties whole rows of a layer of one unit, so the next layer's sums are 0."""
    trial = one(network={"hidden": [1, 6]}, training={"epochs": 2, "batch_size": 16})
    kinked = ("selu", "relu", "elu", "leaky_relu", "hard_tanh", "softsign")
    trials = [
        changed(trial, layers=[{"activation": "tanh", "dropout": 0.5}, {"activation": name}])
        for name in kinked
    ]
    assert_engines_agree(trials, make_data())


@pytest.mark.parametrize(
    ("task", "network"),
    [
        ("regression", {"loss": "huber", "batch_normalization": True}),
        ("binary", {"dropout": 0.3}),
        pytest.param("binary", {"output_activation": "softmax"}, marks=pytest.mark.slow),
        pytest.param("binary", {"loss": "binary_focal_crossentropy"}, marks=pytest.mark.slow),
        pytest.param(
            "multiclass", {"loss": "categorical_crossentropy", "l2": 0.1}, marks=pytest.mark.slow
        ),
        pytest.param("regression", {"loss": "mse", "l2": 0.1}, marks=pytest.mark.slow),
        pytest.param("regression", {"loss": "mae", "dropout": 0.3}, marks=pytest.mark.slow),
        pytest.param("regression", {"loss": "log_cosh"}, marks=pytest.mark.slow),
    ],
)
def test_every_task_and_loss(task, network):
    data = make_data(task)
    if task == "regression":  # a unit of its own, for the mean absolute errors
        data = dataclasses.replace(data, target_scale=7.0)
    assert_engines_agree(trials_of(task, network=network), data)


@pytest.mark.slow
def test_validation_rows_of_several_batches_the_last_one_partial():
    assert_engines_agree(trials_of(training={"epochs": 2, "batch_size": 500}), make_data(rows=2300))


@pytest.mark.slow
def test_half_precision_rounds_as_fit_does_and_no_more():
    network = {"dropout": 0.2, "batch_normalization": True}
    training = {"precision": "mixed_bfloat16", "epochs": 2}
    # Eight bits of a mantissa, and other orders of summation; one row of 80 may change sides.
    assert_engines_agree(trials_of(network=network, training=training), make_data(), 0.04)
