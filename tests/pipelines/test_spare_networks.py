"""Networks far from the best are let go, and are the same once they are trained again."""

from contextlib import chdir
from dataclasses import replace

import numpy as np
import pytest

from dnn_sweep.core.champion.refit import refit_networks
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.device import Device
from dnn_sweep.datasets.spare_networks import SpareNetworksDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import CallbackParameters, GridParameters, SweepParameters
from tests.core.training.stacked.sweeps import Recorder
from tests.iris_sweep import groups, train


@pytest.fixture(scope="module", autouse=True)
def one_worker():
    """Two may deal trials out differently, which changes their last digits."""
    device = Device(workers=1, free_memory=2**34)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Device, "detect", lambda: device)
        yield


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A finished sweep of four combinations whose finals end early, after a screening."""
    folder = tmp_path_factory.mktemp("swept")
    given = groups(folder) | {
        "grid": GridParameters(activations=["relu", "tanh"], optimizers=["sgd", "adam"]),
        "callbacks": CallbackParameters(early_stopping={"enabled": True, "patience": 1}),
        "sweep": SweepParameters(keep_networks=1),
    }
    with chdir(folder):
        made = train(folder, ToyDataset("iris"), "unused", given, "spare_networks")
    return made | given | {"store": TrialStoreDataset(str(folder / "trials"))}


def named(plan):
    return {trial.combination for trial in plan.trials}


def test_the_networks_of_all_but_the_best_combinations_are_spare(swept):
    names = list(swept["leaderboard"].query("kind == 'combination'")["combination"])
    assert named(swept["spare_networks"]) == set(names[1:])
    assert len(swept["spare_networks"].trials) == 3 * len(swept["training"].seeds)


def test_what_was_let_go_is_trained_again_to_the_bit_if_it_is_served_after_all(swept, tmp_path):
    store, spare = swept["store"], swept["spare_networks"].trials
    before, state = dict(store.load()), store.state()
    weights = {trial.id: before[trial.id].load_network().get_weights() for trial in spare}
    assert store.release_networks(weights) == len(spare)
    plan = TrialPlan(trials=tuple(t for t in spare if t.combination == spare[0].combination))
    rows = swept["train_rows"], swept["validation_rows"]
    fitted = swept["preprocessor"], swept["target_scaling"], swept["schema"]
    logs = swept["logs"].model_copy(update={"tensorboard": True, "folder": str(tmp_path)})
    shown = tmp_path / "tensorboard" / "relu+adam"  # of the finals
    shown.mkdir(parents=True)
    settings, progress = (swept["training"], logs), Recorder()
    again = refit_networks(
        plan, store.load(), *rows, *fitted, progress, *settings,
        finals=swept["finals_plan"], screened=swept["screening_plan"],
    )  # fmt: skip
    for result in again:
        np.testing.assert_array_equal(result.outputs, before[result.trial.id].outputs)
        store.save(result)
    assert len(progress.started) == len(plan.trials)
    for trial in plan.trials:
        for old, new in zip(
            weights[trial.id], store.load()[trial.id].load_network().get_weights(), strict=True
        ):
            np.testing.assert_array_equal(new, old)
    assert shown.exists()
    assert store.state() == state  # so that nothing that reads the results runs again


@pytest.fixture
def data(tmp_path, swept):
    """A folder `data` whose experiment `iris` has trained all the finals."""
    store = TrialStoreDataset(str(tmp_path / "06_models/trials"))
    for trial in swept["finals_plan"].trials:
        result = swept["store"].load()[trial.id]
        store.save(replace(result, save_network=lambda path: path.write_bytes(b"a network")))
    return tmp_path


def write_plan(data, name, trials):
    file = data / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(TrialPlan(trials=tuple(trials)).model_dump_json())
    return file


def with_networks(data):
    return {each.parent.name for each in data.glob("06_models/trials/*/*.keras")}


def test_what_another_experiment_plans_keeps_its_network(data, swept):
    finals, spare = swept["finals_plan"].trials, swept["spare_networks"].trials
    write_plan(data, "06_models/iris/finals_plan.json", finals)
    write_plan(data, "05_model_input/other/trial_plan.json", spare[:1])
    SpareNetworksDataset(str(data), "iris").save(swept["spare_networks"])
    kept = {trial.id for trial in finals} - {trial.id for trial in spare[1:]}
    assert with_networks(data) == kept
    assert len(TrialStoreDataset(str(data / "06_models/trials")).load()) == len(finals)


def test_where_a_plan_cannot_be_read_nothing_is_let_go(data, swept, caplog):
    file = write_plan(data, "05_model_input/other/trial_plan.json", [])
    file.write_text("{")
    SpareNetworksDataset(str(data), "iris").save(swept["spare_networks"])
    assert len(with_networks(data)) == len(swept["finals_plan"].trials)
    assert f"no network is let go: {file} cannot be read" in caplog.text
