"""Field by field: a change that alters a result gives a trial another id, and no other does."""

import pandas as pd
import pytest

from dnn_sweep.core.data.preprocessing import TARGET, fit_preprocessor, scale_rows
from dnn_sweep.core.plan.planner import plan_trials
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    ScalingParameters,
    TrainingParameters,
)
from tests.builders import FEATURES, make_data, make_plan, make_result, schema_of

EVERYTHING = {"early_stopping": {"enabled": True}, "reduce_on_plateau": {"enabled": True}}
BEST = {"checkpoint": {"enabled": True}}


def id_of(task="multiclass", **given):
    return make_plan(task, **given).trials[0].id


def sgd(**arguments):
    return {"grid": {"optimizers": [{"sgd": arguments}]}}


@pytest.mark.parametrize(
    ("base", "change"),
    [
        ({}, {"callbacks": {"checkpoint": {"filename": "maeve_{epoch:02d}"}}}),
        ({}, {"callbacks": {"checkpoint": {"monitor": "val_loss"}}}),
        ({}, {"callbacks": {"checkpoint": {"mode": "min"}}}),
        ({}, {"callbacks": {"early_stopping": {"patience": 3, "min_delta": 0.1}}}),
        ({}, {"callbacks": {"reduce_on_plateau": {"factor": 0.1, "min_lr": 0.1}}}),
        (
            {"callbacks": BEST},
            {"callbacks": {"checkpoint": {"enabled": True, "filename": "maeve_{epoch:02d}"}}},
        ),
        ({"callbacks": BEST}, {"callbacks": {"checkpoint": BEST["checkpoint"] | {"mode": "max"}}}),
        ({}, {"network": {"hidden": [{"units": 8, "name": "first"}, 6]}}),
        (
            {"network": {"kind": "branched", "branches": [[4], [4, 2]]}},
            {"network": {"kind": "branched", "branches": [[4], [{"units": 4, "name": "b"}, 2]]}},
        ),
        ({}, {"network": {"hidden": [{"units": 8, "activation": "relu"}, 6]}}),
        ({}, {"network": {"loss": "sparse_categorical_crossentropy"}}),
        ({}, {"network": {"output_activation": "softmax"}}),
        ({}, {"network": {"convolutions": [4]}}),  # of another kind of network
        ({}, {"grid": {"optimizers": [{"mine": {"class": "adam"}}]}}),
        ({}, {"grid": {"optimizers": [{"adam": {"learning_rate": 0.001, "beta_1": 0.9}}]}}),
        (sgd(), sgd(momentum=0.0)),
        (sgd(), sgd(nesterov=False, weight_decay=None)),
        ({}, {"grid": {"activations": ["relu", "tanh"]}}),
        ({}, {"grid": {"batch_size": [16, 32]}}),
        ({}, {"training": {"seeds": [0, 1]}}),
        ({}, {"training": {"engine": "keras", "cohort_size": 3, "diagnostics": False}}),
    ],
)
def test_what_changes_no_result_changes_no_id(base, change):
    assert id_of(**base) == id_of(**change)


