"""Whatever is combined, both engines agree."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.builders import make_data
from tests.core.training.stacked.sweeps import assert_engines_agree, changed, one
from tests.core.training.stacked.test_parity import EPSILON

SMOOTH = ("relu", "tanh", "gelu", "softplus", "selu", "sigmoid", "mish", "linear")
LOSSES = {
    "multiclass": ("sparse_categorical_crossentropy", "categorical_crossentropy"),
    "binary": ("binary_crossentropy", "binary_focal_crossentropy"),
    "regression": ("mse", "mae", "huber", "log_cosh"),
}
RATES = st.sampled_from((0.0, 0.01, 0.2))


@st.composite
def cases(draw):
    """Two trials that may or may not share a cohort, and their data."""
    task = draw(st.sampled_from(sorted(LOSSES)))
    optimizer = {"learning_rate": draw(st.sampled_from((0.003, 0.05)))}
    optimizer |= draw(st.sampled_from(({}, {"clipnorm": 0.1}, {"weight_decay": 0.01})))
    if draw(st.booleans()):
        optimizer["schedule"] = draw(st.sampled_from(("CosineDecay", "CosineDecayRestarts")))
    name = draw(st.sampled_from(("adam", "sgd", "nesterov")))
    if name == "adam":
        optimizer |= EPSILON
    first = one(
        task,
        network={
            "hidden": draw(st.lists(st.integers(1, 7), min_size=1, max_size=3)),
            "batch_normalization": draw(st.booleans()),
            "loss": draw(st.sampled_from(LOSSES[task])),
        },
        grid={"optimizers": [{name: optimizer}]},
        training={
            "epochs": draw(st.integers(1, 3)),
            "batch_size": draw(st.sampled_from((7, 16, 80))),
        },
    )
    names = st.sampled_from(SMOOTH)
    trials = [
        changed(
            first,
            layers=[
                {"activation": draw(names), "dropout": draw(RATES), "l2": draw(RATES)}
                for _ in first.network.hidden
            ],
            seed=seed,
        )
        for seed in (0, 1)
    ]
    data = make_data(task)
    if draw(st.booleans()):
        weights = np.random.default_rng(0).uniform(0, 2, 80).astype(np.float32)
        data = dataclasses.replace(data, sample_weights=weights)
    return trials, data


@pytest.mark.slow
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # each example compiles; smaller ones are not sought
    suppress_health_check=list(HealthCheck),
)
@given(cases())
def test_both_engines_agree(case):
    assert_engines_agree(*case, 3e-5)
