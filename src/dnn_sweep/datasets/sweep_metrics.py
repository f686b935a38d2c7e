"""Metrics of the sweep's own MLflow run."""

import logging
import time

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from dnn_sweep.datasets.base import State, WriteOnlyDataset

logger = logging.getLogger(__name__)


class SweepMetricsDataset(WriteOnlyDataset[dict[str, float]]):
    """Adds metrics to the sweep's run, by name.

    Nothing is written without an active run (tracking switched off); if the tracking server does
    not answer, that is only logged.

    >>> with mlflow.start_run() as sweep:
    ...     SweepMetricsDataset().save(served_metrics)
    >>> "test_accuracy" in MlflowClient().get_run(sweep.info.run_id).data.metrics
    True
    """

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: dict[str, float]) -> None:
        """Log all of them at once."""
        sweep = mlflow.active_run()
        if sweep is None:
            return
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, 0) for name, value in data.items()]
        try:
            MlflowClient().log_batch(sweep.info.run_id, metrics)
        except MlflowException as error:
            logger.warning(
                "MLflow does not answer (%s): the test metrics are in champion.json only.",
                error.message.splitlines()[0],
            )
