"""The engine that trains with `model.fit`, on real (small) networks."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.arrays import TrainingData, epoch_order
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.build import build_network, network_outputs
from dnn_sweep.core.training import assign_engines
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.targets import loss_targets
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import LoggingParameters
from tests.builders import make_data, make_plan
from tests.core.training.stacked.sweeps import Recorder


def train(plan, data, tmp_path, progress=None, **logs):
    (assignment,) = assign_engines(plan.trials, "keras")
    files = LoggingParameters(**({"folder": str(tmp_path), "csv": False} | logs))
    return list(
        assignment.engine.train(
            assignment.trials, data, progress or Recorder(), files, assignment.reason
        )
    )


def assert_same_weights(network, result):
    for mine, theirs in zip(
        network.get_weights(), result.load_network().get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("task", "network", "metric"),
    [
        ("multiclass", {}, "accuracy"),
        ("multiclass", {"loss": "categorical_crossentropy"}, "accuracy"),
        ("binary", {}, "accuracy"),
        ("binary", {"output_activation": "softmax"}, "accuracy"),
        ("regression", {"loss": "mae"}, "mae"),
    ],
)
def test_every_task_learns(task, network, metric, tmp_path):
    plan = make_plan(task, network=network, training={"epochs": 40})
    (result,) = train(plan, make_data(task), tmp_path)

    assert result.status == "completed"
    assert result.history["epoch"].tolist() == list(range(1, 41))
    last, first = result.history.iloc[-1], result.history.iloc[0]
    assert last["val_loss"] < 0.8 * first["val_loss"]
    sign = -1 if metric == "mae" else 1
    assert sign * last[f"val_{metric}"] > sign * first[f"val_{metric}"]
    assert result.outputs.shape == (40, plan.trials[0].network.outputs)
    assert result.engine == "keras"
    assert result.engine_reason == "training.engine asks for it"


def test_same_seed_same_curves_and_another_seed_another(tmp_path):
    network = {"dropout": 0.3, "batch_normalization": True}
    plans = [make_plan(network=network, training={"seeds": [s]}) for s in (1, 1, 2)]
    first, again, other = (train(plan, make_data(), tmp_path)[0] for plan in plans)

    curves = ["loss", "accuracy", "val_loss", "val_accuracy"]
    pd.testing.assert_frame_equal(first.history[curves], again.history[curves])
    np.testing.assert_array_equal(first.outputs, again.outputs)
    assert not first.history[curves].equals(other.history[curves])


def test_a_result_does_not_depend_on_what_was_trained_before(tmp_path):
    alone = train(make_plan(grid={"optimizers": ["sgd"]}), make_data(), tmp_path)[0]
    after = train(make_plan(grid={"optimizers": ["adam", "sgd"]}), make_data(), tmp_path)[1]
    np.testing.assert_array_equal(alone.outputs, after.outputs)


def test_combinations_of_a_replicate_start_from_the_same_weights():
    grid = {"activations": ["relu", "tanh"], "optimizers": ["sgd", "adam"]}
    weights = [build_network(t.network, 7).get_weights() for t in make_plan(grid=grid).trials]
    for other in weights[1:]:
        for mine, theirs in zip(weights[0], other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    another_seed = build_network(make_plan().trials[0].network, 8).get_weights()
    assert not np.array_equal(weights[0][0], another_seed[0])


def test_layers_of_one_shape_start_from_different_weights():
    network = build_network(make_plan(network={"hidden": [4, 4, 4]}).trials[0].network, 0)
    second, third = network.get_layer("hidden2"), network.get_layer("hidden3")
    assert not np.array_equal(second.get_weights()[0], third.get_weights()[0])


def test_training_takes_the_rows_in_the_replicates_order(tmp_path):
    """Three epochs by hand, in the documented order, give the same network."""
    plan = make_plan(
        "regression",
        network={"hidden": [3]},
        grid={"optimizers": ["sgd"]},
        callbacks={"checkpoint": {"enabled": False}},
        training={"seeds": [5]},
    )
    data = make_data("regression", rows=40)
    by_hand = build_network(plan.trials[0].network, 5)
    by_hand.compile(optimizer=keras.optimizers.SGD(0.01), loss="mean_squared_error")
    for epoch in range(3):
        order = epoch_order(40, 5, epoch)
        for start in range(0, 40, 16):
            batch = order[start : start + 16]
            by_hand.train_on_batch(data.x_train[batch], data.y_train[batch, np.newaxis])
    (result,) = train(plan, data, tmp_path)
    assert_same_weights(by_hand, result)


def test_the_best_epochs_weights_are_kept(tmp_path):
    # A large step makes the validation loss go up and down.
    grid = {"optimizers": [{"sgd": {"learning_rate": 1.5}}]}
    best = {"enabled": True, "monitor": "val_loss", "filename": "{epoch:02d}_{val_loss:0.2f}"}
    callbacks = {"checkpoint": best}
    plan = make_plan(grid=grid, callbacks=callbacks, training={"epochs": 12})
    data = make_data()
    (result,) = train(plan, data, tmp_path)

    best = result.history["val_loss"].idxmin()
    assert result.best_epoch == result.history["epoch"][best] < 12
    assert result.checkpoint_name == f"{best + 1:02d}_{result.history['val_loss'][best]:.2f}.keras"
    network = result.load_network()
    network.compile(loss="sparse_categorical_crossentropy")
    loss, _ = network.evaluate(data.x_validation, data.y_validation, verbose=0)
    assert loss == pytest.approx(result.history["val_loss"][best], rel=1e-4)


def test_without_checkpoint_the_last_epochs_weights_are_kept(tmp_path):
    plan = make_plan(callbacks={"checkpoint": {"enabled": False}})
    assert train(plan, make_data(), tmp_path)[0].best_epoch == 3


@pytest.mark.parametrize("checkpoint", [True, False])
def test_early_stopping_stops_and_restores(checkpoint, tmp_path):
    # Nothing changes with such a small step, so no epoch improves by min_delta.
    grid = {"optimizers": [{"sgd": {"learning_rate": 1e-9}}]}
    callbacks = {
        "checkpoint": {"enabled": checkpoint},
        "early_stopping": {"enabled": True, "patience": 2, "min_delta": 0.1},
    }
    plan = make_plan(grid=grid, callbacks=callbacks, training={"epochs": 50})
    (result,) = train(plan, make_data(), tmp_path)
    assert len(result.history) == 3
    assert result.best_epoch == 1


def test_reduce_on_plateau_lowers_the_learning_rate(tmp_path):
    grid = {"optimizers": [{"sgd": {"learning_rate": 1e-9}}]}
    plateau = {"enabled": True, "patience": 1, "factor": 0.1, "min_delta": 0.1}
    plan = make_plan(grid=grid, callbacks={"reduce_on_plateau": plateau})
    (result,) = train(plan, make_data(), tmp_path)
    assert result.history["learning_rate"].tolist() == pytest.approx([1e-9, 1e-9, 1e-10])


@pytest.mark.parametrize("stop", [True, False])
def test_a_diverged_trial_is_a_result_and_the_sweep_goes_on(stop, tmp_path):
    grid = {"optimizers": [{"wild": {"class": "SGD", "learning_rate": 1e30}}, "adam"]}
    plan = make_plan("regression", grid=grid, callbacks={"stop_on_nan": stop})
    wild, adam = train(plan, make_data("regression"), tmp_path)

    assert wild.status == "diverged"
    assert len(wild.history) == (1 if stop else 3)
    assert adam.status == "completed"


def test_mean_absolute_errors_are_in_the_targets_unit(tmp_path):
    data = make_data("regression")
    scaled = TrainingData(
        data.x_train, data.y_train, data.x_validation, data.y_validation, target_scale=50.0
    )
    plan = make_plan("regression")
    plain, in_units = train(plan, data, tmp_path)[0], train(plan, scaled, tmp_path)[0]
    np.testing.assert_allclose(in_units.history["val_mae"], 50 * plain.history["val_mae"])
    np.testing.assert_allclose(in_units.history["val_loss"], plain.history["val_loss"])


def test_log_files_are_written_when_asked_for(tmp_path):
    plan = make_plan()
    train(plan, make_data(), tmp_path, csv=True)

    assert len(pd.read_csv(tmp_path / plan.trials[0].id / "epochs.csv")) == 3


def test_no_log_files_unless_asked_for(tmp_path):
    train(make_plan(), make_data(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_hears_of_every_trial_and_epoch(tmp_path):
    plan, heard = make_plan(grid={"optimizers": ["sgd", "adam"]}), Recorder()
    train(plan, make_data(), tmp_path, progress=heard)
    ids = [trial.id for trial in plan.trials]
    assert heard.started == ids
    assert [(i, epoch) for i, epoch, _ in heard.epochs] == [(i, e) for i in ids for e in (1, 2, 3)]
    assert set(heard.epochs[0][2]) == {
        *("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    }


def test_an_engine_that_cannot_train_a_trial_says_why(monkeypatch):
    monkeypatch.setattr(KerasFitEngine, "refuses", lambda self, trial: "too wide")
    with pytest.raises(SweepError, match=r"keras: relu \+ adam: keras cannot: too wide"):
        assign_engines(make_plan().trials, "keras")


def plain_sgd(task="multiclass", epochs=1, rows=80, **training):
    """One step an epoch over all rows, no momentum, the last epoch's weights."""
    return make_plan(
        task,
        network={"hidden": [5]},
        grid={"activations": ["tanh"], "optimizers": [{"sgd": {"learning_rate": 0.5}}]},
        callbacks={"checkpoint": {"enabled": False}},
        training={"epochs": epochs, "batch_size": rows} | training,
    )


