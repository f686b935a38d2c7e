"""Metrics of the sweep's own MLflow run."""

from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.combination_metrics import log_metrics
from dnn_sweep.datasets.tracked_sweep import SWEEP


class SweepMetricsDataset(WriteOnlyDataset[dict[str, float]]):
    """Adds metrics to the sweep's run, by name.

    Nothing is written without a sweep's run or an active run (tracking switched off); a server
    that does not answer is tried again.

    >>> import mlflow
    >>> with mlflow.start_run() as sweep:
    ...     SweepMetricsDataset().save(served_metrics)
    >>> "test_accuracy" in mlflow.get_run(sweep.info.run_id).data.metrics
    True
    """

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: dict[str, float]) -> None:
        """Log all of them at once."""
        if data:
            SWEEP.write(lambda sweep: log_metrics(sweep, data), wait=True)
