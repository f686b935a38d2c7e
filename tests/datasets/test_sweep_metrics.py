import mlflow
import pytest
from mlflow.tracking import MlflowClient

from dnn_sweep.core.champion.evaluation import ServedMetrics
from dnn_sweep.datasets.sweep_metrics import SweepMetricsDataset
from dnn_sweep.datasets.tracked_sweep import SWEEP

pytestmark = pytest.mark.usefixtures("mlflow_store")
METRICS = {"test_accuracy": 0.96, "test_log_loss": 0.13}
SERVED = ServedMetrics("relu + adam", "the mean of 2 networks", "accuracy", 0.96, METRICS)


def save(served=SERVED):
    SweepMetricsDataset("toy").save(served)


def described(sweep):
    return mlflow.get_experiment(sweep.info.experiment_id).tags.get("mlflow.note.content")


def test_the_sweeps_run_gets_the_metrics_the_winner_and_its_name():
    with mlflow.start_run() as sweep:
        save()
    run = MlflowClient().get_run(sweep.info.run_id)
    assert run.data.metrics == METRICS
    assert run.info.run_name == "relu + adam leads · 0.960 · toy"
    assert run.data.tags["winner"] == "relu + adam"
    assert run.data.tags["served"] == "the mean of 2 networks"


def test_the_list_of_experiments_says_the_latest_result_unless_a_person_describes_it():
    with mlflow.start_run() as sweep:
        save(ServedMetrics("tanh + sgd", "", "mae", 44.31, METRICS))
        save()
    assert described(sweep) == ("relu + adam leads: accuracy 0.960 on the test set (latest sweep)")
    MlflowClient().set_experiment_tag(sweep.info.experiment_id, "mlflow.note.content", "my own")
    with mlflow.start_run():
        save()
    assert described(sweep) == "my own"


def test_nothing_is_written_without_a_run_or_without_an_evaluation():
    save()
    assert mlflow.search_runs(search_all_experiments=True).empty
    with mlflow.start_run(run_name="kept") as sweep:
        save(ServedMetrics())
    assert MlflowClient().get_run(sweep.info.run_id).info.run_name == "kept"


def test_a_dead_server_costs_the_sweep_nothing(caplog, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise mlflow.exceptions.MlflowException("connection refused")

    with mlflow.start_run() as sweep, monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_batch", refuse)
        save()
        assert "connection refused" in SWEEP.end("FINISHED")
    assert "connection refused" in caplog.text
    assert MlflowClient().get_run(sweep.info.run_id).data.metrics == {}
