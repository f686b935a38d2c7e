import mlflow
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from dnn_sweep.core.training.results import TrialReport
from dnn_sweep.datasets.combination_metrics import CombinationMetricsDataset
from dnn_sweep.datasets.tracked_sweep import SWEEP
from dnn_sweep.datasets.trial_runs import TrialRunsDataset
from tests.builders import make_plan, make_result
from tests.datasets.test_trial_runs import OUTPUTS, children_of, store

__all__ = ["store"]  # a fixture

TABLE = pd.DataFrame(
    {
        "combination": ["relu + sgd", "relu + adam"],
        "rank": [1, 2],
        "val_accuracy_mean": [0.9, 0.8],
        "val_accuracy_ci_low": [0.85, 0.7],
        "tied_with_best": [True, False],
    }
)


def test_each_combination_gets_its_own_figures_and_the_sweep_those_of_the_best(
    store: TrialRunsDataset,
):
    plan = make_plan(grid={"optimizers": ["sgd", "adam"]})
    with mlflow.start_run() as sweep:
        for trial in plan.trials:
            store.save(TrialReport(make_result(trial, OUTPUTS), 1))
        CombinationMetricsDataset("toy").save(TABLE)
    found = children_of(sweep.info.run_id)
    for _, row in TABLE.iterrows():
        name = f"{row['combination']} · {row['val_accuracy_mean']:.3f} · toy"
        metrics = found[name].data.metrics
        assert metrics["rank"] == row["rank"]
        assert metrics["val_accuracy_ci_low"] == pytest.approx(row["val_accuracy_ci_low"])
        assert metrics["tied_with_best"] == row["tied_with_best"]
    assert MlflowClient().get_run(sweep.info.run_id).data.metrics["val_accuracy_mean"] == 0.9


def test_nothing_is_written_without_a_run(store: TrialRunsDataset):
    CombinationMetricsDataset("toy").save(TABLE)
    assert mlflow.active_run() is None
    assert mlflow.search_runs(experiment_names=["sweep"]).empty


def test_a_dead_server_costs_the_sweep_nothing(store: TrialRunsDataset, caplog, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise mlflow.exceptions.MlflowException("connection refused")

    with mlflow.start_run() as sweep:
        with monkeypatch.context() as broken:
            broken.setattr(MlflowClient, "search_runs", refuse)
            CombinationMetricsDataset("toy").save(TABLE)
        assert "connection refused" in caplog.text
        assert SWEEP.end("FINISHED") is None
    assert MlflowClient().get_run(sweep.info.run_id).data.metrics["rank"] == 1


def test_the_same_figures_are_not_written_twice(store: TrialRunsDataset):
    with mlflow.start_run() as sweep:
        for _ in range(2):
            CombinationMetricsDataset("toy").save(TABLE)
    assert len(MlflowClient().get_metric_history(sweep.info.run_id, "rank")) == 1
