from itertools import product

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.arrays import matrix_fingerprint
from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.networks.keras_schedules import schedule_classes
from dnn_sweep.core.networks.network import Schedule
from dnn_sweep.core.plan.planner import expand_grid, plan_trials
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    TrainingParameters,
)
from dnn_sweep.parameters.keras_names import activation_names, initializer_names, optimizer_names

FEATURES = (Column(name="x", kind="numeric"), Column(name="y", kind="numeric"))
MULTICLASS = Schema(
    task="multiclass", target="t", classes=(0, 1, 2), features=FEATURES, rows=9, fingerprint=""
)
BINARY = MULTICLASS.model_copy(update={"task": "binary", "classes": ("a", "b")})
REGRESSION = MULTICLASS.model_copy(update={"task": "regression", "classes": ()})


# Ten training rows: five of the first class, three of the second, two of the third.
TARGET = np.array([0, 1, 0, 2, 0, 1, 0, 2, 1, 0], dtype=np.int32)


def plan(
    schema=MULTICLASS, data="data", network=None, grid=None, training=None, callbacks=None,
    train_target=TARGET, sample_weights=None,
):  # fmt: skip
    return expand_grid(
        schema,
        2,
        data,
        NetworkParameters(**({"hidden": [4, 3]} | (network or {}))),
        GridParameters(**({"activations": ["relu"], "optimizers": ["adam"]} | (grid or {}))),
        TrainingParameters(**(training or {})),
        CallbackParameters(**(callbacks or {})),
        train_target,
        sample_weights,
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


@pytest.mark.parametrize(
    ("schema", "filename"),
    [(MULTICLASS, "maeve_{epoch}"), (REGRESSION, "accuracy_of_{epoch}_{val_mae:.3f}")],
)
def test_a_checkpoints_name_may_contain_a_metrics_name_as_text(schema, filename):
    trial = only_trial(schema=schema, callbacks={"checkpoint": {"filename": filename}})
    assert trial.callbacks.checkpoint.filename == filename


@pytest.mark.parametrize(
    ("key", "entries", "names"),
    [
        ("optimizers", ["sgd", {"plain": {"class": "SGD"}}], "'sgd' and 'plain'"),
        (
            "optimizers",
            ["adam", "sgd", {"a": {"class": "Adam", "learning_rate": 0.001}}],
            "'adam' and 'a'",
        ),
        ("optimizers", ["sgd", {"still": {"class": "sgd", "momentum": 0.0}}], "'sgd' and 'still'"),
        ("optimizers", ["momentum", {"m": {"class": "SGD", "momentum": 0.9}}], "'momentum' and"),
        (
            "optimizers",
            [
                {"a": {"class": "SGD", "schedule": "CosineDecay"}},
                {"b": {"class": "SGD", "schedule": {"class": "cosinedecay", "alpha": 0.0}}},
            ],
            "'a' and 'b'",
        ),
        ("activations", ["relu", "silu", "swish"], "'silu' and 'swish'"),
        ("activations", ["hard_swish", "hard_silu"], "'hard_swish' and 'hard_silu'"),
    ],
)
def test_equal_entries_under_two_names_are_refused(key, entries, names):
    with pytest.raises(SweepError, match=rf"grid\.{key}: {names} .*same under two names"):
        plan(grid={key: entries})


def test_equal_entries_that_no_pair_brings_together_are_no_duplicates():
    only = [
        {"activation": "relu", "optimizer": "sgd"},
        {"activation": "tanh", "optimizer": "plain"},
    ]
    grid = {
        "activations": ["relu", "tanh", "swish", "silu"],
        "optimizers": ["sgd", {"plain": {"class": "SGD"}}],
        "only": only,
    }
    assert len({trial.id for trial in plan(grid=grid).trials}) == 2


def test_combinations_that_differ_in_a_late_digit_have_names_of_their_own():
    assert len(plan(grid={"dropout": [0.1, 0.1000001]}).combinations) == 2


def test_entries_that_differ_in_their_schedule_or_rate_alone_are_compared():
    schedule = {"class": "SGD", "schedule": "CosineDecay"}
    grid = {
        "optimizers": ["sgd", {"cosine": schedule}, {"fast": {"class": "SGD", "learning_rate": 1}}]
    }
    assert len({trial.id for trial in plan(grid=grid).trials}) == 3


def test_a_shorthands_arguments_go_with_its_class_alone():
    given = [
        {"nesterov": {"class": "Adam"}},
        {"momentum": {"class": "sgd", "learning_rate": 0.1}},
    ]
    adam, momentum = plan(grid={"optimizers": given}).trials
    assert (adam.optimizer_class, adam.optimizer_arguments) == ("Adam", {})
    assert (momentum.optimizer_class, momentum.optimizer_arguments) == ("SGD", {"momentum": 0.9})


def test_the_nodes_plan_takes_inputs_and_target_from_the_scaled_rows():
    rows = pd.DataFrame({"numeric__x": [0.0, 1], "numeric__y": [1.0, 0], "target": [0, 1]})
    given = (
        NetworkParameters(hidden=[4]),
        GridParameters(activations=["relu"], optimizers=["adam"]),
        TrainingParameters(class_weight="balanced"),
        CallbackParameters(),
    )
    (trial,) = plan_trials(MULTICLASS, rows, rows, *given).trials
    assert trial.network.inputs == 2
    assert trial.data == matrix_fingerprint(rows, rows)
    assert trial.class_weight == pytest.approx((1, 1, 1))


def test_names_for_people_do_not_change_the_id():
    assert only_trial().id == only_trial(grid={"optimizers": [{"my adam": {"class": "Adam"}}]}).id


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"grid": {"optimizers": [{"sgd": {"momentun": 0.9}}]}},
            r"grid\.optimizers \(sgd\).*argument of SGD 'momentun'.*mean 'momentum'",
        ),
        (
            {"grid": {"optimizers": [{"sgd": {"learning_rate": -1}}]}},
            "learning_rate must be a number above",
        ),
        ({"grid": {"optimizers": [{"sgd": {"momentum": 7}}]}}, "Keras refuses SGD"),
        ({"grid": {"optimizers": [{"adam": {"beta_1": "x"}}]}}, "Keras refuses Adam"),
        (
            {"grid": {"only": [{"activation": "tanh", "optimizer": "adam"}]}},
            r"grid\.only, entry 1: unknown activation 'tanh'",
        ),
        ({"grid": {"activations": []}}, "grid.activations is empty"),
        (
            {"network": {"hidden": [{"units": 3, "activation": "relu"}]}},
            "every layer names its own activation",
        ),
        ({"network": {"output_activation": "sigmoid"}}, "'sigmoid' contradicts the task"),
        ({"network": {"loss": "mse"}}, r"network\.loss .*unknown loss 'mean_squared_error'"),
        (
            {"callbacks": {"checkpoint": {"monitor": "val_acuracy"}}},
            r"callbacks\.checkpoint\.monitor.*mean 'val_accuracy'",
        ),
        (
            {"callbacks": {"checkpoint": {"filename": "{val_mae:.2f}"}}},
            "asks for val_mae, which a multiclass task does not have",
        ),
        (
            {
                "schema": REGRESSION,
                "callbacks": {"checkpoint": {"filename": "{epoch}_{accuracy:.2f}"}},
            },
            "asks for accuracy, which a regression task does not have",
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
        (TrainingParameters, {"class_weight": "balance"}, "Input should be 'balanced'"),
        (TrainingParameters, {"class_weight": {"a": -1}}, "greater than or equal to 0"),
        (TrainingParameters, {"class_weight": {"a": float("inf")}}, "finite number"),
        (
            TrainingParameters,
            {"precision": "float16"},
            "Did you mean 'mixed_float16'|Allowed: float32, mixed_bfloat16",
        ),
        (
            GridParameters,
            {"activations": ["relu"], "optimizers": [{"sgd": {"schedule": {"alpha": 0.1}}}]},
            "a schedule names its Keras class",
        ),
        (NetworkParameters, {"hidden": [4], "api": "sequential"}, "Extra inputs are not permitted"),
        (TrainingParameters, {"epoch": 3}, "Extra inputs are not permitted"),
        (NetworkParameters, {"hidden": []}, r"network\.hidden: must not be empty"),
        (NetworkParameters, {"kind": "cnn", "convolutions": []}, "convolutions: must not be empty"),
        (NetworkParameters, {"kind": "custom"}, "function: must not be empty"),
        (NetworkParameters, {"hidden": [4], "function": "a:b"}, "network.kind is dense"),
        (NetworkParameters, {"kind": "branched", "branches": [[4]]}, "two branches or more"),
        (NetworkParameters, {"kind": "ccn"}, "kind"),
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
        (optimizer_names(), {"SGD", "Adam", "AdamW", "Ftrl", "Lion", "Muon", "Lamb"}),
    ):
        assert valid <= set(names)
    grid = {
        # Without the two that are others under a second name.
        "activations": [name for name in activation_names() if "swish" not in name],
        "optimizers": list(optimizer_names()),
        "kernel_initializer": ["matched", *initializer_names()],
    }
    trials = plan(grid=grid).trials
    for network in {trial.network.name: trial.network for trial in trials}.values():
        assert build_network(network).output_shape == (None, 3)


