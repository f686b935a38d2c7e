"""Trials that train in worker processes, one per core."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.keras_engine import KerasFitEngine, estimated_seconds
from dnn_sweep.core.training.layer_log import Probe
from tests.builders import make_data, make_plan
from tests.core.networks.test_custom import GOOD, function  # noqa: F401 - a fixture
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


@pytest.mark.parametrize("kind", KINDS)
def test_results_are_those_of_training_here_to_rounding(workers, kind, tmp_path):
    trials = plan(KINDS[kind])
    progress = Recorder()
    there = results_of(workers, trials, DATA, progress=progress, measured=True)
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
    assert sorted(progress.started) == sorted(trial.id for trial in trials)
    assert len(progress.epochs) == sum(trial.epochs for trial in trials)


def test_a_repeated_training_is_equal_to_the_bit(workers):
    trials = plan(KINDS["branched"], epochs=2)
    first, second = (results_of(workers, trials, DATA) for _ in range(2))
    for trial in trials:
        assert_same(first[trial.id], second[trial.id], tolerance=0)


def test_what_is_finished_is_not_trained_again(workers):
    trials = plan(KINDS["dense"])
    found = list(workers.train(trials, DATA, Recorder(), no_files(), "test", [trials[0].id]))
    assert {each.trial.id for each in found} == {trial.id for trial in trials[1:]}


def test_a_network_of_the_users_own_is_found_by_the_workers(function):  # noqa: F811
    trials = plan({"kind": "custom", "hidden": [], "function": function(GOOD)}, epochs=1)
    engine = KerasFitEngine(seconds_worth_workers=0)
    try:
        assert len(results_of(engine, trials, DATA)) == 3
    finally:
        engine.close()


def test_small_work_starts_no_process(monkeypatch):
    monkeypatch.setattr(Device, "detect", lambda: Device(workers=2, free_memory=2**34))
    engine = KerasFitEngine()
    results_of(engine, plan(KINDS["dense"]), DATA)
    assert engine._pool is None


def test_the_estimate_grows_with_rows_and_epochs():
    one, more = plan(KINDS["dense"])[0], plan(KINDS["dense"], epochs=6)[0]
    assert estimated_seconds(more, 80) == pytest.approx(2 * estimated_seconds(one, 80))
    assert estimated_seconds(one, 8000) > 50 * estimated_seconds(one, 80)


def test_the_probe_is_the_same_in_every_process():
    np.testing.assert_array_equal(Probe(DATA).x, Probe(make_data()).x)
