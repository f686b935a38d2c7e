"""Diagnostics as the engines record them."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.networks.build import initial_weights
from dnn_sweep.core.networks.weight_layout import kernels_of
from dnn_sweep.core.training import assign_engines
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.layer_log import PROBE_ROWS, Probe
from dnn_sweep.core.training.stacked import StackedEngine
from tests.builders import make_data
from tests.core.training.stacked.sweeps import (
    assert_close,
    changed,
    measure_one,
    one,
    results_of,
    trials_of,
)

FIGURES = [
    "weight_gradient_norm",
    "signal_gradient_norm",
    "dead_units",
    "saturated",
    "update_ratio",
]
LAST_EPOCH = {"checkpoint": {"enabled": False}}


def measured(trials, data, engine=KerasFitEngine):
    """Results in order, with diagnostics."""
    found = results_of(engine(), trials, data, measured=True)
    return [found[trial.id] for trial in trials]


def epochs_of(result):
    return list(dict.fromkeys(result.diagnostics["epoch"]))


def kernels(result):
    return kernels_of(result.trial.network, result.load_network().get_weights())


@pytest.mark.parametrize("engine", [KerasFitEngine, StackedEngine])
def test_epochs_0_1_2_4_and_the_last_are_measured_and_the_figures_are_those_of_the_weights(engine):
    data = make_data(rows=200)
    first = one(training={"epochs": 5, "batch_size": 50}, callbacks=LAST_EPOCH)
    trials = [first, changed(first, epochs=4)]
    longer, shorter = measured(trials, data, engine)

    assert epochs_of(longer) == [0, 1, 4, 5]
    assert epochs_of(shorter) == [0, 1, 4]
    probe = Probe(data)
    assert len(probe.x) == len(probe.y) == PROBE_ROWS
    for result, weights in [
        (longer, longer.load_network().get_weights()),
        (shorter, shorter.load_network().get_weights()),
    ]:
        last = result.diagnostics[result.diagnostics["epoch"] == epochs_of(result)[-1]]
        alone = measure_one(result.trial.network, weights, probe.x, probe.y)
        pd.testing.assert_frame_equal(
            last.reset_index(drop=True)[list(alone)], alone, check_dtype=False, rtol=1e-4
        )
    before = longer.diagnostics[longer.diagnostics["epoch"] == 0]
    start = measure_one(first.network, initial_weights(first.network, 0), probe.x, probe.y)
    np.testing.assert_allclose(before["signal_gradient_norm"], start["signal_gradient_norm"], 1e-5)
    assert before["update_ratio"].isna().all()


def test_the_update_ratio_is_the_change_since_the_last_measurement_by_the_norm_an_epoch():
    data = make_data()
    first = one(training={"epochs": 4, "batch_size": 40}, callbacks=LAST_EPOCH)
    four, six = measured([first, changed(first, epochs=6)], data)

    ratios = six.diagnostics.query("epoch == 6")["update_ratio"]
    expected = [
        np.linalg.norm(after - before) / np.linalg.norm(before) / 2
        for before, after in zip(kernels(four), kernels(six), strict=True)
    ]
    np.testing.assert_allclose(ratios, expected, rtol=1e-5)


def test_the_last_epoch_is_measured_and_not_the_one_whose_weights_are_kept():
    data = make_data()
    first = one(callbacks={"checkpoint": {"enabled": True, "monitor": "val_loss", "mode": "max"}})
    last = changed(first, callbacks=one(callbacks=LAST_EPOCH).callbacks)
    for engine in (KerasFitEngine, StackedEngine):
        kept_early, kept_last = measured([first, last], data, engine)
        assert kept_early.best_epoch < kept_last.best_epoch == epochs_of(kept_early)[-1] == 3
        pd.testing.assert_frame_equal(kept_early.diagnostics, kept_last.diagnostics)


def assert_same_diagnostics(trials, data, tolerance=1e-5):
    pairs = zip(measured(trials, data), measured(trials, data, StackedEngine), strict=True)
    for theirs, mine in pairs:
        about = f"{theirs.trial.combination}, {theirs.trial.network.name}"
        pd.testing.assert_frame_equal(
            mine.diagnostics[["epoch", "layer"]], theirs.diagnostics[["epoch", "layer"]]
        )
        for name in FIGURES:
            assert_close(
                mine.diagnostics[name], theirs.diagnostics[name], tolerance, f"{about}: {name}"
            )


@pytest.mark.slow
def test_both_engines_give_the_same_figures():
    first = one(
        network={"hidden": [8, 6], "batch_normalization": True, "l2": 0.01, "dropout": 0.2},
        grid={"optimizers": [{"adam": {"epsilon": 1e-3}}]},
    )
    own = [{"activation": "gelu"}, {"activation": "tanh"}]
    trials = [changed(first, epochs=1), changed(first, layers=own, seed=1)]
    assert_same_diagnostics(trials, make_data())


@pytest.mark.slow
@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_both_engines_give_the_same_figures_for_every_task(task):
    grid = {"activations": ["relu", "sigmoid"], "optimizers": ["rmsprop"]}
    assert_same_diagnostics(trials_of(task, grid=grid, training={"epochs": 5}), make_data(task))


def test_a_diverged_trial_has_no_figures_where_there_is_nothing_to_measure():
    trial = one(grid={"optimizers": [{"sgd": {"learning_rate": 1e30}}]})
    for engine in (KerasFitEngine, StackedEngine):
        (result,) = measured([trial], make_data(), engine)
        last = result.diagnostics[result.diagnostics["epoch"] > 0]
        assert result.status == "diverged"
        assert epochs_of(result) == [0, 1]
        assert last[FIGURES].isna().all(axis=None)


@pytest.mark.parametrize("name", ["keras", "stacked"])
def test_nothing_is_measured_unless_asked_for_and_measuring_changes_nothing(name):
    trial, data = one(), make_data()
    (assignment,) = assign_engines([trial], name)
    found = []
    for asked in ({}, {"measured": True}):
        found += results_of(assignment.engine, [trial], data, **asked).values()
    without, with_them = found

    assert without.diagnostics is None
    assert with_them.diagnostics is not None
    np.testing.assert_array_equal(without.outputs, with_them.outputs)


def test_the_probe_is_the_same_for_the_same_rows_and_takes_all_of_a_few():
    data = make_data(rows=300)
    np.testing.assert_array_equal(Probe(data).x, Probe(data).x)
    assert len(np.unique(Probe(data).x, axis=0)) == PROBE_ROWS
    np.testing.assert_array_equal(Probe(make_data(rows=40)).x, make_data(rows=40).x_train)
