"""No trial's numbers depend on who trains beside it, where, or when."""

import numpy as np
import pytest

from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.stacked import scheduler
from tests.builders import make_data
from tests.core.training.stacked.sweeps import (
    Recorder,
    assert_same,
    changed,
    one,
    stacked,
    trials_of,
)

EPOCHS = (3, 1, 5, 2, 4)


@pytest.fixture(scope="module")
def trials():
    """Five that can share a cohort: other lengths, rates, seeds and activations."""
    first = one(
        network={"hidden": [6, 5], "dropout": 0.3, "batch_normalization": True, "l2": 0.01},
        training={"batch_size": 32},
    )
    names = ("relu", "tanh", "relu", "softplus", "tanh")
    return [
        changed(
            first,
            layers={"activation": name},
            seed=at,
            epochs=epochs,
            learning_rate=0.01 * (at + 1),
            optimizer_arguments={"beta_1": 0.5 + at / 10},
        )
        for at, (name, epochs) in enumerate(zip(names, EPOCHS, strict=True))
    ]


@pytest.fixture(scope="module")
def reference(trials):
    """All of them side by side."""
    return stacked(trials, make_data(), 7)


def assert_all_same(mine, reference):
    for name, result in mine.items():
        assert_same(result, reference[name])


# With one lane and two: newcomers take lanes that others have left, beside neighbours in another
# epoch.
@pytest.mark.parametrize(("size", "step"), [pytest.param(1, 1, marks=pytest.mark.slow), (2, -1)])
def test_results_do_not_depend_on_the_cohorts_size_or_on_the_order(size, step, trials, reference):
    heard = Recorder()
    assert_all_same(stacked(trials[::step], make_data(), size, progress=heard), reference)
    assert set(heard.compilations) == {size}


def test_a_diverging_trial_disturbs_nobody(trials, reference):
    """It neither changes its neighbours nor ends their training; its rate makes all infinite."""
    wild = [
        changed(trials[at], seed=40 + at, learning_rate=1e30, epochs=4, callbacks=callbacks)
        for at, callbacks in enumerate(
            [
                trials[0].callbacks,
                trials[0].callbacks.model_copy(update={"stop_on_nan": False}),
            ]
        )
    ]
    among = [wild[0], *trials[:2], wild[1], *trials[2:]]
    found = stacked(among, make_data(), 7)
    for each in wild:
        result = found.pop(each.id)
        assert result.status == "diverged"
        assert not np.isfinite(result.history["val_loss"]).all()
        assert len(result.history) == (1 if each is wild[0] else 4)
    assert_all_same(found, reference)


@pytest.mark.slow
def test_moving_to_a_smaller_program_changes_nothing(trials, reference, monkeypatch):
    monkeypatch.setattr(scheduler, "WORK_OF_COMPILING", 0.0)
    heard = Recorder()
    assert_all_same(stacked(trials, make_data(), 5, progress=heard), reference)
    assert heard.compilations == [5, 2, 1]


def test_optimizers_side_by_side_in_one_program_do_not_meet(monkeypatch):
    """Two lanes for each of three: trials follow one another there, and one block is left."""
    planned = trials_of(
        network={"hidden": [6]},
        grid={"optimizers": ["adam", {"momentum": {"class": "SGD", "momentum": 0.9}}, "rmsprop"]},
        training={"seeds": [0, 1, 2]},
    )
    lengths = (3, 1, 2, 1, 1, 1, 1, 8, 1)
    trials = [changed(each, epochs=n) for each, n in zip(planned, lengths, strict=True)]
    first = next(trial for trial in trials if trial.optimizer == "adam")
    trials.append(changed(first, seed=7, optimizer_arguments={"beta_1": 0.5}))
    alone = {}
    for name in ("adam", "momentum", "rmsprop"):
        alone |= stacked([trial for trial in trials if trial.optimizer == name], make_data())

    monkeypatch.setattr(Device, "detect", lambda: Device(workers=1, free_memory=2**34))
    monkeypatch.setattr(scheduler, "WORK_OF_COMPILING", 0.0)
    heard = Recorder()
    assert_all_same(stacked(trials, make_data(), 6, progress=heard), alone)
    assert heard.compilations == [6, 2, 1]


def test_replicates_differ_and_trials_of_one_replicate_are_paired(trials):
    same = [changed(trials[0], learning_rate=rate) for rate in (1e-9, 2e-9)]
    other = changed(same[0], seed=9)
    first, second, third = stacked([*same, other], make_data(), 7).values()
    # At such rates nothing is learned: order, dropout and initial weights are all there is.
    np.testing.assert_allclose(first.history["loss"], second.history["loss"], rtol=1e-5)
    assert not np.allclose(first.history["loss"], third.history["loss"], rtol=1e-3)
