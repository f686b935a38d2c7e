from itertools import product

import pytest

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.keras_names import activation_names, initializer_names, optimizer_classes
from dnn_sweep.core.networks import build_network
from dnn_sweep.core.planning import plan_trials
from dnn_sweep.core.tables import Column, Schema
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    TrainingParameters,
)

FEATURES = (Column(name="x", kind="numeric"), Column(name="y", kind="numeric"))
MULTICLASS = Schema(
    task="multiclass", target="t", classes=(0, 1, 2), features=FEATURES, rows=9, fingerprint=""
)
BINARY = MULTICLASS.model_copy(update={"task": "binary", "classes": ("a", "b")})
REGRESSION = MULTICLASS.model_copy(update={"task": "regression", "classes": ()})


def plan(schema=MULTICLASS, data="data", network=None, grid=None, training=None, callbacks=None):
    return plan_trials(
        schema,
        2,
        data,
        NetworkParameters(**({"hidden": [4, 3]} | (network or {}))),
        GridParameters(**({"activations": ["relu"], "optimizers": ["adam"]} | (grid or {}))),
        TrainingParameters(**(training or {})),
        CallbackParameters(**(callbacks or {})),
    )


def only_trial(**given):
    (trial,) = plan(**given).trials
    return trial


def test_the_grid_is_the_whole_product_in_order():
    grid = {
        "activations": ["sigmoid", "relu"],
        "optimizers": ["sgd", "adam"],
        "batch_size": [16, 32],
        "dropout": [0.0, 0.5],
        "kernel_initializer": ["he_normal", "matched"],
    }
    trials = plan(grid=grid, training={"seeds": [3, 4]}).trials

    factors = [
        (t.activation, t.optimizer, t.batch_size, t.dropout, t.kernel_initializer, t.seed)
        for t in trials
    ]
    matched = {"sigmoid": "glorot_uniform", "relu": "he_uniform"}
    assert factors == [
        (a, o, b, d, matched[a] if k == "matched" else k, s)
        for a, o, b, d, k, s in product(*grid.values(), [3, 4])
    ]
    assert len({t.combination for t in trials}) == 32
    assert len({t.id for t in trials}) == 64


def test_only_restricts_the_grid_to_pairs():
    grid = {
        "activations": ["sigmoid", "relu"],
        "optimizers": ["sgd", "adam"],
        "only": [
            {"activation": "sigmoid", "optimizer": "sgd"},
            {"activation": "relu", "optimizer": "adam"},
        ],
    }
    assert plan(grid=grid).combinations == ["sigmoid + sgd", "relu + adam"]


def test_learning_rates_default_to_keras():
    grid = {"optimizers": ["sgd", "adam", {"quick": {"class": "Adam", "learning_rate": 0.1}}]}
    rates = {t.optimizer: t.learning_rate for t in plan(grid=grid).trials}
    assert rates == {"sgd": 0.01, "adam": 0.001, "quick": 0.1}


def test_optimizers_carry_arguments():
    grid = {"optimizers": ["momentum", "nesterov", {"heavy": {"class": "sgd", "momentum": 0.99}}]}
    trials = {t.optimizer: t for t in plan(grid=grid).trials}

    assert trials["momentum"].optimizer_arguments == {"momentum": 0.9}
    assert trials["nesterov"].optimizer_arguments == {"momentum": 0.9, "nesterov": True}
    assert trials["heavy"].optimizer_arguments == {"momentum": 0.99}
    assert {t.optimizer_class for t in trials.values()} == {"SGD"}


@pytest.mark.parametrize(
    ("schema", "units", "activation", "loss", "metric"),
    [
        (MULTICLASS, 3, "softmax", "sparse_categorical_crossentropy", "accuracy"),
        (BINARY, 1, "sigmoid", "binary_crossentropy", "accuracy"),
        (REGRESSION, 1, "linear", "mean_squared_error", "mae"),
    ],
)
def test_output_and_loss_follow_the_task(schema, units, activation, loss, metric):
    network = only_trial(schema=schema).network
    assert (network.outputs, network.output_activation) == (units, activation)
    assert (network.loss, network.metric) == (loss, metric)