def weighed(data, weights):
    return dataclasses.replace(data, sample_weights=np.asarray(weights, dtype=np.float32))


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_a_row_of_weight_two_counts_as_if_it_were_there_twice(task, tmp_path):
    """One step by hand: the sum of the rows' losses, one of them twice, over the rows."""
    data = make_data(task, rows=20)
    plan = plain_sgd(task, rows=20)
    trial = plan.trials[0]
    weights = np.ones(20, np.float32)
    weights[7] = 2
    (result,) = train(plan, weighed(data, weights), tmp_path)

    by_hand = build_network(trial.network, trial.seed)
    rows = [*range(20), 7]
    targets = loss_targets(data.y_train, trial.network)[rows]
    loss_of_rows = getattr(keras.losses, trial.network.loss)
    with tf.GradientTape() as tape:
        losses = loss_of_rows(targets, by_hand(data.x_train[rows]))
        loss = tf.reduce_sum(losses) / 20
    gradients = tape.gradient(loss, by_hand.trainable_variables)
    for variable, gradient in zip(by_hand.trainable_variables, gradients, strict=True):
        variable.assign_sub(0.5 * gradient)

    assert result.history["loss"][0] == pytest.approx(float(loss), rel=1e-5)
    assert_same_weights(by_hand, result)


