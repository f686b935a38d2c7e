"""The comparison's figures as metrics of MLflow runs, and the score in their names."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Run

from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.run_names import name_run
from dnn_sweep.datasets.tracked_sweep import SWEEP


class CombinationMetricsDataset(WriteOnlyDataset[pd.DataFrame]):
    """Adds the leaderboard's figures to the combinations' runs, the best one's to the sweep's.

    MLflow's table then sorts by mean, interval and rank, and a combination's name says its score.
    Nothing is written without a sweep's run or an active run (tracking switched off); a server that
    does not answer is tried again.

    Args:
        experiment: Its name, with which the runs' names end.

    >>> import mlflow
    >>> with mlflow.start_run() as sweep:
    ...     CombinationMetricsDataset("iris").save(combination_metrics)
    >>> MlflowClient().get_run(sweep.info.run_id).data.metrics["rank"]
    1.0
    """

    experiment: str

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: pd.DataFrame) -> None:
        """Log one row per combination, best first: ``combination``, and columns of numbers."""
        if len(data):
            rows = data.set_index("combination").to_dict("index")
            SWEEP.write(partial(_write, rows=rows, experiment=self.experiment), wait=True)


def _write(sweep: Run, rows: dict[Any, dict[Any, Any]], experiment: str) -> None:
    children = MlflowClient().search_runs(
        [sweep.info.experiment_id],
        f"tags.mlflow.parentRunId = '{sweep.info.run_id}'",
        max_results=max(len(rows), 1000),
    )
    for run in children:
        combination = run.data.tags.get("combination", "")
        if row := rows.get(combination):
            log_metrics(run, row)
            # The first mean is that of the metric that ranks.
            score = next(float(value) for name, value in row.items() if name.endswith("_mean"))
            rename(run, name_run(experiment, combination, score))
    log_metrics(sweep, next(iter(rows.values())))


def rename(run: Run, name: str) -> None:
    """Give a run a name, unless it has that already."""
    if run.info.run_name != name:
        MlflowClient().update_run(run.info.run_id, name=name)


def log_metrics(run: Run, values: Mapping[Any, Any]) -> None:
    """Log those metrics that a run does not have with this value already."""
    client, now = MlflowClient(), int(time.time() * 1000)
    known = client.get_run(run.info.run_id).data.metrics
    new = {name: float(value) for name, value in values.items()}
    metrics = [Metric(k, v, now, 0) for k, v in new.items() if known.get(k) != v]
    if metrics:
        client.log_batch(run.info.run_id, metrics)
