import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError

from dnn_sweep.datasets.trial_store import TrialStoreDataset
from tests.builders import make_plan, make_result

OUTPUTS = np.random.default_rng(0).random((5, 3))


@pytest.fixture
def store(tmp_path):
    return TrialStoreDataset(folder=str(tmp_path / "trials"))


@pytest.fixture
def result():
    return make_result(make_plan().trials[0], OUTPUTS)


def test_a_trial_comes_back_as_it_was_saved(store, result):
    store.save(result)
    loaded = store.load()[result.trial.id]

    assert loaded.trial == result.trial
    pd.testing.assert_frame_equal(loaded.history, result.history)
    np.testing.assert_array_equal(loaded.outputs, result.outputs)
    for name in ("status", "best_epoch", "seconds", "engine", "engine_reason", "versions"):
        assert getattr(loaded, name) == getattr(result, name)
    x = np.ones((2, 4), dtype=np.float32)
    np.testing.assert_array_equal(
        loaded.load_network().predict(x, verbose=0), result.load_network().predict(x, verbose=0)
    )


def test_diagnostics_come_back_where_there_are_any(store, result):
    table = pd.DataFrame(
        {"epoch": [0, 0], "layer": ["hidden1", "output"], "dead_units": [0.125, np.nan]}
    )
    other = make_plan(training={"seeds": [7]}).trials[0]
    store.save(result)
    store.save(replace(result, trial=other, diagnostics=table))

    assert store.load()[result.trial.id].diagnostics is None  # as in folders of earlier versions
    pd.testing.assert_frame_equal(store.load()[other.id].diagnostics, table)


def test_numbers_come_back_to_the_last_bit(store, result):
    history = result.history.assign(val_loss=[1e-7, np.nan, 1 / 3], loss=[0.1 + 0.2, np.inf, -1e20])
    layers = pd.DataFrame({"epoch": [0, 4], "layer": ["hidden, 1", "output"], "dead": [0.1, None]})
    store.save(replace(result, history=history, diagnostics=layers))

    loaded = store.load()[result.trial.id]
    pd.testing.assert_frame_equal(loaded.history, history, check_exact=True)
    pd.testing.assert_frame_equal(loaded.diagnostics, layers, check_exact=True)


def test_the_kept_network_is_an_ordinary_keras_file_named_by_the_pattern(store, tmp_path):
    callbacks = {"checkpoint": {"filename": "{epoch:02d}_{val_accuracy:0.2f}"}}
    result = make_result(make_plan(callbacks=callbacks).trials[0], OUTPUTS)
    store.save(result)
    assert (tmp_path / "trials" / result.trial.id / "03_0.15.keras").is_file()


def test_an_engine_may_write_its_network_itself(store, result, tmp_path):
    def save_network(path):
        path.write_bytes(b"a network")

    store.save(replace(result, load_network=None, save_network=save_network))
    kept = tmp_path / "trials" / result.trial.id / result.checkpoint_name
    assert kept.read_bytes() == b"a network"


def test_a_trial_without_its_network_is_one_file(store, result, tmp_path):
    store.save(result.discard_network())
    folder = tmp_path / "trials" / result.trial.id

    assert [each.name for each in folder.iterdir()] == ["status.json"]
    with pytest.raises(RuntimeError, match="has no network"):
        store.load()[result.trial.id].load_network()
    assert '"val_loss": [0.5, 0.25, 0.16' in (folder / "status.json").read_text()

    store.save(result)  # its network is wanted now
    assert store.load()[result.trial.id].load_network().count_params() > 0
    store.save(result.discard_network())
    assert store.load()[result.trial.id].keeps_network


def test_a_network_that_is_let_go_leaves_the_trial_as_it_was(store, result, tmp_path):
    folder = tmp_path / "trials" / result.trial.id
    store.save(result)
    before, loaded = store.state(), store.load()[result.trial.id]
    assert store.release_networks([result.trial.id, "another"]) == 1
    assert [each.name for each in folder.iterdir()] == ["status.json"]
    released = TrialStoreDataset(store.folder).load()[result.trial.id]
    assert (released.keeps_network, released.seconds) == (False, loaded.seconds)
    pd.testing.assert_frame_equal(released.history, loaded.history)
    assert store.state() == before
    assert store.release_networks([result.trial.id]) == 0


def test_a_network_that_is_trained_again_joins_the_results_that_it_gave(store, result):
    store.save(result)
    before = store.state()
    store.release_networks([result.trial.id])
    rounded = np.float32(OUTPUTS) * np.float32(1 + 1e-6)
    store.save(make_result(result.trial, rounded, seconds=99))
    kept = store.load()[result.trial.id]
    assert (kept.keeps_network, kept.seconds) == (True, result.seconds)
    np.testing.assert_array_equal(kept.outputs, result.outputs)
    assert store.state() == before


def test_a_network_that_predicts_something_else_brings_its_own_results(store, result):
    store.save(result)
    before = store.state()
    store.release_networks([result.trial.id])
    store.save(make_result(result.trial, OUTPUTS + 0.1, seconds=99))
    assert store.load()[result.trial.id].seconds == 99
    assert store.state() != before


def test_a_result_may_replace_the_stored_one(store, result):
    store.save(result)
    store.save(replace(result, seconds=7.0, replaces=True))
    assert store.load()[result.trial.id].seconds == 7.0


def test_an_empty_store_holds_nothing(store):
    assert not store.exists()
    assert len(store.load()) == 0
    assert "abc" not in store.load()
    with pytest.raises(KeyError):
        store.load()["abc"]


def test_saving_again_leaves_the_trial_alone(store, result, tmp_path):
    store.save(result)
    status = tmp_path / "trials" / result.trial.id / "status.json"
    before = status.stat().st_mtime_ns
    store.save(make_result(result.trial, OUTPUTS, seconds=99))
    assert status.stat().st_mtime_ns == before
    assert store.load()[result.trial.id].seconds == 1.5


def test_a_failure_while_writing_leaves_no_trial_and_no_draft(store, result, tmp_path, monkeypatch):
    def disk_is_full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", disk_is_full)
    with pytest.raises(DatasetError, match="No space left"):
        store.save(result)
    assert list((tmp_path / "trials").iterdir()) == []


def test_what_a_killed_run_left_behind_is_no_trial(store, result, tmp_path):
    draft = tmp_path / "trials" / f".unfinished-{result.trial.id}-abc"
    draft.mkdir(parents=True)
    (draft / "status.json").write_text("{")
    os.utime(draft, (0, 0))
    (tmp_path / "trials" / result.trial.id).mkdir()

    assert list(store.load()) == []
    store.save(result)
    assert list(store.load()) == [result.trial.id]
    assert not draft.exists()


def test_the_preview_says_how_each_trial_went(store):
    first, second = make_plan(training={"seeds": [0, 1]}).trials
    store.save(make_result(first, OUTPUTS, seconds=1.26))
    store.save(make_result(second, OUTPUTS, status="diverged"))

    preview = store.preview()
    rows = {row[0]: dict(zip(preview["columns"], row, strict=True)) for row in preview["data"]}

    assert set(rows) == {first.id, second.id}
    assert rows[first.id]["combination"] == "relu + adam"
    assert rows[first.id]["seconds"] == 1.3
    assert rows[second.id]["status"] == "diverged"
    assert len(store.preview(nrows=1)["data"]) == 1


def test_the_preview_of_an_empty_store_is_an_empty_table(store):
    assert store.preview()["data"] == []
