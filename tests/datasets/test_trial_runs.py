import gc
import logging
import sqlite3
import weakref
from contextlib import closing
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import mlflow
import numpy as np
import pytest
from kedro.io import DatasetError
from mlflow.tracking import MlflowClient

from dnn_sweep.core.training.results import TrialReport
from dnn_sweep.datasets.sweep_data import describe_data
from dnn_sweep.datasets.tracked_sweep import SWEEP
from dnn_sweep.datasets.trial_runs import TrialRunsDataset
from tests.builders import make_plan, make_result, schema_of
from tests.stores import make_store

OUTPUTS = np.zeros((5, 3))


@pytest.fixture
def store(tmp_path, empty_store):
    make_store(tmp_path, empty_store, "sweep")
    yield TrialRunsDataset("toy")
    SWEEP.end("FAILED")


def save_all(store, plan, replicates=1, **result):
    for trial in plan.trials:
        store.save(TrialReport(make_result(trial, OUTPUTS, **result), replicates))


def children_of(run_id):
    experiment = mlflow.get_experiment_by_name("sweep").experiment_id
    found = MlflowClient().search_runs(
        [experiment], f"tags.mlflow.parentRunId = '{run_id}'", order_by=["start_time"]
    )
    return {run.info.run_name: run for run in found}


def points_of(run, metric):
    history = MlflowClient().get_metric_history(run.info.run_id, metric)
    return {point.step: point.value for point in history}


def test_each_combination_is_a_child_and_each_trial_a_point_by_its_seed(store):
    plan = make_plan(grid={"optimizers": ["sgd", "adam"]}, training={"seeds": [4, 7]})
    with mlflow.start_run() as sweep:
        save_all(store, plan, replicates=2)

    children = children_of(sweep.info.run_id)
    assert set(children) == {"relu + sgd · toy", "relu + adam · toy"}
    for child in children.values():
        assert child.info.status == "FINISHED"
        assert children_of(child.info.run_id) == {}
        assert points_of(child, "val_accuracy_by_seed") == pytest.approx({4: 0.15, 7: 0.15})
        assert points_of(child, "diverged_by_seed") == {4: 0, 7: 0}
        ids = {trial.id for trial in plan.trials if trial.combination in child.info.run_name}
        assert set(child.data.tags["trial_ids"].split(",")) == ids


def test_a_trial_is_there_before_its_combination_is_complete(store):
    first, _ = make_plan(training={"seeds": [0, 1]}).trials
    with mlflow.start_run() as sweep:
        store.save(TrialReport(make_result(first, OUTPUTS), 2, left=1))
        SWEEP.write(lambda _: None, wait=True)
        (child,) = children_of(sweep.info.run_id).values()
        assert child.info.status == "RUNNING"
        assert list(points_of(child, "val_loss_by_seed")) == [0]


def test_of_several_folds_the_mean_is_recorded_by_seed(store):
    (trial,) = make_plan().trials
    with mlflow.start_run() as sweep:
        for fold in (0, 1):
            result = make_result(trial.model_copy(update={"fold": fold}), OUTPUTS)
            result.history["val_accuracy"] = 0.2 + 0.4 * fold
            store.save(TrialReport(result, 2))
    (child,) = children_of(sweep.info.run_id).values()
    assert points_of(child, "val_accuracy_by_seed") == pytest.approx({0: 0.4})


def test_combinations_of_unknown_size_end_with_the_last_trial_of_all(store):
    plan = make_plan(grid={"optimizers": ["sgd", "adam"]}, training={"seeds": [0, 1]})
    with mlflow.start_run() as sweep:
        for left, trial in zip((3, 2, 1, 0), (*plan.trials[:3], plan.trials[3]), strict=True):
            store.save(TrialReport(make_result(trial, OUTPUTS), None, left))

    children = children_of(sweep.info.run_id)
    assert {child.info.status for child in children.values()} == {"FINISHED"}
    assert {child.data.params["seed"] for child in children.values()} == {"0,1"}


def test_runs_carry_params_metrics_tags_and_duration(store):
    plan = make_plan(grid={"optimizers": ["momentum"]}, training={"seeds": [4]})
    with mlflow.start_run() as sweep:
        save_all(store, plan)
    (run,) = children_of(sweep.info.run_id).values()

    expected = {
        "activation": "relu", "optimizer": "momentum", "learning_rate": "0.01",
        "batch_size": "16", "epochs": "3", "seed": "4", "engine": "keras",
        "optimizer.momentum": "0.9",
    }  # fmt: skip
    assert expected.items() <= run.data.params.items()
    for metric in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert list(points_of(run, metric)) == [1, 2, 3]
    assert run.data.metrics["val_accuracy"] == pytest.approx(0.15)
    assert run.data.tags["engine_reason"] == "test"
    assert run.info.end_time - run.info.start_time == 1500


def test_a_combination_names_the_data_of_its_sweep(store):
    data = describe_data("toy", schema_of("multiclass"), "toy.csv")
    with mlflow.start_run() as sweep:
        MlflowClient().log_inputs(sweep.info.run_id, [data])
        save_all(store, make_plan())
    (run,) = children_of(sweep.info.run_id).values()
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("toy", data.dataset.digest)


