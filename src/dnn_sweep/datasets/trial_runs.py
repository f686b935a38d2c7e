"""The sweep's combinations and trials as nested MLflow runs."""

import logging
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, DatasetError

from dnn_sweep.core.results import TrialReport, TrialResult

logger = logging.getLogger(__name__)

DIGEST_LENGTH = 12  # of the fingerprint, as much as the run table has room for


class TrialRunsDataset(AbstractDataset[TrialReport, None]):
    """Writes each finished trial below its combination, below the sweep's active run.

    One child run a combination (metrics averaged over its seeds), one grandchild a trial. Every
    run is written by one ``log_batch``. Without an active run (tracking switched off) nothing is
    written. When the tracking server stops answering, training goes on without it: the trial
    store holds every result, and running the same command again records them.

    Args:
        dataset_name: What MLflow calls the data.
        metadata: Ignored by Kedro; read by plugins.
    """

    def __init__(self, *, dataset_name: str, metadata: dict[str, Any] | None = None) -> None:
        self._dataset_name = dataset_name
        self.metadata = metadata
        self._open: dict[str, tuple[str, list[TrialResult]]] = {}
        self._offline = False

    def load(self) -> None:
        """Not possible: MLflow is written to, never read back."""
        raise DatasetError("trial runs are read from MLflow, not from the catalog")

    def save(self, data: TrialReport) -> None:
        """Record a trial, and its combination once all of its trials are there."""
        import mlflow
        from mlflow.exceptions import MlflowException

        parent = mlflow.active_run()
        if parent is None or self._offline:
            return
        try:
            self._record(data, parent.info)
        except MlflowException as error:
            self._offline = True
            logger.warning(
                "MLflow does not answer (%s). Training goes on; what is trained is kept in the "
                "trial store, and running the same command again records it.",
                error.message.splitlines()[0],
            )

    def abandon(self) -> None:
        """Close, as failed, the runs of combinations that were not finished."""
        from mlflow.entities import RunStatus
        from mlflow.tracking import MlflowClient

        while self._open:
            _, (run_id, _) = self._open.popitem()
            if not self._offline:
                MlflowClient().set_terminated(run_id, RunStatus.to_string(RunStatus.FAILED))

    def _record(self, report: TrialReport, sweep: Any) -> None:
        result = report.result
        combination = result.trial.combination
        ended = int(time.time() * 1000)
        began = ended - int(result.seconds * 1000)
        if combination not in self._open:
            tags = _tags(result)
            run_id = _create_run(sweep.experiment_id, combination, sweep.run_id, began, tags)
            self._open[combination] = (run_id, [])
        run_id, results = self._open[combination]
        tags = {**_tags(result), "trial_id": result.trial.id, "status": result.status}
        trial_run = _create_run(
            sweep.experiment_id, f"{combination}, seed {result.trial.seed}", run_id, began, tags
        )
        self._write(trial_run, [result], ended)
        results.append(result)
        if len(results) == report.replicates:
            self._write(run_id, results, ended)
            del self._open[combination]

    def _write(self, run_id: str, results: list[TrialResult], ended: int) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param
        from mlflow.tracking import MlflowClient

        client = MlflowClient()
        trial = results[0].trial
        data = Dataset(
            name=self._dataset_name,
            digest=trial.data[:DIGEST_LENGTH],
            source_type="local",
            source=f'{{"sha256": "{trial.data}"}}',
        )
        context = InputTag("mlflow.data.context", "training")
        client.log_inputs(run_id, [DatasetInput(data, [context])])
        params = [Param(name, str(value)) for name, value in _params(results).items()]
        client.log_batch(run_id, metrics=list(_metrics(results, ended)), params=params)
        client.set_terminated(run_id, end_time=ended)

    def _describe(self) -> dict[str, Any]:
        return {"dataset_name": self._dataset_name}


def _create_run(
    experiment_id: str, name: str, parent_id: str, began: int, tags: dict[str, str]
) -> str:
    from mlflow.tracking import MlflowClient
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    run = MlflowClient().create_run(
        experiment_id,
        start_time=began,
        run_name=name,
        tags={MLFLOW_PARENT_RUN_ID: parent_id, **tags},
    )
    return str(run.info.run_id)


def _tags(result: TrialResult) -> dict[str, str]:
    return {
        "combination": result.trial.combination,
        "engine": result.engine,
        "engine_reason": result.engine_reason,
        "task": result.trial.task,
    }


def _params(results: list[TrialResult]) -> dict[str, Any]:
    trial = results[0].trial
    return {
        "activation": trial.activation,
        "optimizer": trial.optimizer,
        "optimizer_class": trial.optimizer_class,
        **{f"optimizer.{name}": value for name, value in trial.optimizer_arguments.items()},
        "learning_rate": trial.learning_rate,
        "batch_size": trial.batch_size,
        "epochs": trial.epochs,
        "dropout": trial.dropout,
        "kernel_initializer": trial.kernel_initializer,
        "hidden_units": "-".join(str(layer.units) for layer in trial.network.hidden),
        "seed": ",".join(str(result.trial.seed) for result in results),
        "engine": results[0].engine,
    }


def _metrics(results: list[TrialResult], ended: int) -> Iterator[Any]:
    from mlflow.entities import Metric

    names = [name for name in results[0].history.columns if name != "epoch"]
    joined = pd.concat([result.history for result in results])
    means = joined.groupby("epoch")[names].mean()
    for epoch, row in means.iterrows():
        for name in names:
            yield Metric(name, float(row[name]), ended, int(str(epoch)))
    totals = {
        "best_epoch": sum(result.best_epoch for result in results) / len(results),
        "train_seconds": sum(result.seconds for result in results),
        "diverged": sum(result.status == "diverged" for result in results),
    }
    for name, value in totals.items():
        yield Metric(name, float(value), ended, 0)