def cosine(**arguments):
    schedule = {"class": "cosinedecay"} | arguments
    return {"optimizers": [{"adam": {"learning_rate": 0.01, "schedule": schedule}}]}


def test_a_schedule_is_planned_with_every_argument_decided():
    trial = only_trial(grid=cosine(alpha=0.1), training={"epochs": 5, "batch_size": 4})
    assert trial.learning_rate == 0.01
    assert trial.optimizer_arguments == {}
    assert trial.schedule == Schedule(
        class_name="CosineDecay",
        # Ten rows in batches of four are three steps an epoch.
        arguments={"decay_steps": 15, "alpha": 0.1, "warmup_target": None, "warmup_steps": 0},
    )


def test_a_schedule_by_its_name_alone_decays_over_the_whole_trial_of_each_batch_size():
    grid = {
        "optimizers": [
            {"slow": {"class": "SGD", "schedule": "PolynomialDecay"}},
            {"again": {"class": "SGD", "schedule": "CosineDecayRestarts"}},
            "sgd",
        ],
        "batch_size": [10, 5],
    }
    trials = plan(grid=grid, training={"epochs": 7}).trials
    schedules = [trial.schedule and trial.schedule.arguments for trial in trials]
    assert [each["decay_steps"] for each in schedules[:2]] == [7, 14]
    assert [each["first_decay_steps"] for each in schedules[2:4]] == [7, 14]
    assert schedules[4:] == [None, None]