def test_rows_of_weight_zero_have_no_influence(tmp_path):
    data = make_data(rows=40)
    weights = np.array([0, 1] * 20)
    other = data.x_train.copy()
    other[::2] = 100
    labels = np.where(weights, data.y_train, 0).astype(np.int32)
    changed = dataclasses.replace(data, x_train=other, y_train=labels)
    plan = plain_sgd(epochs=3, rows=16)
    first, second = (train(plan, weighed(each, weights), tmp_path)[0] for each in (data, changed))

    curves = ["loss", "val_loss", "val_accuracy"]
    pd.testing.assert_frame_equal(first.history[curves], second.history[curves])
    assert not first.history["accuracy"].equals(second.history["accuracy"])  # it is unweighted
    unweighted = train(plan, data, tmp_path)[0]
    assert not first.history["val_loss"].equals(unweighted.history["val_loss"])


def test_class_weights_are_the_rows_weights_by_class_and_multiply_with_them(tmp_path):
    data = make_data(rows=40)
    rows = np.linspace(0.5, 2, 40)
    by_class = np.array([1, 4, 0.5])[data.y_train]
    weighted = plain_sgd(epochs=3, rows=16, class_weight={1: 4, 2: 0.5})
    pairs = [
        (train(weighted, data, tmp_path), weighed(data, by_class)),
        (train(weighted, weighed(data, rows), tmp_path), weighed(data, by_class * rows)),
    ]
    for (by_label,), same in pairs:
        (by_row,) = train(plain_sgd(epochs=3, rows=16), same, tmp_path)
        curves = ["loss", "accuracy", "val_loss", "val_accuracy"]
        pd.testing.assert_frame_equal(by_label.history[curves], by_row.history[curves])


def test_weights_change_the_training_loss_alone(tmp_path):
    """Metrics, and all figures on the validation rows, are those of unweighted rows."""
    data = make_data(rows=40)
    plan = plain_sgd(epochs=1, rows=40)
    (plain,) = train(plan, data, tmp_path)
    (tripled,) = train(plan, weighed(data, np.full(40, 3)), tmp_path)

    assert tripled.history["loss"][0] == pytest.approx(3 * plain.history["loss"][0], rel=1e-5)
    assert tripled.history["accuracy"][0] == plain.history["accuracy"][0]
    network = tripled.load_network()
    network.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = network.evaluate(data.x_validation, data.y_validation, verbose=0)
    assert tripled.history["val_loss"][0] == pytest.approx(loss, rel=1e-5)
    assert tripled.history["val_accuracy"][0] == pytest.approx(accuracy)


