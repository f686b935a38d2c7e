"""Trials on the workers of a cluster: the same results, whoever dies."""

import contextlib
import pickle
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import psutil
import pytest
from pydantic import ValidationError

from dnn_sweep.core.errors import SweepError, TrialsFailedError
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.training.checkpoints import Checkpoints
from dnn_sweep.core.training.cluster.connection import check, mismatch
from dnn_sweep.core.training.cluster.engine import ClusterEngine
from dnn_sweep.core.training.cluster.fleet import Lost, _places
from dnn_sweep.core.training.cluster.host import installed
from dnn_sweep.core.training.cluster.task import DIED, Said, Task
from dnn_sweep.core.training.cluster.waiting import Waiting
from dnn_sweep.core.training.cluster.worker import Worker
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.stacked import StackedEngine
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.parameters import ExecutorParameters, LoggingParameters
from tests.builders import make_data, make_plan
from tests.core.training.stacked.sweeps import Recorder, assert_same, changed, one, results_of
from tests.iris_sweep import groups, train

DATA = make_data()


class OneWorker:
    """A fleet without Ray: a worker in this process, to which everything is pickled."""

    size = 1

    def run(self, tasks, data, ready):
        for position in range(len(tasks)):
            worker, ended = Worker(data), False
            worker.start(pickle.loads(pickle.dumps(ready(position))))  # noqa: S301
            while not ended:
                for said in pickle.loads(pickle.dumps(worker.listen(0.1))):  # noqa: S301
                    yield position, said
                    ended = said.what == "ended"

    def close(self):
        pass


class Dying(OneWorker):
    """Its first worker dies after a result, and another one gets the task."""

    def run(self, tasks, data, ready):
        for position, said in super().run(tasks, data, ready):
            yield position, said
            if said.what == "finished":
                break
        self.given = ready(0)
        yield from super().run(tasks, data, ready)


class DyingEarly(OneWorker):
    """Its first worker dies while it compiles."""

    def run(self, tasks, data, ready):
        yield 0, Said("compiling", (1,))
        yield 0, Said(DIED)
        yield from super().run(tasks, data, ready)


class GivingUp(OneWorker):
    def run(self, tasks, data, ready):
        for position in range(len(tasks)):
            yield position, Lost("its worker died 5 times")


def plan(**training):
    grid = {"activations": ["relu", "tanh"], "optimizers": ["sgd", "adam"]}
    return make_plan(grid=grid, training={"seeds": [0, 1], **training}).trials


@pytest.mark.parametrize("engine", [StackedEngine, KerasFitEngine])
def test_a_worker_returns_what_training_here_does(engine, tmp_path):
    trials = plan() if engine is StackedEngine else plan()[:2]
    here = LoggingParameters(folder=str(tmp_path / "here"))
    there = LoggingParameters(folder=str(tmp_path / "there"))
    expected = results_of(engine(), trials, DATA, logs=here, measured=True)
    heard = Recorder()
    cluster = ClusterEngine(engine(), OneWorker())
    found = results_of(cluster, trials, DATA, logs=there, measured=True, progress=heard)
    for trial in trials:
        assert_same(found[trial.id], expected[trial.id], tolerance=0)
        pd.testing.assert_frame_equal(found[trial.id].diagnostics, expected[trial.id].diagnostics)
        found[trial.id].save_network(tmp_path / "network.keras")
        own, other = (tmp_path / each / trial.id / "epochs.csv" for each in ("there", "here"))
        assert own.read_text() == other.read_text()
    assert sorted(heard.started) == sorted(trial.id for trial in trials)
    assert len(heard.epochs) == sum(trial.epochs for trial in trials)
    if engine is StackedEngine:
        assert heard.begun == heard.compilations != []


@pytest.mark.parametrize("engine", [StackedEngine, KerasFitEngine])
def test_its_log_files_are_those_of_training_here(engine, tmp_path):
    callbacks = {
        "checkpoint": {"enabled": True},
        "reduce_on_plateau": {"enabled": True, "patience": 1, "monitor": "val_loss"},
    }
    ranking = named_objective("neg_mean_squared_log_error", "regression")
    given = {"training": {"epochs": 12}, "callbacks": callbacks, "objective": ranking}
    trial = one("regression", grid={"optimizers": [{"sgd": {"learning_rate": 0.3}}]}, **given)
    # At some epochs a prediction is below -1, where this metric is not defined.
    data = make_data("regression")
    data = replace(data, target_mean=-0.99 - float(data.y_validation.min()))
    lines = {}
    for place, trains in (("here", engine()), ("there", ClusterEngine(engine(), OneWorker()))):
        logs = LoggingParameters(folder=str(tmp_path / place))
        results_of(trains, [trial], data, logs=logs)
        lines[place] = (tmp_path / place / trial.id / "epochs.csv").read_text()
    assert lines["there"] == lines["here"]
    table = pd.read_csv(tmp_path / "there" / trial.id / "epochs.csv")
    assert table["learning_rate"].nunique() > 1
    assert np.isinf(table["val_objective"]).any()


