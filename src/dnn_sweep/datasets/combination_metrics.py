"""The comparison's figures as metrics of MLflow runs."""

import logging
import time
from collections.abc import Mapping
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from dnn_sweep.datasets.base import State, WriteOnlyDataset

logger = logging.getLogger(__name__)


class CombinationMetricsDataset(WriteOnlyDataset[pd.DataFrame]):
    """Adds the leaderboard's figures to the combinations' runs, the best one's to the sweep's.

    MLflow's table then sorts by mean, interval and rank. Nothing is written without an active run
    (tracking switched off); if the tracking server does not answer, that is only logged.

    >>> with mlflow.start_run() as sweep:
    ...     CombinationMetricsDataset().save(combination_metrics)
    >>> MlflowClient().get_run(sweep.info.run_id).data.metrics["rank"]
    1.0
    """

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: pd.DataFrame) -> None:
        """Log one row per combination, best first: ``combination``, and columns of numbers."""
        sweep = mlflow.active_run()
        if sweep is None:
            return
        client = MlflowClient()
        rows: dict[Any, dict[Any, Any]] = data.set_index("combination").to_dict("index")
        try:
            found = client.search_runs(
                [sweep.info.experiment_id],
                f"tags.mlflow.parentRunId = '{sweep.info.run_id}'",
                max_results=len(rows),
            )
            for run in found:
                client.log_batch(run.info.run_id, _metrics(rows[run.data.tags["combination"]]))
            client.log_batch(sweep.info.run_id, _metrics(next(iter(rows.values()))))
        except MlflowException as error:
            logger.warning(
                "MLflow does not answer (%s): its figures are in leaderboard.csv only.",
                error.message.splitlines()[0],
            )


def _metrics(row: Mapping[Any, Any]) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, 0) for name, value in row.items()]
