"""The engine that trains with `model.fit`, on real (small) networks."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.engines import assign_engines
from dnn_sweep.core.engines.keras_fit import KerasFitEngine
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks import build_network
from dnn_sweep.core.quiet_keras import keras
from dnn_sweep.core.training_data import TrainingData, epoch_order
from dnn_sweep.parameters import LoggingParameters
from tests.builders import make_data, make_plan


class Recorder:
    """A progress display that remembers what it was told."""

    def __init__(self):
        self.started, self.epochs = [], []

    def trial_started(self, trial):
        self.started.append(trial.id)

    def epoch_finished(self, trial, epoch, logs):
        self.epochs.append((trial.id, epoch, logs))


def train(plan, data, tmp_path, progress=None, **logs):
    (assignment,) = assign_engines(plan.trials, "auto")
    files = LoggingParameters(**({"folder": str(tmp_path), "csv": False} | logs))
    return list(
        assignment.engine.train(
            assignment.trials, data, progress or Recorder(), files, assignment.reason
        )
    )


@pytest.mark.parametrize(
    ("task", "network", "metric"),
    [
        ("multiclass", {}, "accuracy"),
        ("multiclass", {"loss": "categorical_crossentropy", "api": "functional"}, "accuracy"),
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
    assert "fastest engine" in result.engine_reason


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
    trial = make_plan(
        "regression", network={"hidden": [3]}, grid={"optimizers": ["sgd"]},
        callbacks={"checkpoint": {"enabled": False}}, training={"seeds": [5]},
    ).trials[0]  # fmt: skip
    data = make_data("regression", rows=40)
    by_hand = build_network(trial.network, 5)
    by_hand.compile(optimizer=keras.optimizers.SGD(0.01), loss="mean_squared_error")
    for epoch in range(3):
        order = epoch_order(40, 5, epoch)
        for start in range(0, 40, 16):
            batch = order[start : start + 16]
            by_hand.train_on_batch(data.x_train[batch], data.y_train[batch, np.newaxis])
    (result,) = train(make_plan(
        "regression", network={"hidden": [3]}, grid={"optimizers": ["sgd"]},
        callbacks={"checkpoint": {"enabled": False}}, training={"seeds": [5]},
    ), data, tmp_path)  # fmt: skip
    for mine, theirs in zip(
        by_hand.get_weights(), result.load_network().get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_the_best_epochs_weights_are_kept(tmp_path):
    # A large step makes the validation loss go up and down.
    grid = {"optimizers": [{"sgd": {"learning_rate": 1.5}}]}
    callbacks = {"checkpoint": {"monitor": "val_loss", "filename": "{epoch:02d}_{val_loss:0.2f}"}}
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
    train(plan, make_data(), tmp_path, csv=True, tensorboard=True)
    folder = tmp_path / plan.trials[0].id

    assert len(pd.read_csv(folder / "epochs.csv")) == 3
    assert list((folder / "tensorboard").rglob("events.out.tfevents.*"))


def test_no_log_files_unless_asked_for(tmp_path):
    train(make_plan(), make_data(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_progress_hears_of_every_trial_and_epoch(tmp_path):
    plan, heard = make_plan(grid={"optimizers": ["sgd", "adam"]}), Recorder()
    train(plan, make_data(), tmp_path, progress=heard)
    ids = [trial.id for trial in plan.trials]
    assert heard.started == ids
    assert [(i, epoch) for i, epoch, _ in heard.epochs] == [(i, e) for i in ids for e in (1, 2, 3)]
    assert set(heard.epochs[0][2]) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_an_engine_asked_for_by_name_is_recorded_so():
    (assignment,) = assign_engines(make_plan().trials, "keras")
    assert assignment.engine.name == "keras"
    assert assignment.reason == "training.engine asks for it"


def test_an_engine_that_cannot_train_a_trial_says_why(monkeypatch):
    monkeypatch.setattr(KerasFitEngine, "refuses", lambda self, trial: "too wide")
    with pytest.raises(SweepError, match=r"relu \+ adam: keras cannot: too wide"):
        assign_engines(make_plan().trials, "auto")
