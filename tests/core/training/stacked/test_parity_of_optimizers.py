"""Keras's optimizers update a stack as they update each network."""

import pytest

from dnn_sweep.core.training.stacked.spec import ELEMENTWISE
from tests.builders import make_data
from tests.core.training.stacked.sweeps import assert_engines_agree, trials_of

VARIANTS = {
    "momentum": {"class": "SGD", "momentum": 0.9},
    "nesterov": {"class": "SGD", "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "centred": {"class": "RMSprop", "centered": True, "momentum": 0.5},
    "amsgrad": {"class": "Adam", "amsgrad": True, "clipvalue": 0.01},
    "by_weight": {"class": "Adam", "clipnorm": 0.05},
    "by_network": {"class": "SGD", "global_clipnorm": 0.1, "learning_rate": 0.5},
}


def agree(optimizers):
    # Two replicates, so that a norm over the whole stack would not be a network's.
    trials = trials_of(
        network={"hidden": [6]},
        grid={"optimizers": optimizers},
        training={"seeds": [0, 1], "epochs": 2, "batch_size": 32},
    )
    assert_engines_agree(trials, make_data())


@pytest.mark.slow
def test_norms_are_taken_over_each_network_alone():
    agree([{name: VARIANTS[name]} for name in ("by_weight", "by_network")])


@pytest.mark.slow
@pytest.mark.parametrize("half", [ELEMENTWISE[::2], ELEMENTWISE[1::2]])
def test_every_elementwise_optimizer(half):
    agree([{name: {"learning_rate": 0.03}} for name in half])


@pytest.mark.slow
def test_arguments_that_change_what_an_optimizer_keeps():
    agree([{name: VARIANTS[name]} for name in ("momentum", "nesterov", "centred", "amsgrad")])
