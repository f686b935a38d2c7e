"""A trial that raises, and too little memory: everything else is trained."""

import threading

import pytest

from dnn_sweep.core.errors import TrialsFailedError
from dnn_sweep.core.lazy import tf
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training import keras_engine
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.stacked import StackedEngine
from dnn_sweep.core.training.stacked.cohort import Cohort
from dnn_sweep.core.training.stacked.programs import Programs
from tests.builders import make_data, make_plan
from tests.core.training.stacked.sweeps import Recorder, assert_same, no_files, stacked, trials_of
from tests.core.training.test_sweep import a_sweep


def outcome(engine, trials):
    """The results by id, and what is said of the trials that failed."""
    found = {}
    try:
        for result in engine.train(trials, make_data(), Recorder(), no_files(), "a test"):
            found[result.trial.id] = result
    except TrialsFailedError as error:
        return found, error
    return found, None


@pytest.fixture
def one_worker(monkeypatch):
    device = Device(workers=1, free_memory=2**34)
    monkeypatch.setattr(Device, "detect", lambda: device)


@pytest.mark.usefixtures("one_worker")
def test_the_other_trials_of_fit_are_trained(monkeypatch):
    trials = trials_of(training={"seeds": [0, 1, 2]})
    build = keras_engine.build_optimizer

    def build_or_fail(trial):
        if trial.seed == 1:
            raise ValueError("no such thing")
        return build(trial)

    monkeypatch.setattr(keras_engine, "build_optimizer", build_or_fail)
    found, error = outcome(KerasFitEngine(), trials)
    assert {each.trial.seed for each in found.values()} == {0, 2}
    said = f"{trials[1].combination}, seed 1: ValueError: no such thing (test_failed_trials.py"
    assert str(error).startswith(f"1 of the trials could not be trained: {said}")
    assert "the same command trains what is missing" in str(error)


def short_of_memory(self):
    raise tf.errors.ResourceExhaustedError(None, None, "out of memory")


@pytest.mark.usefixtures("one_worker")
def test_a_cohort_that_does_not_fit_shrinks_and_loses_nothing(monkeypatch, caplog):
    trials, run = trials_of(training={"seeds": list(range(5))}), Cohort._run
    tried = []

    def run_if_small(cohort):
        tried.append(len(cohort._lanes))
        return run(cohort) if len(cohort._lanes) <= 2 else short_of_memory(cohort)

    expected = stacked(trials, make_data(), 2)
    monkeypatch.setattr(Cohort, "_run", run_if_small)
    found, error = outcome(StackedEngine(5), trials)
    assert error is None
    assert tried[:2] == [5, 2]
    assert "not enough memory for 5 trials at once: 2 at once are tried" in caplog.text
    for trial in trials:
        assert_same(found[trial.id], expected[trial.id])


@pytest.fixture
def two_workers(monkeypatch):
    device = Device(workers=2, free_memory=2**34)
    monkeypatch.setattr(Device, "detect", lambda: device)


@pytest.mark.usefixtures("two_workers")
def test_two_cohorts_that_do_not_fit_at_the_same_time_lose_nothing(monkeypatch):
    trials, run = trials_of(training={"seeds": list(range(4)), "epochs": 1}), Cohort._run
    both = threading.Barrier(2, timeout=60)

    def run_alone(cohort):
        if len(cohort._lanes) == 1:
            return run(cohort)
        both.wait()
        return short_of_memory(cohort)

    monkeypatch.setattr(Cohort, "_run", run_alone)
    found, error = outcome(StackedEngine(2), trials)
    assert error is None
    assert found.keys() == {each.id for each in trials}


@pytest.mark.usefixtures("two_workers")
def test_a_worker_that_cannot_begin_leaves_the_trials_to_the_other_one(monkeypatch):
    trials, run, get = (
        trials_of(training={"seeds": list(range(4)), "epochs": 1}),
        Cohort._run,
        Programs.get,
    )
    workers, failed = [], threading.Event()

    def get_once(self, *given):
        me = threading.get_ident()
        workers.append(me)
        if me == workers[0]:
            return get(self, *given)
        failed.set()
        raise RuntimeError("no thread can be started")

    def run_late(cohort):
        assert failed.wait(60)
        return run(cohort)

    monkeypatch.setattr(Programs, "get", get_once)
    monkeypatch.setattr(Cohort, "_run", run_late)
    found, error = outcome(StackedEngine(2), trials)
    assert error is None
    assert found.keys() == {each.id for each in trials}


@pytest.mark.usefixtures("one_worker")
def test_what_does_not_fit_alone_is_named_and_the_rest_is_trained(monkeypatch):
    two = {"grid": {"activations": ["relu"], "optimizers": ["sgd", "adam"]}}
    trials, run = trials_of(training={"seeds": [0, 1]}, **two), Cohort._run

    def fails(cohort):
        adam = any(lane.trial.optimizer == "adam" for _, lane in cohort.live)
        return short_of_memory(cohort) if adam else run(cohort)

    monkeypatch.setattr(Cohort, "_run", fails)
    # One optimizer per program, as in long sweeps.
    monkeypatch.setattr(
        "dnn_sweep.core.training.stacked.queues._optimizers_per_program", lambda *_: 1
    )
    found, error = outcome(StackedEngine(2), trials)
    assert {each.trial.optimizer for each in found.values()} == {"sgd"}
    assert str(error).startswith("2 of the trials could not be trained: relu + adam, seed 0: Res")


@pytest.mark.usefixtures("one_worker")
def test_trials_of_a_program_that_cannot_be_compiled_are_all_named(monkeypatch):
    def fail(self, *_):
        raise RuntimeError("the compiler is broken")

    monkeypatch.setattr(Programs, "get", fail)
    found, error = outcome(StackedEngine(2), trials_of(training={"seeds": list(range(5))}))
    assert not found
    assert len(error.failures) == 5
    assert "and 2 more" in str(error)
    assert "RuntimeError: the compiler is broken" in str(error)


@pytest.mark.usefixtures("one_worker")
def test_a_sweep_ends_after_the_stage_and_the_trials_of_all_engines_are_kept(monkeypatch):
    """`lamb` adapts to each layer's norm, so `fit` trains it; the stack trains `adam`."""
    grid = {"activations": ["relu"], "optimizers": ["lamb", "adam"]}
    finals = make_plan(grid=grid, training={"epochs": 1})
    monkeypatch.setattr(Cohort, "_run", short_of_memory)
    nothing = TrialPlan(trials=())
    sweep, kept = a_sweep(finals, nothing, {}, engine="auto"), []
    with pytest.raises(TrialsFailedError, match=r"1 of the trials .* relu \+ adam, seed 0"):
        kept.extend(report.result for report in sweep.run())
    assert [(each.trial.optimizer, each.engine) for each in kept] == [("lamb", "keras")]