def test_a_given_length_is_kept_and_a_warm_up_is_part_of_the_trial():
    given = only_trial(grid=cosine(decay_steps=3))
    warmed = only_trial(grid=cosine(warmup_target=0.1, warmup_steps=4), training={"epochs": 10})
    assert given.schedule.arguments["decay_steps"] == 3
    assert warmed.schedule.arguments["decay_steps"] == 6


def test_every_schedule_on_offer_can_be_planned():
    required = {"ExponentialDecay": {"decay_rate": 0.9}, "InverseTimeDecay": {"decay_rate": 0.5}}
    grid = {
        "optimizers": [
            {name: {"class": "SGD", "schedule": {"class": name} | required.get(name, {})}}
            for name in schedule_classes()
        ]
    }
    names = [trial.schedule.class_name for trial in plan(grid=grid).trials]
    assert set(names) == {
        "CosineDecay",
        "CosineDecayRestarts",
        "ExponentialDecay",
        "InverseTimeDecay",
        "PolynomialDecay",
    }


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            {"class": "CosinDecay"},
            r"grid\.optimizers \(adam\), schedule: unknown schedule 'CosinDecay'.*'CosineDecay'",
        ),
        ({"class": "PiecewiseConstantDecay"}, "unknown schedule 'PiecewiseConstantDecay'"),
        (
            {"class": "CosineDecay", "alphas": 1},
            r"unknown argument of CosineDecay .* 'alphas'\. Did you mean 'alpha'",
        ),
        (
            {"class": "CosineDecay", "initial_learning_rate": 1},
            "it starts from the optimizer's learning_rate",
        ),
        ({"class": "ExponentialDecay"}, "Keras refuses ExponentialDecay .*decay_rate"),
        ({"class": "CosineDecay", "decay_steps": 0}, "Keras refuses CosineDecay"),
        ({"class": "CosineDecay", "alpha": "much"}, "Keras refuses CosineDecay"),
        ({"class": "CosineDecay", "alpha": float("inf")}, "alpha must be finite"),
        (
            {"class": "CosineDecay", "warmup_target": 0.1, "warmup_steps": 20},
            "Keras refuses CosineDecay",
        ),
        (
            {"class": "ExponentialDecay", "decay_rate": -0.5, "staircase": True, "decay_steps": 19},
            "gives a learning rate of -0.0005 at step 19 of 20",
        ),
    ],
)
def test_mistakes_in_a_schedule_are_refused(schedule, message):
    with pytest.raises(SweepError, match=message):
        plan(grid={"optimizers": [{"adam": {"schedule": schedule}}]}, training={"epochs": 20})