def test_the_learning_rate_follows_the_schedule_and_is_recorded_at_each_epochs_end(tmp_path):
    rate = {"learning_rate": 0.2, "schedule": {"class": "CosineDecay", "alpha": 0.1}}
    plan = make_plan(grid={"optimizers": [{"sgd": rate}]}, training={"epochs": 4})
    (result,) = train(plan, make_data(), tmp_path, csv=True)

    decayed = [
        0.2 * (0.1 + 0.9 * (1 + np.cos(np.pi * part)) / 2) for part in (1 / 4, 1 / 2, 3 / 4, 1)
    ]
    np.testing.assert_allclose(result.history["learning_rate"], decayed, rtol=1e-5)


def test_a_schedules_steps_are_batches_not_epochs(tmp_path):
    """Two batches at the rates 0.5 and 0.05, by hand."""
    data = make_data("regression", rows=20)
    rate = {
        "learning_rate": 0.5,
        "schedule": {"class": "ExponentialDecay", "decay_steps": 1, "decay_rate": 0.1},
    }
    plan = make_plan(
        "regression",
        network={"hidden": [5]},
        grid={"optimizers": [{"sgd": rate}]},
        callbacks={"checkpoint": {"enabled": False}},
        training={"epochs": 1, "batch_size": 10},
    )
    (result,) = train(plan, data, tmp_path)
    trial = plan.trials[0]
    by_hand = build_network(trial.network, trial.seed)
    by_hand.compile(optimizer=keras.optimizers.SGD(0.5), loss="mean_squared_error")
    order = epoch_order(20, trial.seed, 0)
    for start, each in ((0, 0.5), (10, 0.05)):
        by_hand.optimizer.learning_rate = each
        batch = order[start : start + 10]
        by_hand.train_on_batch(data.x_train[batch], data.y_train[batch, np.newaxis])
    assert_same_weights(by_hand, result)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_and_its_file_loads(precision, tmp_path):
    network = {"batch_normalization": True, "dropout": 0.1}
    rate = {"learning_rate": 0.01}
    plan = make_plan(
        network=network,
        grid={"optimizers": [{"adam": rate}]},
        training={"epochs": 30, "precision": precision},
        callbacks={
            "reduce_on_plateau": {
                "enabled": True,
                "monitor": "loss",
                "min_delta": 100,
                "factor": 0.9,
            }
        },
    )
    (result,) = train(plan, make_data(), tmp_path)

    assert result.status == "completed"
    assert result.history["val_loss"].iloc[-1] < 0.8 * result.history["val_loss"].iloc[0]
    assert result.history["learning_rate"].iloc[-1] < 0.01  # a loss-scaled rate is lowered too
    store = TrialStoreDataset(folder=str(tmp_path / "trials"))
    store.save(result)
    loaded = store.load()[plan.trials[0].id]
    network = loaded.load_network()
    assert network.get_layer("hidden2").compute_dtype == precision.removeprefix("mixed_")
    outputs = network_outputs(network, make_data().x_validation)
    np.testing.assert_allclose(outputs, result.outputs, rtol=1e-6)
    assert outputs.sum(axis=1) == pytest.approx(np.ones(40), abs=1e-6)


def test_half_precision_scales_the_loss_so_that_small_gradients_count(tmp_path):
    """Gradients near 1e-9 are 0 in float16; scaled while they are taken, they are not."""
    data = make_data("regression", rows=40)
    tiny = weighed(data, np.full(40, 1e-9))
    plan = make_plan(
        "regression",
        network={"hidden": [5, 5]},
        grid={"optimizers": [{"sgd": {"learning_rate": 1e7}}]},
        callbacks={"checkpoint": {"enabled": False}},
        training={"epochs": 1, "batch_size": 40, "precision": "mixed_float16"},
    )
    (result,) = train(plan, tiny, tmp_path)
    before = build_network(plan.trials[0].network, 0).get_layer("hidden1").get_weights()[0]
    after = result.load_network().get_layer("hidden1").get_weights()[0]
    assert (before != after).any(axis=1).all()