def test_settings_that_most_trials_are_without_are_params_where_they_are_used(store):
    rate = {"schedule": {"class": "CosineDecay", "alpha": 0.1}}
    plan = make_plan(
        grid={"optimizers": ["sgd", {"adam": rate}]},
        training={"class_weight": {1: 2.5}, "precision": "mixed_bfloat16"},
    )
    with mlflow.start_run() as sweep:
        save_all(store, plan)
        save_all(store, make_plan(grid={"activations": ["tanh"]}))
    children = children_of(sweep.info.run_id)
    params = {name: run.data.params for name, run in children.items()}

    used = {"class_weight": "1,2.5,1", "precision": "mixed_bfloat16"}
    scheduled = {"schedule": "CosineDecay", "schedule.alpha": "0.1", "schedule.decay_steps": "15"}
    assert (used | scheduled).items() <= params["relu + adam · toy"].items()
    assert used.items() <= params["relu + sgd · toy"].items()
    assert not scheduled.keys() & params["relu + sgd · toy"].keys()
    assert not (used | scheduled).keys() & params["tanh + adam · toy"].keys()


def test_the_learning_rate_is_a_metric_only_where_it_changes(store):
    plan = make_plan(grid={"optimizers": ["sgd", "adam"]})
    with mlflow.start_run() as sweep:
        for trial, factor in zip(plan.trials, (1.0, 0.5), strict=True):
            result = make_result(trial, OUTPUTS)
            result.history.loc[1:, "learning_rate"] *= factor
            store.save(TrialReport(result, 1))
    children = children_of(sweep.info.run_id)
    assert "learning_rate" not in children["relu + sgd · toy"].data.metrics
    assert children["relu + adam · toy"].data.metrics["learning_rate"] == pytest.approx(0.0005)


def test_trials_of_the_screening_get_no_run(store):
    (trial,) = make_plan().trials
    with mlflow.start_run() as sweep:
        store.save(TrialReport(make_result(trial, OUTPUTS), 1, stage="screening"))
        store.save(TrialReport(make_result(trial, OUTPUTS), 1))
    (child,) = children_of(sweep.info.run_id).values()
    assert len(points_of(child, "val_loss_by_seed")) == 1
    assert len(child.data.tags["trial_ids"].split(",")) == 1


def test_a_run_of_more_trials_than_a_tag_can_name_is_written_when_one_is_added(store, monkeypatch):
    monkeypatch.setattr("dnn_sweep.datasets.trial_runs.MAX_TAG_VAL_LENGTH", 0)
    with mlflow.start_run() as sweep:
        save_all(store, make_plan(training={"seeds": [0, 1, 2]}), replicates=3)
        save_all(store, make_plan(training={"seeds": [0, 1, 2, 3]}), replicates=4)
    (child,) = children_of(sweep.info.run_id).values()
    assert not child.data.tags["trial_ids"]
    assert list(points_of(child, "val_loss_by_seed")) == [0, 1, 2, 3]


def test_a_diverged_trial_is_recorded_as_such(store):
    with mlflow.start_run() as sweep:
        save_all(store, make_plan(), status="diverged")
    (child,) = children_of(sweep.info.run_id).values()
    assert child.data.metrics["diverged"] == 1
    assert points_of(child, "diverged_by_seed") == {0: 1}


def test_metrics_of_many_epochs_are_all_recorded(store):
    with mlflow.start_run() as sweep:
        save_all(store, make_plan(training={"epochs": 400}))
    (child,) = children_of(sweep.info.run_id).values()
    assert len(MlflowClient().get_metric_history(child.info.run_id, "val_loss")) == 400


def test_a_failure_closes_unfinished_combinations_as_failed(store):
    plan = make_plan(training={"seeds": [0, 1]})
    with mlflow.start_run() as sweep:
        store.save(TrialReport(make_result(plan.trials[0], OUTPUTS), 2))
        (child,) = children_of(sweep.info.run_id).values()
        assert child.info.status == "RUNNING"
        SWEEP.end("FINISHED")
    (child,) = children_of(sweep.info.run_id).values()
    assert child.info.status == "FAILED"
    assert list(points_of(child, "val_loss_by_seed")) == [0]


class SlowServer(ThreadingHTTPServer):
    """Takes a request and answers only once `answer` is set."""

    daemon_threads = True

    def __init__(self):
        self.asked, self.answer = Event(), Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):  # noqa: N805
                self.asked.set()
                self.answer.wait()
                handler.send_error(500)

        super().__init__(("127.0.0.1", 0), Handler)
        Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def slow_server():
    with SlowServer() as server:
        yield server
        server.answer.set()
        server.shutdown()