def hits(true, positive):
    return float(np.mean((positive > 0.5) == true))


def test_a_worker_refuses_a_metric_that_is_another_function_there():
    watched = {"checkpoint": {"enabled": True}}
    ranking = named_objective(f"{__name__}:hits", "binary")
    trial = one("binary", objective=ranking, callbacks=watched)
    assert trial.epoch_objective.source
    other = trial.epoch_objective.model_copy(update={"source": "0" * 64})
    cluster = ClusterEngine(StackedEngine(), OneWorker())
    assert results_of(cluster, [trial], make_data("binary"))
    with pytest.raises(SweepError, match=r"evaluation.objective: .*:hits is another function"):
        results_of(cluster, [changed(trial, epoch_objective=other)], make_data("binary"))


def test_a_cohort_whose_worker_died_is_trained_again_without_what_is_finished():
    trials = make_plan(training={"seeds": [0, 1, 2]}).trials
    fleet = Dying()
    found = results_of(ClusterEngine(StackedEngine(3), fleet), trials, DATA, measured=True)
    expected = results_of(StackedEngine(3), trials, DATA, measured=True)
    assert len(fleet.given.finished) == 1
    assert len(fleet.given.unfinished) == 2
    for trial in trials:
        own, other = found[trial.id], expected[trial.id]
        assert_same(own, other, tolerance=0)
        # Layers of several networks are measured together, in other groups than without a death.
        pd.testing.assert_frame_equal(own.diagnostics, other.diagnostics, rtol=1e-4)


def test_a_program_that_a_dead_worker_was_compiling_is_not_waited_for():
    heard = Recorder()
    cluster = ClusterEngine(StackedEngine(), DyingEarly())
    results_of(cluster, make_plan(training={"epochs": 1}).trials, DATA, progress=heard)
    assert len(heard.begun) == len(heard.compilations) == 2


def test_a_checkpoint_travels_back_and_forth(tmp_path):
    class Stopped(Recorder):
        def epoch_finished(self, trial, epoch, logs):
            if epoch == 4:
                raise KeyboardInterrupt

    trials = make_plan(training={"epochs": 6}).trials
    often = Checkpoints(tmp_path, 1e-9)
    cluster = ClusterEngine(StackedEngine(), OneWorker())
    with pytest.raises(KeyboardInterrupt):
        results_of(cluster, trials, DATA, progress=Stopped(), checkpoints=often)
    found = results_of(cluster, trials, DATA, progress=(heard := Recorder()), checkpoints=often)
    assert 0 < len(heard.epochs) < 6
    expected = results_of(StackedEngine(), trials, DATA)
    assert_same(found[trials[0].id], expected[trials[0].id], tolerance=0)


def test_a_task_that_is_given_up_names_its_trials():
    trials = make_plan(training={"seeds": [0, 1]}).trials
    cluster = ClusterEngine(KerasFitEngine(), GivingUp())
    with pytest.raises(TrialsFailedError, match=r"2 of .*relu \+ adam, seed 0: its worker died"):
        results_of(cluster, trials, DATA)


def test_the_cut_does_not_depend_on_what_is_finished():
    trials = make_plan(training={"seeds": list(range(6))}).trials
    cluster = ClusterEngine(StackedEngine(2), OneWorker())
    like = Task((), None, "", measured=False, seconds=0.0)
    whole = cluster._cut(trials, DATA, {}, like)
    rest = cluster._cut(trials, DATA, {trials[0].id: 3, trials[2].id: 3, trials[3].id: 3}, like)
    assert [len(each.trials) for each in whole] == [2, 2, 2]
    cohorts = [[trial.id for trial in each.trials] for each in whole]
    assert [[trial.id for trial in each.trials] for each in rest] == [cohorts[0], cohorts[2]]


