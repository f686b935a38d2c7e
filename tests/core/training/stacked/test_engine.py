"""The stacked engine from outside: what it gives back, whom it tells, how it ends."""

import dataclasses
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.training import assign_engines
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.stacked import StackedEngine, scheduler
from dnn_sweep.core.training.stacked.lane import Lane
from dnn_sweep.core.training.stacked.queues import TrialQueue
from tests.builders import make_data
from tests.core.training.stacked.sweeps import (
    Recorder,
    changed,
    no_files,
    one,
    stacked,
    trials_of,
)


def begin(trials, data, progress=None, cohort_size=None):
    engine = StackedEngine(cohort_size)
    return engine.train(trials, data, progress or Recorder(), no_files(), "the test says so")


def test_a_finished_trial_is_an_ordinary_keras_model(tmp_path):
    data = make_data()
    network = {"dropout": 0.2, "batch_normalization": True, "l2": 0.01}
    (result,) = stacked([one(network=network)], data).values()
    result.load_network().save(tmp_path / "kept.keras")
    loaded = keras.models.load_model(tmp_path / "kept.keras")

    np.testing.assert_allclose(
        loaded.predict(data.x_validation, verbose=0), result.outputs, rtol=1e-5, atol=1e-6
    )
    loaded.compile(optimizer="adam", loss=result.trial.network.loss)
    before = loaded.evaluate(data.x_train, data.y_train, verbose=0)
    loaded.fit(data.x_train, data.y_train, epochs=10, verbose=0)
    assert loaded.evaluate(data.x_train, data.y_train, verbose=0) < before


