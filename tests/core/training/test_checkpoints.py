"""A training that was cut short goes on where it was saved, and ends with the same numbers."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS, Checkpoints, State
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.stacked import StackedEngine, scheduler
from dnn_sweep.core.training.stacked.queues import work_of_an_epoch
from dnn_sweep.core.training.stacked.spec import spec_of
from dnn_sweep.parameters import LoggingParameters
from tests.builders import make_data
from tests.core.training.stacked.sweeps import Recorder, assert_same, changed, one, trials_of

DATA = make_data()
# Everything that has a memory: dropout, moving averages, momenta, plateau, patience, best weights.
NETWORK = {"hidden": [8], "dropout": 0.3, "batch_normalization": True}
CALLBACKS = {
    "checkpoint": {"enabled": True, "monitor": "val_loss"},
    "early_stopping": {"enabled": True, "patience": 4},
    "reduce_on_plateau": {"enabled": True, "patience": 2, "monitor": "objective"},
}


class Killed(BaseException):
    """Nobody handles it."""


class KilledAt(Recorder):
    """A progress that ends the training after some epochs of all trials together."""

    def __init__(self, epochs):
        super().__init__()
        self._left = epochs

    def epoch_finished(self, trial, epoch, logs):
        super().epoch_finished(trial, epoch, logs)
        self._left -= 1
        if not self._left:
            raise Killed


@pytest.fixture
def at_every_epoch(tmp_path):
    """Checkpoints whose clock goes on by an hour whenever it is looked at."""
    hours = iter(range(10**6))
    return Checkpoints(tmp_path / "checkpoints", 60.0, lambda: 3600.0 * next(hours))


@pytest.fixture(autouse=True)
def in_step(monkeypatch):
    """Threads wait for whoever listens, so that a kill is at the epoch that the test says."""
    monkeypatch.setattr(scheduler, "WAITING_EVENTS", 1)


@pytest.fixture
def logs(tmp_path):
    return LoggingParameters(folder=str(tmp_path / "logs"), csv=True)


def some_trials(engine):
    optimizers = ["adam"]
    if engine == "stacked":  # in two blocks of lanes
        optimizers.append({"momentum": {"class": "SGD", "momentum": 0.9}})
    seeds, epochs = ([0, 1], 9) if engine == "stacked" else ([0], 6)
    training = {"epochs": epochs, "seeds": seeds}
    grid = {"optimizers": optimizers}
    ranking = named_objective("macro_f1", "multiclass")
    given = {"training": training, "callbacks": CALLBACKS, "objective": ranking}
    return trials_of(network=NETWORK, grid=grid, **given)


def train(engine, trials, logs, checkpoints=NO_CHECKPOINTS, progress=None, **others):
    """Results by id, those from before a kill included."""
    found, told = {}, (progress or Recorder(), logs, "test")
    try:
        given = {"measured": True, "checkpoints": checkpoints} | others
        for result in engine.train(trials, DATA, *told, **given):
            found[result.trial.id] = result
    except Killed:
        pass
    return found


ENGINES = {"stacked": StackedEngine, "keras": KerasFitEngine}


@pytest.mark.parametrize("name", ["stacked", pytest.param("keras", marks=pytest.mark.slow)])
def test_a_killed_training_ends_as_if_nothing_had_happened(name, at_every_epoch, logs, tmp_path):
    trials = some_trials(name)
    engine = ENGINES[name]()
    none = Checkpoints(tmp_path / "none", 60.0)
    whole = train(engine, trials, LoggingParameters(folder=str(tmp_path / "others")), none)
    assert not none.folder.exists()  # a short training costs nothing
    found, progress = {}, []
    # Killed again and again, at other epochs of each trial.
    while len(found) < len(trials):
        assert len(progress) < 20
        progress.append(KilledAt(4 * len(trials)))
        known = {trial_id: len(result.history) for trial_id, result in found.items()}
        found |= train(engine, trials, logs, at_every_epoch, progress[-1], finished=known)
    assert min(epoch for _, epoch, _ in progress[1].epochs) > 1
    for trial in trials:
        assert_same(found[trial.id], whole[trial.id], tolerance=0)
        pd.testing.assert_frame_equal(found[trial.id].diagnostics, whole[trial.id].diagnostics)
        files = [tmp_path / each / trial.id / "epochs.csv" for each in ("logs", "others")]
        assert files[0].read_text() == files[1].read_text()


@pytest.mark.slow
def test_what_a_kill_left_of_a_cohort_goes_on_in_the_programs_of_a_whole_one(
    at_every_epoch, logs, monkeypatch
):
    """Sums are in another order there: to move at another epoch would change the last digits."""
    monkeypatch.setattr(Device, "detect", lambda: Device(workers=1, free_memory=2**34))
    first = one(network={"hidden": [128, 64]}, training={"epochs": 12, "batch_size": 32})
    trials = [changed(first, seed=at, epochs=12 if at == 7 else 3) for at in range(8)]
    # It moves when seven lanes have been empty for five epochs, which is after the kill.
    work = 7 * 4.5 * work_of_an_epoch(spec_of(first)[0], DATA)
    monkeypatch.setattr(scheduler, "WORK_OF_COMPILING", work)
    engine = StackedEngine(8)
    whole = train(engine, trials, logs, progress=(heard := Recorder()))
    assert heard.compilations == [8, 1]
    found = train(engine, trials, logs, at_every_epoch, KilledAt(8 * 3 + 2))
    assert len(found) == 7
    known = {trial_id: len(result.history) for trial_id, result in found.items()}
    found |= train(engine, trials, logs, at_every_epoch, finished=known)
    for trial in trials:
        assert_same(found[trial.id], whole[trial.id], tolerance=0)


STATE = State(3, 1.5, {"history": [], "rate": float("inf")}, {"weights.0": np.ones((2, 3))})


@pytest.fixture
def checkpoint(tmp_path):
    saved = Checkpoints(tmp_path, 60.0).of(one(), "keras", measured=False)
    saved.save(STATE)
    return saved


def test_a_state_comes_back_to_the_bit_and_no_draft_is_left(checkpoint):
    loaded = checkpoint.load()
    assert (loaded.epoch, loaded.seconds, loaded.note) == (3, 1.5, STATE.note)
    np.testing.assert_array_equal(loaded.listed("weights")[0], np.ones((2, 3)))
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]


def cut(content):
    return content[: len(content) // 2]


def flip(content):
    at = content.index(np.ones(1).tobytes())
    return content[:at] + b"\x01" + content[at + 1 :]


@pytest.mark.parametrize("damage", [cut, flip, lambda _: b"", lambda _: b"something else"])
def test_a_damaged_file_is_left_aside_with_a_warning(damage, checkpoint, caplog):
    checkpoint.path.write_bytes(damage(checkpoint.path.read_bytes()))
    assert checkpoint.load() is None
    assert "trained anew, its checkpoint" in caplog.text
    assert "is damaged" in caplog.text


def test_no_pickle_is_loaded(checkpoint, caplog):
    note = np.frombuffer(json.dumps(checkpoint.identity).encode(), np.uint8)
    np.savez(checkpoint.path, note=note, evil=np.array([print], dtype=object))
    assert checkpoint.load() is None
    assert "is damaged" in caplog.text


@pytest.mark.parametrize(
    ("engine", "measured", "told"), [("stacked", False, "engine"), ("keras", True, "measured")]
)
def test_a_foreign_file_is_left_aside(engine, measured, told, checkpoint, caplog):
    caplog.set_level(logging.WARNING)
    other = Checkpoints(checkpoint.path.parent, 60.0).of(one(), engine, measured=measured)
    assert other.load() is None
    assert f"of another {told}" in caplog.text


def test_a_full_disk_stops_no_training(checkpoint, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    checkpoint.save(STATE)
    assert "No space left on device" in caplog.text
    assert checkpoint.load().epoch == 3  # the one before


def test_the_checkpoints_of_finished_trials_are_removed(checkpoint):
    folder = Checkpoints(checkpoint.path.parent, 60.0)
    checkpoint.path.with_name(f".{checkpoint.path.name}.part").touch()
    folder.tidy([])
    assert checkpoint.path.is_file()
    folder.tidy([one().id])
    assert not list(folder.folder.iterdir())
