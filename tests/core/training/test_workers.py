"""Trials that train in worker processes, one per core."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.training import keras_engine
from dnn_sweep.core.training.checkpoints import Checkpoints
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.keras_engine import (
    PROCESS_MEMORY,
    KerasFitEngine,
    estimated_seconds,
)
from dnn_sweep.parameters import LoggingParameters
from tests.builders import make_data, make_plan
from tests.core.networks.test_custom import GOOD
from tests.core.training.stacked.sweeps import Recorder, assert_same, no_files, results_of

KINDS = {
    "dense": {"hidden": [8]},
    "branched": {"kind": "branched", "hidden": [4], "dropout": 0.3},
}


@pytest.fixture(scope="module")
def workers():
    """An engine that uses workers for everything, on two cores."""
    engine = KerasFitEngine(seconds_worth_workers=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Device, "detect", lambda: Device(workers=2, free_memory=2**34))
        yield engine
        engine.close()


def plan(network, **training):
    return make_plan(network=network, training={"seeds": [0, 1, 2], **training}).trials


DATA = make_data()


@pytest.mark.parametrize("kind", ["dense", pytest.param("branched", marks=pytest.mark.slow)])
def test_results_are_those_of_training_here_to_rounding(workers, kind, tmp_path):
    trials = plan(KINDS[kind])
    progress = Recorder()
    logs = LoggingParameters(folder=str(tmp_path / "logs"), csv=True)
    there = results_of(workers, trials, DATA, progress=progress, logs=logs, measured=True)
    here = results_of(KerasFitEngine(), trials, DATA, measured=True)
    for trial in trials:
        assert_same(there[trial.id], here[trial.id])
        pd.testing.assert_frame_equal(
            there[trial.id].diagnostics, here[trial.id].diagnostics, rtol=1e-3
        )
        network = there[trial.id].load_network()
        outputs = network(DATA.x_validation)
        np.testing.assert_allclose(outputs, there[trial.id].outputs, atol=1e-6)
        there[trial.id].save_network(tmp_path / "network.keras")
    assert len(list((tmp_path / "logs").rglob("*.csv"))) == len(trials)
    assert sorted(progress.started) == sorted(trial.id for trial in trials)
    assert len(progress.epochs) == sum(trial.epochs for trial in trials)


def test_what_is_finished_is_not_trained_again(workers):
    trials = plan(KINDS["dense"])
    found = list(workers.train(trials, DATA, Recorder(), no_files(), "test", {trials[0].id: 3}))
    assert {each.trial.id for each in found} == {trial.id for trial in trials[1:]}


@pytest.mark.slow
def test_a_killed_trial_goes_on_where_its_worker_saved_it(workers, tmp_path):
    class Killed(Recorder):
        def epoch_finished(self, trial, epoch, logs):
            if epoch == 5:
                raise KeyboardInterrupt

    trials = plan(KINDS["dense"], epochs=6, seeds=[0, 1])
    whole = results_of(workers, trials, DATA)
    often = Checkpoints(tmp_path, 1e-9)
    with pytest.raises(KeyboardInterrupt):
        results_of(workers, trials, DATA, progress=Killed(), checkpoints=often)
    found = results_of(workers, trials, DATA, progress=(heard := Recorder()), checkpoints=often)
    assert len(heard.epochs) < sum(trial.epochs for trial in trials)
    for trial in trials:
        assert_same(found[trial.id], whole[trial.id], tolerance=0)


@pytest.mark.slow
def test_a_network_of_the_users_own_is_found_by_the_workers(function):
    trials = plan({"kind": "custom", "hidden": [], "function": function(GOOD)}, epochs=1)
    engine = KerasFitEngine(seconds_worth_workers=0)
    try:
        assert len(results_of(engine, trials, DATA)) == 3
    finally:
        engine.close()


def test_small_work_starts_no_process(monkeypatch):
    monkeypatch.setattr(Device, "detect", lambda: Device(workers=2, free_memory=2**34))
    engine = KerasFitEngine()
    results_of(engine, plan(KINDS["dense"], epochs=1), DATA)
    assert engine._pool is None


def test_the_estimate_grows_with_rows_and_epochs():
    one, more = plan(KINDS["dense"])[0], plan(KINDS["dense"], epochs=6)[0]
    assert estimated_seconds(more, 80) == pytest.approx(2 * estimated_seconds(one, 80))
    assert estimated_seconds(one, 8000) > 50 * estimated_seconds(one, 80)


CONVOLUTION = """import keras


def build(input_shape, outputs, activation, seed):
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Reshape((2, 2, 1)),
        keras.layers.Conv2D(64, 3, padding="same"),
        keras.layers.Flatten(),
        keras.layers.Dense(outputs, "softmax"),
    ])
"""


def test_the_estimate_counts_a_kernel_at_every_pixel_also_in_a_users_own_network(
    function,
    monkeypatch,
):
    monkeypatch.setattr(keras_engine, "SECONDS_PER_STEP", 0.0)
    given = {"kind": "custom", "hidden": [], "function": function(CONVOLUTION)}
    (trial,) = plan(given, epochs=1, seeds=[0])
    kernel, dense = 9 * 64 + 64, 2 * 2 * 64 * 3 + 3
    operations = 6 * 80 * (kernel * 4 + dense)
    seconds = operations / keras_engine.OPERATIONS_PER_SECOND
    assert estimated_seconds(trial, 80) == pytest.approx(seconds)


def test_the_trials_of_one_network_are_estimated_from_one(monkeypatch):
    built = []
    monkeypatch.setattr(
        keras_engine, "build_network", lambda *given: built.append(given) or build_network(*given)
    )
    for trial in plan({"hidden": [37]}):  # no other test has it
        estimated_seconds(trial, 80)
    assert len(built) == 1


def test_there_are_only_as_many_processes_as_the_memory_holds(monkeypatch):
    device = Device(workers=8, free_memory=2 * PROCESS_MEMORY - 1)
    monkeypatch.setattr(Device, "detect", lambda: device)
    engine = KerasFitEngine(seconds_worth_workers=0)
    results_of(engine, plan(KINDS["dense"], epochs=1), DATA)
    assert engine._pool is None


@pytest.mark.slow
def test_processes_that_have_started_stay_in_use_whatever_memory_they_take(workers, monkeypatch):
    results_of(workers, plan(KINDS["dense"], epochs=1), DATA)
    pool = workers._pool
    monkeypatch.setattr(Device, "detect", lambda: Device(workers=2, free_memory=0))
    monkeypatch.setattr(keras_engine, "_train_one", None)  # here, nothing can be trained
    results_of(workers, plan(KINDS["dense"], epochs=1), DATA)
    assert workers._pool is pool


def test_the_finals_decide_for_every_stage(monkeypatch):
    monkeypatch.setattr(Device, "detect", lambda: Device(workers=2, free_memory=2**34))
    stage, finals = plan(KINDS["dense"], epochs=1), plan(KINDS["dense"], epochs=1000)
    short, long = (sum(estimated_seconds(t, 80) for t in each) for each in (stage, finals))
    used = []
    monkeypatch.setattr(KerasFitEngine, "_train_in_workers", lambda *_: used.append(True) or ())
    engine = KerasFitEngine(finals, seconds_worth_workers=(short + long) / 2)
    assert list(engine.train(stage, DATA, Recorder(), no_files(), "test")) == []
    assert used