def test_a_worker_keeps_to_the_program_that_it_has_compiled():
    class Of:
        def __init__(self, program):
            self.program = program

    waiting = Waiting([Of("a"), Of("b"), Of("a"), Of("a")])
    assert waiting.take(known=()) == 0  # of the program with the most tasks
    assert waiting.take(known=()) == 1  # which no worker uses
    assert waiting.take(known=("a",)) == 2
    waiting.put_back(2)
    assert waiting.take(known=("b",)) == 2
    assert len(waiting) == 1


def test_workers_are_spread_over_the_machines():
    assert _places({"a": 2, "b": 2}, [], most=3) == ["a", "b", "a"]


def test_a_machine_with_other_versions_is_named():
    own = installed()
    assert mismatch(own, {"host": "there", **own}) is None
    said = mismatch(own, {"host": "there", **own, "keras": "2.0"})
    assert said == f"the worker on there has another keras: 2.0, here {own['keras']}; " + (
        "install the same there"
    )
    assert own.keys() == {"Python", "keras", "tensorflow", "dnn_sweep"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "ray", "address": "http://a:1"}, "executor.address is 'http://a:1', but must be"),
        ({"kind": "ray", "address": "a:65536"}, "with a port from 1 to 65535"),
        ({"address": "auto"}, "executor.address is of a cluster: set executor.kind to ray"),
        ({"kind": "rya"}, "Did you mean 'ray'"),
    ],
)
def test_a_wrong_setting_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        ExecutorParameters(**given)


def test_without_ray_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SweepError, match=r"pip install 'dnn-sweep\[ray\]'"):
        check(ExecutorParameters(kind="ray"))


# In a process of its own: Ray goes on trying, and until then takes the process for a client.
ASK = """
from dnn_sweep.core.training.cluster import connection
from dnn_sweep.parameters import ExecutorParameters

connection.SECONDS_TO_ANSWER = 1.0
try:
    connection.check(ExecutorParameters(kind="ray", address="{}"))
except connection.SweepError as error:
    print(error, flush=True)
    connection.os._exit(3)
"""


def test_an_address_that_does_not_answer_is_refused_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        asked = [sys.executable, "-c", ASK.format(f"ray://127.0.0.1:{port}")]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3, done.stderr
    (said,) = done.stdout.splitlines()
    assert "no answer of a Ray cluster in 1 s" in said
    with pytest.raises(SweepError, match=f"127.0.0.1:{port}: no Ray cluster can be used there"):
        check(ExecutorParameters(kind="ray", address=f"127.0.0.1:{port}"))


def rays():
    """Names of Ray's processes that this one has started, by process."""
    found = {}
    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found[each] = " ".join(each.cmdline())
    return {each: name for each, name in found.items() if "ray::" in name or "/ray/" in name}


class Killer(TrainingProgress):
    """Kills a worker when the first trial has ended, and sees where Ray's processes listen."""

    killed, listening = 0, frozenset()

    def trial_finished(self, result):
        for each in rays():
            with contextlib.suppress(psutil.NoSuchProcess):
                own = each.net_connections("tcp")
                self.listening |= {c.laddr.ip for c in own if c.status == "LISTEN"}
        workers = [each for each, name in rays().items() if name.startswith("ray::Host")]
        if not self.killed and len(workers) == 2:
            workers[0].kill()
            self.killed += 1


@pytest.mark.slow
def test_a_sweep_on_a_cluster_ends_with_the_leaderboard_of_one_without(tmp_path, mlflow_store):
    given = groups(tmp_path / "here")
    here = train(tmp_path / "here", ToyDataset("iris"), "iris", given, until="leaderboard")
    given = groups(tmp_path / "there")
    given["executor"] = ExecutorParameters(kind="ray", workers=2)
    check(given["executor"])
    killer = Killer()
    there = train(
        tmp_path / "there", ToyDataset("iris"), "iris", given, until="leaderboard", display=killer
    )
    assert killer.killed
    assert killer.listening <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert killer.listening
    seconds = ["seconds"]
    pd.testing.assert_frame_equal(
        there["leaderboard"].drop(columns=seconds), here["leaderboard"].drop(columns=seconds)
    )
    assert set(there["trial_results"]) == set(here["trial_results"])
    for trial, result in there["trial_results"].items():
        np.testing.assert_array_equal(result.outputs, here["trial_results"][trial].outputs)
    _, left = psutil.wait_procs(rays(), timeout=30)
    assert not left