def test_a_schedule_and_a_plateau_are_not_both_allowed():
    with pytest.raises(SweepError, match=r"\(adam\): a schedule sets.*reduce_on_plateau"):
        plan(grid=cosine(), callbacks={"reduce_on_plateau": {"enabled": True}})


@pytest.mark.parametrize(
    ("schema", "asked", "factors"),
    [
        (MULTICLASS, {2: 3, 0: 0.5}, (0.5, 1, 3)),
        (MULTICLASS, {"2": 3}, (1, 1, 3)),  # as the command line gives it
        (MULTICLASS, {0: 0, 1: 0}, (0, 0, 1)),
        (BINARY, {"b": 2}, (1, 2)),
        (BINARY.model_copy(update={"classes": (False, True)}), {True: 2}, (1, 2)),
        (BINARY.model_copy(update={"classes": (False, True)}), {"True": 2}, (1, 2)),
        (MULTICLASS, "balanced", (10 / 15, 10 / 9, 10 / 6)),
        (MULTICLASS, {}, None),
        (MULTICLASS, None, None),
    ],
)
def test_class_weights_are_planned_by_position(schema, asked, factors):
    target = TARGET if schema.task == "multiclass" else TARGET % 2
    planned = only_trial(schema=schema, train_target=target, training={"class_weight": asked})
    assert planned.class_weight == (factors and pytest.approx(factors))


def test_a_class_without_training_rows_does_not_spoil_the_balance():
    trial = only_trial(train_target=np.array([0, 0, 2]), training={"class_weight": "balanced"})
    assert trial.class_weight == pytest.approx((0.75, 1, 1.5))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"schema": BINARY, "training": {"class_weight": {"B": 2}}},
            r"training\.class_weight: unknown class 'B'\. Did you mean 'b'\? Allowed: a, b\.",
        ),
        ({"training": {"class_weight": {7: 2}}}, "unknown class 7"),
        ({"training": {"class_weight": {1: 2, "1": 3}}}, "names class 1 more than once"),
        (
            {"schema": REGRESSION, "training": {"class_weight": "balanced"}},
            r"training\.class_weight: target 't' is a number .*data\.sample_weight",
        ),
        (
            {"training": {"class_weight": {0: 0, 1: 0, 2: 0}}},
            r"training\.class_weight: every training row would count 0",
        ),
        (
            {
                "training": {"class_weight": {0: 0}},
                "sample_weights": (TARGET == 0).astype(np.float32),
            },
            "every training row would count 0",
        ),
    ],
)
def test_class_weights_that_mean_nothing_are_refused(given, message):
    with pytest.raises(SweepError, match=message):
        plan(**given)


@pytest.mark.parametrize("change", [{"class_weight": "balanced"}, {"precision": "mixed_float16"}])
def test_how_the_loss_is_weighed_and_computed_is_part_of_the_id(change):
    assert only_trial().id != only_trial(training=change).id