def test_training_does_not_wait_for_the_server_before_the_last_trial(
    store, slow_server, monkeypatch, caplog
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    first, second, last = make_plan(training={"seeds": [0, 1, 2]}).trials
    with mlflow.start_run():
        alive = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"http://127.0.0.1:{slow_server.server_port}")
        store.save(TrialReport(make_result(first, OUTPUTS), 3, left=2))
        assert slow_server.asked.wait(60)
        store.save(TrialReport(make_result(second, OUTPUTS), 3, left=1))
        assert "MLflow does not answer" not in caplog.text
        slow_server.answer.set()
        store.save(TrialReport(make_result(last, OUTPUTS), 3, left=0))
        mlflow.set_tracking_uri(alive)
    assert "MLflow does not answer" in caplog.text


def test_after_the_last_trial_everything_is_written(store):
    trials = make_plan(training={"seeds": list(range(12))}).trials
    with mlflow.start_run() as sweep:
        for left, trial in zip(range(11, -1, -1), trials, strict=True):
            store.save(TrialReport(make_result(trial, OUTPUTS), 12, left))
        (child,) = children_of(sweep.info.run_id).values()
        assert child.info.status == "FINISHED"
        assert list(points_of(child, "val_loss_by_seed")) == list(range(12))


def test_a_failure_writes_what_was_handed_over_before_it_closes_what_is_open(store):
    trials = make_plan(training={"seeds": list(range(8))}).trials
    with mlflow.start_run() as sweep:
        for left, trial in enumerate(trials[:6], start=2):
            store.save(TrialReport(make_result(trial, OUTPUTS), 8, left))
        SWEEP.end("FAILED")
        (child,) = children_of(sweep.info.run_id).values()
    assert child.info.status == "FAILED"
    assert list(points_of(child, "val_loss_by_seed")) == list(range(6))


def test_what_cannot_be_recorded_for_another_reason_is_raised(store):
    broken = make_result(make_plan().trials[0], OUTPUTS)
    broken.history.insert(0, "a column", "that is no number")
    with mlflow.start_run(), pytest.raises(DatasetError, match="that is no number"):
        store.save(TrialReport(broken, 1))


def keep(network):
    return network


def test_what_waits_to_be_written_holds_no_network(store, slow_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = make_result(make_plan().trials[0], OUTPUTS)
    alive = weakref.ref(network := result.load_network())
    result = replace(result, load_network=partial(keep, network))
    with mlflow.start_run():
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"http://127.0.0.1:{slow_server.server_port}")
        store.save(TrialReport(result, 1, left=1))
        del result, network
        gc.collect()
        assert alive() is None
        slow_server.answer.set()
        SWEEP.end("FAILED")
        mlflow.set_tracking_uri(before)


def test_a_sqlite_store_is_written_ahead(store, tmp_path):
    with mlflow.start_run():
        save_all(store, make_plan())
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_without_an_active_run_nothing_is_recorded(store):
    save_all(store, make_plan())
    experiment = mlflow.get_experiment_by_name("sweep").experiment_id
    assert MlflowClient().search_runs([experiment]) == []


def test_what_a_dead_server_does_not_take_is_written_when_it_is_back(store, monkeypatch, caplog):
    """A port without a listener is what a dead server looks like."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    plan = make_plan(grid={"optimizers": ["sgd", "adam"]}, training={"seeds": [0, 1]})
    with mlflow.start_run() as sweep:
        alive = mlflow.get_tracking_uri()
        store.save(TrialReport(make_result(plan.trials[0], OUTPUTS), 2, left=3))
        SWEEP.write(lambda _: None, wait=True)
        mlflow.set_tracking_uri("http://127.0.0.1:9")
        with caplog.at_level(logging.WARNING):
            for left, trial in zip((2, 1, 0), plan.trials[1:], strict=True):
                store.save(TrialReport(make_result(trial, OUTPUTS), 2, left))
        assert caplog.text.count("MLflow does not answer") == 1
        mlflow.set_tracking_uri(alive)
        assert SWEEP.end("FINISHED") is None

    children = children_of(sweep.info.run_id)
    assert set(children) == {"relu + sgd · toy", "relu + adam · toy"}
    for child in children.values():
        assert child.info.status == "FINISHED"
        assert list(points_of(child, "val_loss_by_seed")) == [0, 1]
        assert [
            point.step for point in MlflowClient().get_metric_history(child.info.run_id, "loss")
        ] == [1, 2, 3]


def test_what_is_recorded_already_is_not_recorded_again(store):
    trials = make_plan(training={"seeds": [0, 1]}).trials
    with mlflow.start_run() as sweep:
        store.save(TrialReport(make_result(trials[0], OUTPUTS), 2, left=1))
        SWEEP.end("KILLED")  # and again, as another process would
        for left, trial in zip((1, 0), trials, strict=True):
            TrialRunsDataset("toy").save(TrialReport(make_result(trial, OUTPUTS), 1, left))
        again = TrialRunsDataset("toy")
        for left, trial in zip((1, 0), trials, strict=True):
            again.save(TrialReport(make_result(trial, OUTPUTS), 2, left))

    (child,) = children_of(sweep.info.run_id).values()
    assert child.info.status == "FINISHED"
    history = MlflowClient().get_metric_history(child.info.run_id, "val_loss_by_seed")
    assert sorted(point.step for point in history) == [0, 1]
