"""`kedro trials` lists what is stored, and deletes only what no plan names and only with --yes."""

import numpy as np
import pytest
from click.testing import CliRunner

from dnn_sweep import trials_command
from dnn_sweep.core.plan.learning_rates import at_rate
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.datasets.file_lock import FileLock
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from tests.builders import make_plan, make_result
from tests.datasets.test_damaged_trials import store_old_trial

OUTPUTS = np.ones((5, 3))


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A project's folder `data` with six trials: two planned, of which one is served."""
    monkeypatch.setattr(trials_command, "DATA", tmp_path)
    served, planned, screened, unused, old, damaged = make_plan(
        training={"seeds": [0, 1, 2, 3, 4, 5]}
    ).trials
    dataset = TrialStoreDataset(str(tmp_path / "06_models/trials"))
    beyond = at_rate(screened, 0.5)
    for trial in (served, planned, unused, damaged):
        dataset.save(make_result(trial, OUTPUTS))
    dataset.save(make_result(beyond, OUTPUTS).discard_network())
    store_old_trial(make_result(old, OUTPUTS), tmp_path / "06_models/trials")
    (tmp_path / "06_models/trials" / damaged.id / "status.json").write_text("")
    for name, trials in {
        "05_model_input/digits/trial_plan.json": (served, planned),
        "05_model_input/iris/screening_plan.json": (screened,),
        "06_models/digits/finals_plan.json": (served, planned),
        "06_models/iris/finals_plan.json": (old,),
        "07_model_output/digits/served_plan.json": (served,),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(TrialPlan(trials=trials).model_dump_json())
    names = ("served", "planned", "screened", "unused", "old", "damaged")
    ids = (served.id, planned.id, beyond.id, unused.id, old.id, damaged.id)
    return tmp_path, dict(zip(names, ids, strict=True))


def run(*arguments):
    done = CliRunner().invoke(trials_command.trials, arguments)
    return done.exit_code, done.output


def stored(folder):
    return {each.name for each in (folder / "06_models/trials").glob("[!.]*")}


def test_every_trial_is_listed_with_its_size(data):
    _, ids = data
    status, said = run()
    assert status == 0
    lines = {
        name: next(line for line in said.splitlines() if f" {ids[name]} │" in line) for name in ids
    }
    assert all("kB" in line for line in lines.values())
    assert "digits" in lines["served"]
    assert "iris" in lines["screened"]
    assert "damaged" in lines["damaged"]
    assert "6 trials (all): " in said.splitlines()[-1]


def test_unused_trials_are_shown_and_deleted_only_when_told_so(data):
    folder, ids = data
    status, said = run("--prune=unused")
    assert status == 0
    assert "Nothing was deleted. To delete 2 trials, " in said
    assert all((ids[name] in said) == (name in ("unused", "damaged")) for name in ids)
    assert stored(folder) == set(ids.values())

    assert "Deleted 2 trials, " in run("--prune=unused", "--yes")[1]
    assert stored(folder) == set(ids.values()) - {ids["unused"], ids["damaged"]}
    assert "0 trials (unused)" in run("--prune=unused", "--yes")[1]


def test_networks_that_no_experiment_serves_are_deleted_and_their_trials_stay(data):
    folder, ids = data
    assert "Deleted 3 networks" in run("--prune=networks", "--yes")[1]
    kept = [each.parent.name for each in folder.glob("06_models/trials/*/*.keras")]
    assert sorted(kept) == sorted([ids["served"], ids["damaged"]])
    store = TrialStoreDataset(str(folder / "06_models/trials")).load()
    assert set(store) == set(ids.values()) - {ids["damaged"]}
    np.testing.assert_array_equal(store[ids["old"]].outputs, OUTPUTS)


def test_nothing_is_deleted_while_a_run_writes_or_a_plan_cannot_be_read(data):
    folder, ids = data
    lock = FileLock(folder / "06_models/digits/.lock")
    lock.acquire("process 12, started today")
    status, said = run("--prune=unused", "--yes")
    assert (status, "process 12, started today" in said) == (1, True)
    lock.release()

    plan = folder / "06_models/iris/finals_plan.json"
    plan.write_text("{")
    status, said = run("--prune=unused", "--yes")
    assert (status, str(plan) in said) == (1, True)
    assert stored(folder) == set(ids.values())


def test_yes_alone_is_refused():
    status, said = run("--yes")
    assert (status, "--prune=unused" in said) == (2, True)