def test_output_and_loss_can_be_overridden():
    mae = only_trial(schema=REGRESSION, network={"loss": "mae"}).network
    one_hot = only_trial(network={"loss": "categorical_crossentropy"}).network
    two = only_trial(schema=BINARY, network={"output_activation": "softmax"}).network
    assert mae.loss == "mean_absolute_error"
    assert one_hot.loss == "categorical_crossentropy"
    assert (two.outputs, two.loss) == (2, "sparse_categorical_crossentropy")


def test_layers_have_names_and_activations_of_their_own():
    hidden = [
        {"units": 5, "activation": "sigmoid", "name": "first"},
        {"units": 4, "activation": "sigmoid"},
        {"units": 3, "activation": "relu"},
    ]
    trial = only_trial(network={"hidden": hidden}, grid={"activations": []})

    assert [layer.name for layer in trial.network.hidden] == ["first", "hidden2", "hidden3"]
    assert trial.activation == "sigmoid-sigmoid-relu"


def test_a_layer_without_activation_takes_the_grids():
    network = only_trial(network={"hidden": [{"units": 5, "activation": "tanh"}, 4]}).network
    assert [layer.activation for layer in network.hidden] == ["tanh", "relu"]


def test_monitors_and_modes_are_resolved():
    callbacks = only_trial(callbacks={"early_stopping": {"enabled": True}}).callbacks
    regression = only_trial(schema=REGRESSION).callbacks

    assert (callbacks.checkpoint.monitor, callbacks.checkpoint.mode) == ("val_accuracy", "max")
    assert (callbacks.early_stopping.monitor, callbacks.early_stopping.mode) == ("val_loss", "min")
    assert (regression.checkpoint.monitor, regression.checkpoint.mode) == ("val_mae", "min")


def test_settings_of_a_callback_that_is_off_change_no_id():
    plain = only_trial()
    patient = only_trial(callbacks={"early_stopping": {"enabled": False, "patience": 3}})
    assert plain.id == patient.id


@pytest.mark.parametrize(
    "change",
    [
        {"data": "other"},
        {"network": {"hidden": [4, 4]}},
        {"network": {"l2": 0.1}},
        {"grid": {"optimizers": [{"adam": {"learning_rate": 0.01}}]}},
        {"grid": {"optimizers": [{"adam": {"beta_1": 0.8}}]}},
        {"training": {"epochs": 3}},
        {"training": {"batch_size": 3}},
        {"training": {"seeds": [5]}},
        {"callbacks": {"early_stopping": {"enabled": True}}},
    ],
)
def test_whatever_changes_a_result_changes_the_id(change):
    assert only_trial().id != only_trial(**change).id


