"""Train trials with an engine, and compare what two trainings left behind."""

import warnings

import numpy as np
import pandas as pd

from dnn_sweep.core.lazy import tf
from dnn_sweep.core.networks.body import Layer
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.layer_measurements import layer_names, measure_layers
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.stacked import StackedEngine
from dnn_sweep.parameters import LoggingParameters
from tests.builders import make_plan

TOLERANCE = 1e-5


class Recorder(TrainingProgress):
    """A progress display that remembers what it was told."""

    def __init__(self):
        self.started, self.epochs, self.compilations, self.shares = [], [], [], []
        self.begun = []

    def compiling(self, trials):
        self.begun.append(trials)

    def compiled(self, trials, seconds, share=1.0):
        self.compilations.append(trials)
        self.shares.append(share)

    def trial_started(self, trial):
        self.started.append(trial.id)

    def epoch_finished(self, trial, epoch, logs):
        self.epochs.append((trial.id, epoch, logs))


def no_files():
    return LoggingParameters(folder="unused", csv=False, tensorboard=False)


def results_of(engine, trials, data, *, progress=None, logs=None, **others):
    """Results by the trial's id."""
    assert len({trial.id for trial in trials}) == len(trials)
    told = progress or Recorder(), logs or no_files(), "the test says so"
    found = list(engine.train(trials, data, *told, **others))
    assert len(found) == len(trials)
    return {result.trial.id: result for result in found}


def stacked(trials, data, cohort_size=None, **others):
    return results_of(StackedEngine(cohort_size), trials, data, **others)


def assert_engines_agree(trials, data, tolerance=TOLERANCE, *, traced=False, engine=None, **others):
    """Train with both engines and compare; returns the stacked engine's results in order.

    ``fit`` runs without tracing its functions, which takes longer than a few small epochs.
    """
    tf.config.run_functions_eagerly(not traced)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the order of batches is traced anyway
            by_keras = results_of(KerasFitEngine(), trials, data)
    finally:
        tf.config.run_functions_eagerly(False)
    by_stack = results_of(engine or StackedEngine(), trials, data, **others)
    for trial in trials:
        assert_same(by_stack[trial.id], by_keras[trial.id], tolerance)
        assert by_stack[trial.id].engine == "stacked"
    return [by_stack[trial.id] for trial in trials]


def assert_same(mine, theirs, tolerance=TOLERANCE):
    """Two results are those of one training, to rounding; bit by bit where it is 0."""
    trial = mine.trial
    about = f"{trial.combination}, seed {trial.seed}, {trial.network.name}"
    assert mine.status == theirs.status, about
    assert list(mine.history) == list(theirs.history), about
    assert len(mine.history) == len(theirs.history), about
    for name in mine.history:
        if name != "seconds":
            assert_close(mine.history[name], theirs.history[name], tolerance, f"{about}: {name}")
    assert mine.best_epoch == theirs.best_epoch, about
    assert mine.outputs.dtype == theirs.outputs.dtype, about
    assert_close(mine.outputs, theirs.outputs, tolerance, f"{about}: outputs")
    kept = [each.load_network() for each in (mine, theirs)]
    for variable, own, other in zip(
        kept[0].weights, *(each.get_weights() for each in kept), strict=True
    ):
        assert_close(own, other, tolerance, f"{about}: {variable.path}")


def assert_close(mine, theirs, tolerance, about):
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    finite = theirs[np.isfinite(theirs)]
    # Relative to the largest of the array, or to a step: rounding is that of sums over it.
    scale = max(np.abs(finite).max(initial=0), 0.1)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * scale, err_msg=about)


def trials_of(task="multiclass", **given):
    return list(make_plan(task, **given).trials)


def one(task="multiclass", **given):
    """A single trial."""
    (trial,) = make_plan(task, **given).trials
    return trial


def changed(trial, *, layers=None, network=None, **fields):
    """A trial with other fields; `layers` change every hidden layer, or each its own."""
    if layers is not None:
        each = layers if isinstance(layers, list) else [layers] * len(trial.network.hidden)
        hidden = tuple(
            Layer(**(layer.model_dump() | own))
            for layer, own in zip(trial.network.hidden, each, strict=True)
        )
        network = {"hidden": hidden} | (network or {})
    if network is not None:
        fields["network"] = trial.network.model_copy(update=network)
    # Not a copy: that would keep an id already worked out.
    return Trial(**({name: getattr(trial, name) for name in Trial.model_fields} | fields))


def measure_one(network, weights, x, y):
    """The layers of one network: one row per layer, the output layer last."""
    measured = measure_layers(network, [each[np.newaxis] for each in weights], x, y).of(0)
    return pd.DataFrame({"layer": layer_names(network), **measured._asdict()})
