"""What groups of parameters refuse, alone and together, before any data are read."""

from functools import partial

import pytest
from pydantic import ValidationError

from dnn_sweep.parameters import (
    BASELINES,
    BudgetParameters,
    CallbackParameters,
    Configuration,
    DataParameters,
    EvaluationParameters,
    GridParameters,
    NetworkParameters,
    ScalingParameters,
    ScreeningParameters,
    SplitParameters,
    TrainingParameters,
)

GRID = partial(GridParameters, activations=["relu"], optimizers=["adam"])


@pytest.mark.parametrize(
    ("group", "given", "message"),
    [
        (NetworkParameters, {"kind": "ccn"}, "'ccn' is unknown. Did you mean 'cnn'? Allowed: de"),
        (
            EvaluationParameters,
            {"baselines": ["linear", "bosting"]},
            "'bosting' is unknown. Did you mean 'boosting'? Allowed: no_skill, linear, boosting, s",
        ),
        (EvaluationParameters, {"baselines": ["linear"] * 2}, "lists linear more than once"),
        (NetworkParameters, {"hiden": [3]}, "unknown key 'hiden'. Did you mean 'hidden'?"),
        (NetworkParameters, {"hidden": [{"unit": 3}]}, "unknown key 'unit'. Did you mean 'units'?"),
        (GRID, {"activations": ["rellu"]}, "unknown activation 'rellu'. Did you mean 'relu'?"),
        (GRID, {"activations": [["relu", "tan"]]}, "unknown activation 'tan'. Did you mean 'tanh'"),
        (GRID, {"activations": ["glu"]}, "unknown activation 'glu'"),  # it halves the width
        (GRID, {"activations": ["threshold"]}, "unknown activation 'threshold'"),
        (GRID, {"optimizers": ["adm"]}, "unknown optimizer 'adm'. Did you mean 'Adam'?"),
        (GRID, {"optimizers": ["MultiOptimizer"]}, "unknown optimizer 'MultiOptimizer'"),
        (GRID, {"kernel_initializer": ["stft"]}, "unknown initializer 'stft'"),
        (NetworkParameters, {"kernel_initializer": "he_norml"}, "Did you mean 'he_normal'?"),
        (
            NetworkParameters,
            {"hidden": [3, {"units": 3, "activation": "rleu"}]},
            "unknown activation 'rleu'. Did you mean 'relu'?",
        ),
        (DataParameters, {"task": "{x}"}, "'{x}' is unknown. Allowed: auto, multiclass"),
    ],
)
def test_the_nearest_spelling_is_named(group, given, message):
    with pytest.raises(ValidationError) as raised:
        group(**given)
    assert message in str(raised.value)


def test_a_number_of_seeds_stands_for_the_first_ones():
    assert TrainingParameters(seeds=3) == TrainingParameters(seeds=[0, 1, 2])
    assert TrainingParameters(seeds=[7]).seeds == (7,)
    for wrong in (0, -1, True, 2.5):
        with pytest.raises(ValidationError, match="seeds"):
            TrainingParameters(seeds=wrong)


def configuration(**groups):
    return Configuration(
        data=DataParameters(**groups.get("data", {})),
        split=SplitParameters(),
        scaling=ScalingParameters(),
        network=NetworkParameters(**{"hidden": [4]} | groups.get("network", {})),
        grid=GridParameters(activations=["relu"], optimizers=["adam"]),
        training=TrainingParameters(),
        screening=ScreeningParameters(),
        callbacks=CallbackParameters(),
        evaluation=EvaluationParameters(),
    )


IMAGES = {"image_shape": [8, 8]}
POOLS = [{"filters": 4, "pool": 4}, {"filters": 4, "pool": 4}]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"network": {"kind": "cnn"}}, "network.kind cnn takes rows that are images"),
        ({"network": {"kind": "lstm"}}, "say so with data.sequence or data.image_shape"),
        (
            {"data": IMAGES, "network": {"kind": "cnn", "convolutions": POOLS}},
            "network.convolutions, block 2: it gets 2 by 2 pixels",
        ),
        ({"data": {"task": "regression"}, "network": {"loss": "huberr"}}, "Did you mean 'huber'?"),
        (
            {"data": {"task": "binary"}, "network": {"output_activation": "linear"}},
            "'linear' contradicts the task, binary; allowed: sigmoid, softmax",
        ),
    ],
)
def test_groups_that_contradict_each_other_are_refused(groups, message):
    with pytest.raises(ValidationError) as raised:
        configuration(**groups)
    assert message in str(raised.value)


def test_groups_that_agree_are_kept():
    assert configuration(data=IMAGES, network={"kind": "cnn"}).network.kind == "cnn"
    assert configuration(data={"task": "auto"}, network={"loss": "huber"}).network.loss == "huber"


def test_baselines_are_all_by_default_and_a_single_one_needs_no_list():
    assert EvaluationParameters().baselines == BASELINES
    assert EvaluationParameters(baselines="linear").baselines == ("linear",)
    assert EvaluationParameters(baselines=[]).baselines == ()


@pytest.mark.parametrize("minutes", [0, -1, "five", True, float("nan"), float("inf"), [5]])
def test_a_budget_is_a_positive_number_of_minutes(minutes):
    with pytest.raises(ValidationError, match=r"budget.minutes is .* must be a number above 0"):
        BudgetParameters(minutes=minutes)
