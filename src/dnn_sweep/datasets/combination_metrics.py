"""What the comparison found, as metrics of the runs that MLflow shows."""

import logging
import time
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

logger = logging.getLogger(__name__)


class CombinationMetricsDataset(AbstractDataset[pd.DataFrame, None]):
    """Adds the leaderboard's figures to the combinations' runs, the best one's to the sweep's.

    With them MLflow's table sorts by mean, interval and rank, and its parallel coordinates show
    them. Without an active run (tracking switched off) nothing is written; when the tracking
    server does not answer, the leaderboard's file still holds them all.

    Args:
        metadata: Ignored by Kedro; read by plugins.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> None:
        """Not possible: MLflow is written to, never read back."""
        raise DatasetError("the combinations' metrics are read from MLflow, not from the catalog")

    def save(self, data: pd.DataFrame) -> None:
        """Write them.

        Args:
            data: One row a combination, best first; ``combination``, and columns of numbers.
        """
        import mlflow
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        sweep = mlflow.active_run()
        if sweep is None:
            return
        client = MlflowClient()
        table = data.set_index("combination")
        rows = {
            str(name): _metrics(dict(zip(table.columns, values, strict=True)))
            for name, *values in table.itertuples(name=None)
        }
        try:
            found = client.search_runs(
                [sweep.info.experiment_id],
                f"tags.mlflow.parentRunId = '{sweep.info.run_id}'",
                max_results=len(rows),
            )
            for run in found:
                client.log_batch(run.info.run_id, rows[run.data.tags["combination"]])
            client.log_batch(sweep.info.run_id, next(iter(rows.values())))
        except MlflowException as error:
            logger.warning(
                "MLflow does not answer (%s): its figures are in leaderboard.csv only.",
                error.message.splitlines()[0],
            )

    def _describe(self) -> dict[str, Any]:
        return {}


def _metrics(row: dict[str, Any]) -> list[Any]:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, 0) for name, value in row.items()]
