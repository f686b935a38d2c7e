"""A damaged trial is named, counts as absent, and is replaced when it is trained again."""

import json
import logging
import shutil

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.datasets import stored_trials
from dnn_sweep.datasets.trial_file import STATUS
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from tests.builders import make_plan, make_result

NETWORK = "03_0.17.keras"


def store_old_trial(result, trials):
    """Write a trial as version 0.1 did."""
    folder = trials / result.trial.id
    folder.mkdir(parents=True)
    result.load_network().save(folder / result.checkpoint_name)
    (folder / "trial.json").write_text(result.trial.model_dump_json(indent=2))
    result.history.to_csv(folder / "history.csv", index=False)
    if result.diagnostics is not None:
        result.diagnostics.to_csv(folder / "diagnostics.csv", index=False)
    np.save(folder / "outputs.npy", result.outputs)
    status = {name: getattr(result, name) for name in STATUS}
    status["checkpoint"] = result.checkpoint_name
    (folder / "status.json").write_text(json.dumps(status, indent=2))


@pytest.fixture(scope="module")
def results():
    outputs = np.random.default_rng(0).random((5, 3))
    layers = pd.DataFrame({"epoch": [0, 3], "layer": ["hidden1", "output"], "dead": [0.5, 0.25]})
    first, second = make_plan(training={"seeds": [0, 1]}).trials
    return (
        make_result(first, outputs, diagnostics=layers),
        make_result(second, outputs[::-1], val_loss=0.7),
    )


@pytest.fixture(scope="module")
def originals(results, tmp_path_factory):
    """Both trials, as they are stored now and as version 0.1 stored them."""
    folder = tmp_path_factory.mktemp("originals")
    for each in results:
        TrialStoreDataset(str(folder / "new")).save(each)
        store_old_trial(each, folder / "old")
    return folder


@pytest.fixture
def forgetful():
    """A process that has verified nothing yet."""
    stored_trials._sound.clear()
    stored_trials._named.clear()


def cut(file, share=0.5):
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])


def flip(file, share=0.5):
    content = bytearray(file.read_bytes())
    content[int(len(content) * share)] ^= 1
    file.write_bytes(content)


def write(name, text):
    return lambda folder, _: (folder / name).write_text(text)


def on(name, damage, *given):
    return lambda folder, _: damage(folder / name, *given)


def without(name):
    return lambda folder, _: (folder / name).unlink()


def of_another(name):
    return lambda folder, other: shutil.copy(other / name, folder / name)


def number_cut(folder, _):
    """The last number of the history lost its last digits."""
    file = folder / "history.csv"
    file.write_text(file.read_text().rstrip("\n")[:-1])


def edited(name, old, new):
    def edit(folder, _):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return edit


def as_pickle(folder, _):
    np.save(folder / "outputs.npy", np.array([{"a": 1}]), allow_pickle=True)


DAMAGES = {
    "new": {
        "status empty": write("status.json", ""),
        "status garbled": write("status.json", "\x00\x01{"),
        "status cut": on("status.json", cut),
        "status cut near its end": on("status.json", cut, 0.99),
        "status one bit": on("status.json", flip),
        "status of another": of_another("status.json"),
        "no status": without("status.json"),
        "a list": write("status.json", "[1]"),
        "edited by hand": edited("status.json", '"best_epoch": 3', '"best_epoch": 2'),
        "no network": without(NETWORK),
        "network cut": on(NETWORK, cut),
        "network one bit": on(NETWORK, flip),
        "network empty": write(NETWORK, ""),
        "network of another": lambda f, other: shutil.copy(next(other.glob("*.k*")), f / NETWORK),
    },
    "old": {
        "status empty": write("status.json", ""),
        "status without a key": write("status.json", '{"status": "completed"}'),
        "no status": without("status.json"),
        "no network": without(NETWORK),
        "network cut": on(NETWORK, cut),
        "network one bit": on(NETWORK, flip),
        "outputs cut": on("outputs.npy", cut, 0.9),
        "outputs empty": write("outputs.npy", ""),
        "outputs pickled": as_pickle,
        "no outputs": without("outputs.npy"),
        "trial of another": of_another("trial.json"),
        "trial garbled": write("trial.json", "{"),
        "history cut": on("history.csv", cut),
        "history number cut": number_cut,
        "history lacks a row": lambda f, _: cut_last_row(f / "history.csv"),
        "history empty": write("history.csv", ""),
        "diagnostics cut": on("diagnostics.csv", cut, 0.9),
        "a path": edited("status.json", NETWORK, "../../outside.keras"),
    },
}


def cut_last_row(file):
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize(
    ("layout", "kind"), [(layout, kind) for layout, kinds in DAMAGES.items() for kind in kinds]
)
def test_a_damaged_trial_is_absent_and_replaced(
    layout, kind, results, originals, forgetful, tmp_path, caplog
):
    shutil.copytree(originals / layout, tmp_path / "trials")
    mine, other = (tmp_path / "trials" / each.trial.id for each in results)
    DAMAGES[layout][kind](mine, other)
    dataset = TrialStoreDataset(str(tmp_path / "trials"))

    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert list(dataset.load()) == [other.name]
    (warning,) = caplog.messages
    assert f"the trial {mine.name} is damaged and counts as absent: " in warning
    assert "\n" not in warning

    dataset.save(results[0])
    found = dataset.load()[mine.name]
    pd.testing.assert_frame_equal(found.history, results[0].history)
    np.testing.assert_array_equal(found.outputs, results[0].outputs)
    assert not list((tmp_path / "trials").glob(".*"))


@pytest.mark.parametrize("layout", ["new", "old"])
def test_a_sound_trial_is_read_in_both_layouts(
    layout, results, originals, forgetful, tmp_path, caplog
):
    store = TrialStoreDataset(str(originals / layout)).load()
    for result in results:
        found = store[result.trial.id]
        assert found.trial == result.trial
        pd.testing.assert_frame_equal(found.history, result.history)
        np.testing.assert_array_equal(found.outputs, result.outputs)
        assert found.load_network().count_params() > 0
        if result.diagnostics is not None:
            pd.testing.assert_frame_equal(found.diagnostics, result.diagnostics)
    assert not caplog.messages


def test_a_network_is_verified_once_per_process(results, originals, forgetful, monkeypatch):
    read = []
    real = stored_trials.check_network
    monkeypatch.setattr(stored_trials, "check_network", lambda *a: read.append(a) or real(*a))
    store = TrialStoreDataset(str(originals / "new")).load()
    for _ in range(5):
        assert all(each.trial.id in store for each in results)
        assert len(list(store.values())) == 2
    assert len(read) == 2


def test_lost_files_change_what_a_run_sees_of_the_store(results, originals, tmp_path):
    shutil.copytree(originals / "new", tmp_path / "trials")
    dataset = TrialStoreDataset(str(tmp_path / "trials"))
    before = dataset.state()
    assert len(before) == 2
    (tmp_path / "trials" / ".unfinished-abc").mkdir()
    (tmp_path / "trials" / ".unfinished-abc" / "status.json").write_text("{")
    assert dataset.state() == before
    first, second = (tmp_path / "trials" / each.trial.id for each in results)
    (first / NETWORK).unlink()
    cut(*second.glob("*.keras"))
    now = dataset.state()
    assert [path for path in before if now[path] == before[path]] == []
