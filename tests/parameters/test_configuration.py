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
    SearchParameters,
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
        grid=GridParameters(activations=["relu"], optimizers=["adam", "sgd"]),
        training=TrainingParameters(),
        screening=ScreeningParameters(),
        search=SearchParameters(**groups.get("search", {})),
        callbacks=CallbackParameters(**groups.get("callbacks", {})),
        evaluation=EvaluationParameters(),
    )


def searching(network=None, callbacks=None, **factors):
    """Groups with a search of these factors."""
    search = {"search": {"method": "tpe", "factors": factors}}
    return search | {"network": network or {}, "callbacks": callbacks or {}}


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
        (
            {"search": {"method": "random", "seed": 0}},
            "search.seed: 0 is also among training.seeds; the finals need other seeds",
        ),
        (
            searching(width={"values": [4, 8], "when": {"optimzer": "sgd"}}),
            "width.when: 'optimzer' is no factor of this search. Did you mean 'optimizer'?",
        ),
        (
            searching(
                arguments={"momentum": {"low": 0, "high": 0.9, "when": {"optimizer": "sdg"}}}
            ),
            "arguments.momentum.when: optimizer is never 'sdg'. Did you mean 'sgd'?",
        ),
        (
            searching(depth=[1, 2], width={"values": [4, 8], "when": {"depth": [3]}}),
            "width.when: depth is never 3. Allowed: 1, 2.",
        ),
        (
            searching(arguments={"momentun": [0.5, 0.9]}),
            "no optimizer of this search takes 'momentun'. Did you mean 'momentum'?",
        ),
        (
            searching(
                optimizer=[{"sgd": {"momentum": 0.9}}, "adam"], arguments={"momentum": [0.5, 0.9]}
            ),
            "arguments.momentum: every optimizer that takes it sets it already",
        ),
        (
            searching(schedule=["CosineDecay"], callbacks={"reduce_on_plateau": {"enabled": True}}),
            "callbacks.reduce_on_plateau cannot lower it; use one of the two",
        ),
        (
            searching(depth=[1, 2], network={"hidden": [{"units": 4, "activation": "relu"}]}),
            "search.factors.depth: layers of network.hidden have activations or names of their own",
        ),
        (
            searching(depth=[1, 2], activation=[["relu", "tanh"]]),
            "search.factors.depth: relu-tanh has an activation for each layer",
        ),
    ],
)
def test_groups_that_contradict_each_other_are_refused(groups, message):
    with pytest.raises(ValidationError) as raised:
        configuration(**groups)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"widht": [4]}, "unknown key 'widht'. Did you mean 'width'?"),
        ({"width": {"low": 64, "high": 32}}, "low (64) must be below high (32)"),
        ({"width": {"low": 1.5, "high": 3}}, "1.5 is not a whole number"),
        ({"width": {"low": 4}}, "give a list of values, or a range as {low: …, high: …}"),
        ({"dropout": [0, 1]}, "1 must be at least 0 and below 1"),
        ({"l2": {"low": 0, "high": 1, "log": True}}, "low (0) must be above 0 where log is true"),
        ({"learning_rate": [0]}, "0 must be above 0"),
        ({"learning_rate": {"values": [1], "low": 0.1, "high": 1}}, "either values or a range"),
        ({"batch_size": [8, 8]}, "lists a value more than once"),
        ({"activation": ["rleu"]}, "unknown activation 'rleu'. Did you mean 'relu'?"),
        ({"optimizer": ["adm"]}, "unknown optimizer 'adm'. Did you mean 'Adam'?"),
        ({"kernel_initializer": ["he_norml"]}, "Did you mean 'he_normal'?"),
        ({"schedule": [None, "CosinDecay"]}, "Did you mean 'CosineDecay'?"),
        ({"batch_normalization": [1, 0]}, "give a list of true and false"),
    ],
)
def test_a_factor_that_cannot_be_is_refused(factors, message):
    with pytest.raises(ValidationError) as raised:
        SearchParameters(method="tpe", factors=factors)
    assert message in str(raised.value)


def test_rungs_have_rising_numbers_of_epochs():
    assert SearchParameters(rungs=3, reduction=3).lengths(10) == (1, 3, 10)
    assert SearchParameters(rungs=3, reduction=2, epochs=8).lengths(10) == (2, 4, 8)
    assert SearchParameters(rungs=5).lengths(2) == (1, 2)


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