def test_names_for_people_do_not_change_the_id():
    assert only_trial().id == only_trial(grid={"optimizers": [{"my adam": {"class": "Adam"}}]}).id


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"grid": {"activations": ["rellu"]}}, r"grid\.activations.*'rellu'.*mean 'relu'"),
        ({"grid": {"optimizers": ["adm"]}}, r"grid\.optimizers \(adm\).*'adm'.*mean 'Adam'"),
        (
            {"grid": {"optimizers": [{"sgd": {"momentun": 0.9}}]}},
            r"grid\.optimizers \(sgd\).*argument of SGD 'momentun'.*mean 'momentum'",
        ),
        (
            {"grid": {"optimizers": [{"sgd": {"learning_rate": -1}}]}},
            "learning_rate must be a number above",
        ),
        ({"grid": {"optimizers": [{"sgd": {"momentum": 7}}]}}, "Keras refuses SGD"),
        ({"grid": {"kernel_initializer": ["he_norml"]}}, "kernel_initializer.*mean 'he_normal'"),
        ({"grid": {"kernel_initializer": ["stft"]}}, "unknown initializer 'stft'"),
        ({"grid": {"kernel_initializer": ["constnt"]}}, "unknown initializer 'constnt'"),
        ({"grid": {"activations": ["glu"]}}, "unknown activation 'glu'"),
        ({"grid": {"activations": ["threshold"]}}, "unknown activation 'threshold'"),
        ({"grid": {"optimizers": ["MultiOptimizer"]}}, "unknown optimizer 'MultiOptimizer'"),
        ({"grid": {"optimizers": [{"adam": {"beta_1": "x"}}]}}, "Keras refuses Adam"),
        (
            {"grid": {"only": [{"activation": "tanh", "optimizer": "adam"}]}},
            r"grid\.only, entry 1: unknown activation 'tanh'",
        ),
        ({"grid": {"activations": []}}, "grid.activations is empty"),
        (
            {"network": {"hidden": [{"units": 3, "activation": "relu"}]}},
            "every hidden layer names its own activation",
        ),
        (
            {"network": {"hidden": [3, {"units": 3, "activation": "rleu"}]}},
            r"network\.hidden, layer 2: unknown activation 'rleu'",
        ),
        ({"network": {"output_activation": "sigmoid"}}, "'sigmoid' contradicts the task"),
        ({"network": {"loss": "mse"}}, r"network\.loss .*unknown loss 'mean_squared_error'"),
        (
            {"callbacks": {"checkpoint": {"monitor": "val_acuracy"}}},
            r"callbacks\.checkpoint\.monitor.*mean 'val_accuracy'",
        ),
        (
            {"callbacks": {"checkpoint": {"filename": "{val_mae:.2f}"}}},
            "asks for mae, which a multiclass task does not have",
        ),
    ],
)
def test_mistakes_are_refused_with_the_key_and_the_nearest_spelling(given, message):
    with pytest.raises(SweepError, match=message):
        plan(**given)


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (GridParameters, {"activations": ["relu"] * 2, "optimizers": ["sgd"]}, "more than once"),
        (GridParameters, {"activations": ["relu"], "optimizers": []}, "at least 1 item"),
        (TrainingParameters, {"seeds": [1, 1]}, "lists a seed more than once"),
        (TrainingParameters, {"epoch": 3}, "Extra inputs are not permitted"),
        (NetworkParameters, {"hidden": []}, "at least 1 item"),
        (NetworkParameters, {"hidden": [0]}, "greater than 0"),
        (NetworkParameters, {"hidden": [4], "dropout": 1.0}, "less than 1"),
        (
            NetworkParameters,
            {"hidden": [{"units": 4, "name": "hidden2"}, 3]},
            "taken: hidden2",
        ),
        (NetworkParameters, {"hidden": [{"units": 4, "name": "output"}]}, "taken: output"),
        (
            NetworkParameters,
            {"hidden": [{"units": 4, "name": "a"}, {"units": 4, "name": "a_dropout"}]},
            "taken: a_dropout",
        ),
        (CallbackParameters, {"checkpoint": {"filename": "x" * 101}}, "longer than 100"),
        (CallbackParameters, {"checkpoint": {"filename": "{epoc}"}}, "unknown field 'epoc'"),
        (CallbackParameters, {"checkpoint": {"filename": "a/b"}}, "not a path"),
    ],
)
def test_parameters_are_validated_when_they_are_read(model, given, message):
    with pytest.raises(ValueError, match=message):
        model(**given)


def test_every_name_on_offer_can_be_trained_with():
    """Each activation, optimizer and initializer that an error message would list."""
    for names, valid in (
        (activation_names(), {"relu", "selu", "gelu", "sigmoid", "softmax", "leaky_relu"}),
        (initializer_names(), {"glorot_uniform", "he_normal", "lecun_normal", "orthogonal"}),
        (optimizer_classes(), {"SGD", "Adam", "AdamW", "Ftrl", "Lion", "Muon", "Lamb"}),
    ):
        assert valid <= set(names)
    grid = {
        "activations": list(activation_names()),
        "optimizers": list(optimizer_classes()),
        "kernel_initializer": ["matched", *initializer_names()],
    }
    trials = plan(grid=grid).trials
    for network in {trial.network.name: trial.network for trial in trials}.values():
        assert build_network(network).output_shape == (None, 3)