@pytest.mark.parametrize(
    ("base", "change"),
    [
        ({}, {"network": {"hidden": [8, 7]}}),
        ({}, {"network": {"hidden": [6, 8]}}),
        ({}, {"network": {"hidden": [{"units": 8, "activation": "tanh"}, 6]}}),
        ({}, {"network": {"dropout": 0.1}}),
        ({}, {"network": {"batch_normalization": True}}),
        ({}, {"network": {"kernel_initializer": "he_uniform"}}),
        ({}, {"network": {"l2": 0.001}}),
        ({}, {"network": {"loss": "categorical_crossentropy"}}),
        ({}, {"network": {"kind": "branched"}}),
        (
            {"network": {"kind": "branched", "branches": [[4], [4, 2]]}},
            {"network": {"kind": "branched", "branches": [[4], [4, 3]]}},
        ),
        ({}, {"grid": {"activations": ["tanh"]}}),
        ({}, {"grid": {"optimizers": ["rmsprop"]}}),
        ({}, {"grid": {"optimizers": [{"adam": {"learning_rate": 0.002}}]}}),
        ({}, {"grid": {"optimizers": [{"adam": {"beta_1": 0.8}}]}}),
        ({}, {"grid": {"optimizers": [{"adam": {"schedule": "CosineDecay"}}]}}),
        ({}, {"grid": {"optimizers": [{"adam": {"weight_decay": 0.01}}]}}),
        (sgd(), sgd(momentum=0.9)),
        (sgd(momentum=0.9), sgd(momentum=0.9, nesterov=True)),
        ({}, {"grid": {"batch_size": [32]}}),
        ({}, {"grid": {"dropout": [0.2]}}),
        ({}, {"grid": {"kernel_initializer": ["he_normal"]}}),
        ({}, {"training": {"epochs": 4}}),
        ({}, {"training": {"batch_size": 8}}),
        ({}, {"training": {"seeds": [1]}}),
        ({}, {"training": {"class_weight": {0: 2.0}}}),
        ({}, {"training": {"precision": "mixed_bfloat16"}}),
        ({}, {"callbacks": {"stop_on_nan": False}}),
        ({}, {"callbacks": BEST}),
        ({"callbacks": BEST}, {"callbacks": {"checkpoint": {"enabled": True, "monitor": "loss"}}}),
        ({}, {"callbacks": EVERYTHING}),
        *(
            (
                {"callbacks": EVERYTHING},
                {"callbacks": EVERYTHING | {name: {"enabled": True, key: value}}},
            )
            for name, key, value in (
                ("early_stopping", "monitor", "loss"),
                ("early_stopping", "mode", "max"),
                ("early_stopping", "patience", 3),
                ("early_stopping", "min_delta", 0.1),
                ("early_stopping", "restore_best_weights", False),
                ("reduce_on_plateau", "monitor", "loss"),
                ("reduce_on_plateau", "mode", "max"),
                ("reduce_on_plateau", "factor", 0.1),
                ("reduce_on_plateau", "patience", 9),
                ("reduce_on_plateau", "min_delta", 0.1),
                ("reduce_on_plateau", "min_lr", 0.1),
            )
        ),
        ({}, {"data": "1" * 64}),
    ],
)
def test_what_changes_a_result_changes_the_id(base, change):
    assert id_of(**base) != id_of(**change)


@pytest.mark.parametrize("change", [{"fold": 1}, {"inner": 0.1}, {"target_scale": 2.0}])
def test_what_the_rows_decide_changes_the_id(change):
    trial = make_plan("regression").trials[0]
    assert Trial(**(trial.model_dump() | change)).id != trial.id


def ids_of_target(factor, offset=0.0):
    """The id of a trial whose target was multiplied and moved."""
    data, schema = make_data("regression"), schema_of("regression")
    rows = pd.DataFrame({f"x{i}": data.x_train[:, i] for i in range(FEATURES)})
    rows["t"] = data.y_train.astype(float) * factor + offset
    preprocessor, scaling = fit_preprocessor(rows, schema, ScalingParameters())
    matrix = scale_rows(rows, preprocessor, scaling, schema)
    settings = (
        NetworkParameters(hidden=[8]),
        GridParameters(activations=["relu"], optimizers=["adam"]),
        TrainingParameters(),
        CallbackParameters(),
    )
    plan = plan_trials(schema, matrix, matrix, *settings, target_scaling=scaling)
    return plan.trials[0].id, plan.trials[0].data, float(matrix[TARGET].std())


def test_a_target_in_another_unit_is_another_trial_since_histories_have_its_unit():
    (first, same_rows, spread), (other, again, same_spread) = ids_of_target(1), ids_of_target(1024)
    assert (same_rows, spread) == (again, same_spread)
    assert first != other


def test_layers_are_measured_under_the_names_of_the_plan():
    plain = make_plan().trials[0]
    renamed = make_plan(network={"hidden": [{"units": 8, "name": "first"}, 6]}).trials[0]
    layers = pd.DataFrame({"epoch": [0, 0, 0], "layer": ["hidden1", "hidden2", "output"]})
    result = make_result(plain, layers[["epoch"]].to_numpy(), diagnostics=layers)
    assert result.of(renamed).diagnostics["layer"].tolist() == ["first", "hidden2", "output"]
