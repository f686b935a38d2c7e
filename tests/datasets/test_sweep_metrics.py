import mlflow
import pytest
from mlflow.tracking import MlflowClient

from dnn_sweep.datasets.sweep_metrics import SweepMetricsDataset
from dnn_sweep.datasets.tracked_sweep import SWEEP

pytestmark = pytest.mark.usefixtures("mlflow_store")
METRICS = {"test_accuracy": 0.96, "test_log_loss": 0.13}


def test_the_sweeps_run_gets_the_metrics():
    with mlflow.start_run() as sweep:
        SweepMetricsDataset().save(METRICS)
    assert MlflowClient().get_run(sweep.info.run_id).data.metrics == METRICS


def test_nothing_is_written_without_a_run():
    SweepMetricsDataset().save(METRICS)
    assert mlflow.search_runs(search_all_experiments=True).empty


def test_a_dead_server_costs_the_sweep_nothing(caplog, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise mlflow.exceptions.MlflowException("connection refused")

    with mlflow.start_run() as sweep, monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_batch", refuse)
        SweepMetricsDataset().save(METRICS)
        assert "connection refused" in SWEEP.end("FINISHED")
    assert "connection refused" in caplog.text
    assert MlflowClient().get_run(sweep.info.run_id).data.metrics == {}
