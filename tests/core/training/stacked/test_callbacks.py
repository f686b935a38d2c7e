"""Keras's callbacks decide for a stacked trial what they decide in `model.fit`."""

import pandas as pd
import pytest

from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.stacked.epoch import EpochProgram
from dnn_sweep.parameters import LoggingParameters
from tests.builders import make_data
from tests.core.training.stacked.sweeps import assert_same, changed, one, results_of, stacked

STOPPING = {"enabled": True, "patience": 2, "min_delta": 0.02}
PLATEAU = {"enabled": True, "patience": 1, "factor": 0.3, "min_delta": 0.05, "monitor": "loss"}
OFF = {"enabled": False}
WORST = {"enabled": True, "monitor": "loss", "mode": "max"}
BEST = {"enabled": True, "monitor": "val_loss"}

CALLBACKS = {
    "restore": {"early_stopping": STOPPING, "checkpoint": OFF},
    "no_restore": {"early_stopping": STOPPING | {"restore_best_weights": False}, "checkpoint": OFF},
    "both": {"early_stopping": STOPPING | {"monitor": "val_accuracy"}, "checkpoint": WORST},
    "checkpoint_alone": {"checkpoint": BEST},
    "plateau": {"reduce_on_plateau": PLATEAU, "checkpoint": OFF},
    "all": {"early_stopping": STOPPING, "reduce_on_plateau": PLATEAU, "checkpoint": BEST},
}


def trials_with_callbacks():
    """A large step: losses go up and down, so that epochs differ and patience runs out."""
    grid = {"optimizers": [{"sgd": {"learning_rate": 1.5}}]}
    training = {"epochs": 12, "batch_size": 32}
    return {
        # A combination of its own each: what differs is no part of the grid.
        name: one(grid=grid, training=training, callbacks=callbacks).model_copy(
            update={"combination": name}
        )
        for name, callbacks in CALLBACKS.items()
    }


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Results of both engines, and where they wrote their log files."""
    trials = list(trials_with_callbacks().values())
    found = {}
    for engine in ("keras", "stacked"):
        folder = tmp_path_factory.mktemp(engine)
        logs = LoggingParameters(folder=str(folder))
        train = stacked if engine == "stacked" else keras_results
        results = train(trials, make_data(), logs=logs)
        found[engine] = ({r.trial.combination: r for r in results.values()}, folder)
    return found


def keras_results(trials, data, **others):
    return results_of(KerasFitEngine(), trials, data, **others)


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_decide_as_in_fit(name, trained):
    mine, theirs = (trained[engine][0][name] for engine in ("stacked", "keras"))
    assert_same(mine, theirs, 1e-4)


def test_the_callbacks_tested_do_something(trained):
    results = trained["stacked"][0]
    assert len(results["restore"].history) < 12
    assert results["restore"].best_epoch < len(results["restore"].history)
    assert results["no_restore"].best_epoch == len(results["no_restore"].history) < 12
    assert results["both"].best_epoch == results["both"].history["loss"].idxmax() + 1
    alone = results["checkpoint_alone"]
    assert alone.best_epoch == alone.history["val_loss"].idxmin() + 1
    assert results["plateau"].history["learning_rate"].nunique() > 1


def test_log_files_are_those_of_fit(trained):
    for name, trial in trials_with_callbacks().items():
        mine, theirs = (
            pd.read_csv(trained[engine][1] / trial.id / "epochs.csv")
            for engine in ("stacked", "keras")
        )
        assert set(mine) >= {"epoch", "loss", "accuracy", "val_loss", "val_accuracy"}, name
        pd.testing.assert_frame_equal(mine, theirs[list(mine)], rtol=1e-4)


@pytest.mark.parametrize("stop", [True, False])
def test_not_a_number_stops_a_trial_only_where_asked(stop):
    wild = {"optimizers": [{"sgd": {"learning_rate": 1e30}}]}
    trial = one(grid=wild, callbacks={"stop_on_nan": stop}, training={"epochs": 4})
    (result,) = stacked([trial], make_data()).values()
    assert result.status == "diverged"
    assert len(result.history) == (1 if stop else 4)


def test_a_stopped_trial_costs_no_more_epochs(monkeypatch):
    """A thousand epochs at most, and patience 2: a lane is free after three, for the next."""
    runs = []
    run = EpochProgram.run

    def counting(self, *arguments, **given):
        runs.append(self.lanes)
        return run(self, *arguments, **given)

    monkeypatch.setattr(EpochProgram, "run", counting)
    first = one(
        grid={"optimizers": [{"sgd": {"learning_rate": 1e-9}}]},
        training={"epochs": 1000},
        callbacks={"early_stopping": STOPPING},
    )
    trials = [changed(first, seed=seed) for seed in range(6)]
    found = stacked(trials, make_data(), 3)
    assert [len(result.history) for result in found.values()] == [3] * 6
    # Six trials of three epochs in three lanes, with one worker or two, and a compilation.
    assert len(runs) <= 13