def test_progress_hears_of_every_trial_its_epochs_in_order_and_every_compilation():
    trials = trials_of(training={"seeds": list(range(5))})
    heard = Recorder()
    stacked(trials, make_data(), 2, progress=heard)
    assert sorted(heard.started) == sorted(trial.id for trial in trials)
    assert heard.begun == heard.compilations == [2]
    for trial in trials:
        own = [(epoch, logs) for name, epoch, logs in heard.epochs if name == trial.id]
        assert [epoch for epoch, _ in own] == [1, 2, 3]
        assert set(own[0][1]) == {
            *("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
        }


def test_progress_is_told_in_the_thread_that_takes_the_results():
    threads = set()

    class WhereAmI(Recorder):
        def epoch_finished(self, trial, epoch, logs):
            threads.add(threading.get_ident())

    stacked(trials_of(), make_data(), progress=WhereAmI())
    assert threads == {threading.get_ident()}


def test_auto_takes_the_stacked_engine_and_says_so():
    (assignment,) = assign_engines(trials_of(grid={"optimizers": ["adam", "lion"]}), "auto")
    assert assignment.engine.name == "stacked"
    assert assignment.reason == "auto: the fastest engine that can train it"
    (result,) = stacked([one(training={"epochs": 1})], make_data()).values()
    assert (result.engine, result.engine_reason) == ("stacked", "the test says so")


@pytest.mark.parametrize(
    ("optimizer", "precision", "why"),
    [
        ("lamb", "float32", "Lamb does not update each weight by itself"),
        ("adafactor", "float32", "Adafactor does not update each weight by itself"),
        ("muon", "float32", "Muon does not update each weight by itself"),
        ({"adam": {"use_ema": True}}, "float32", "use_ema"),
        ({"adam": {"gradient_accumulation_steps": 2}}, "float32", "gradient_accumulation_steps"),
        ("adam", "mixed_float16", "mixed_float16 scales the loss"),
    ],
)
def test_what_cannot_be_stacked_goes_to_keras_and_why_is_recorded(optimizer, precision, why):
    grid = {"optimizers": [optimizer, "sgd"]} if precision == "float32" else {}
    trials = trials_of(grid=grid, training={"precision": precision})
    by_engine = {each.engine.name: each for each in assign_engines(trials, "auto")}
    assert why in by_engine["keras"].reason
    assert len(by_engine["keras"].trials) == 1
    if grid:
        assert [trial.optimizer for trial in by_engine["stacked"].trials] == ["sgd"]
    with pytest.raises(SweepError, match=f"training.engine stacked: .*{why}"):
        assign_engines(trials, "stacked")


def test_an_error_in_a_thread_reaches_the_caller_and_no_thread_is_left():
    before = threading.enumerate()
    data = make_data()
    narrow = dataclasses.replace(data, x_train=data.x_train[:, :3])
    with pytest.raises(ValueError, match=r"(?i)dimension|shape|incompatible"):
        list(begin(trials_of(training={"seeds": [0, 1]}), narrow))
    assert threading.enumerate() == before


def endless():
    """One trial that is over at once, so that there is a result, and three that never are."""
    (first, *others) = trials_of(training={"seeds": [0, 1, 2, 3]})
    return [changed(first, epochs=1), *(changed(each, epochs=10**6) for each in others)]


def test_who_stops_listening_stops_the_threads():
    before = threading.enumerate()
    results = begin(endless(), make_data(), cohort_size=2)
    assert len(next(results).history) == 1
    assert threading.enumerate() != before
    results.close()
    assert threading.enumerate() == before


def test_an_interrupt_stops_the_threads():
    before = threading.enumerate()

    class Interrupted(Recorder):
        def epoch_finished(self, trial, epoch, logs):
            if epoch == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(begin(endless(), make_data(), Interrupted(), cohort_size=2))
    assert threading.enumerate() == before


def test_few_results_wait_for_a_slow_reader(monkeypatch):
    """Results hold weights: forty finished trials must not pile up in memory."""
    monkeypatch.setattr(scheduler, "WAITING_EVENTS", 4)
    concluded = []
    build_result = Lane.result

    def counting(self, **given):
        concluded.append(self.trial.id)
        return build_result(self, **given)

    monkeypatch.setattr(Lane, "result", counting)
    trials = trials_of(
        network={"hidden": [2]}, training={"epochs": 1, "batch_size": 80, "seeds": range(40)}
    )
    reading = threading.Event()
    for taken, _ in enumerate(begin(trials, make_data(), cohort_size=4), start=1):
        reading.wait(0.02)  # long enough to train a cohort; nothing is asserted about time
        # Those that wait, and one in the hand of each thread.
        assert len(concluded) <= taken + 4 + threading.active_count()
    assert len(concluded) == 40


def two_workers(monkeypatch):
    monkeypatch.setattr(Device, "detect", lambda: Device(workers=2, free_memory=2**34))


def test_a_worker_that_comes_too_late_for_a_queue_takes_none(monkeypatch):
    """Between a worker's choice of a queue and its turn, another may have taken all trials."""
    two_workers(monkeypatch)
    trials = trials_of(training={"seeds": [0, 1, 2], "epochs": 1})
    take, late = TrialQueue.take, []

    def too_late(self, free):
        if not late:
            late.append(threading.get_ident())
            return {each: [] for each in free}
        return take(self, free)

    monkeypatch.setattr(TrialQueue, "take", too_late)
    assert set(stacked(trials, make_data())) == {trial.id for trial in trials}


def test_workers_divide_the_only_combination_evenly(monkeypatch):
    two_workers(monkeypatch)
    heard = Recorder()
    stacked(trials_of(training={"seeds": [0, 1, 2, 3], "epochs": 1}), make_data(), progress=heard)
    assert heard.compilations == [2]
    assert heard.shares == [1.0]  # one compiles, and the other waits for it


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells the memory")
def test_ten_times_as_many_trials_take_no_more_memory():
    trials = trials_of(
        network={"hidden": [64]}, training={"epochs": 1, "batch_size": 80, "seeds": range(2500)}
    )
    held = []
    for done, _ in enumerate(begin(trials, make_data(), TrainingProgress()), start=1):
        if done in (250, 2500):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            held.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)
    assert held[1] - held[0] < 30  # MiB; the results alone would take 38
