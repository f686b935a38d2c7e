"""The sweep's combinations and trials as nested MLflow runs."""

import logging
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunInfo, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialReport, TrialResult
from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.mlflow_settings import write_ahead

logger = logging.getLogger(__name__)

MOST_PENDING = 100  # trials; bounds memory if MLflow is slower than the training
DIGEST_LENGTH = 12  # characters of the fingerprint that fit in the run table
PARAMS = ("activation", "optimizer", "optimizer_class", "learning_rate", "batch_size", "epochs")


class TrialRunsDataset(WriteOnlyDataset[TrialReport]):
    """Writes each finished trial below its combination, below the sweep's active run.

    One child run per combination (metrics averaged over its seeds), one grandchild per trial of
    the finals; trials of the screening are in the screening's table. Every run is written by one
    ``log_batch`` in one thread while the next trials train; saving the last trial waits until
    every run is written. Without an active run (tracking switched off) nothing is written. If the
    tracking server stops answering, training goes on: the trial store holds every result, and
    running the same command again records them.

    Args:
        dataset_name: What MLflow calls the data.

    >>> with mlflow.start_run():
    ...     TrialRunsDataset("iris").save(trial_runs)
    >>> runs = mlflow.search_runs(filter_string="tags.combination = 'relu + adam'")
    >>> sorted(runs["tags.mlflow.runName"])
    ['relu + adam', 'relu + adam, seed 0']
    """

    dataset_name: str

    def __post_init__(self) -> None:
        self._open: dict[str, tuple[str, list[TrialResult]]] = {}
        self._offline = False
        self._sweep = ""
        # Python joins its thread at exit, so that everything handed over is written.
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mlflow")
        self._pending: deque[Future[None]] = deque()

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: TrialReport) -> None:
        """Record a trial, and its combination once all of its trials are there."""
        # MLflow's active run is one per thread, so it is passed on to the writer.
        sweep = mlflow.active_run()
        if sweep is None or self._offline or data.stage == "screening":
            return
        if self._sweep != sweep.info.run_id:
            self._sweep = sweep.info.run_id
            write_ahead(mlflow.get_tracking_uri())
        report = replace(data, result=data.result.without_network())
        self._pending.append(self._writer.submit(self._record_while_online, report, sweep.info))
        at_most = MOST_PENDING if data.left else 0
        # Waits, and raises what went wrong.
        while self._pending and (len(self._pending) > at_most or self._pending[0].done()):
            self._pending.popleft().result()

    def abandon(self) -> None:
        """Write everything handed over; end the runs of unfinished combinations as failed."""
        wait(self._pending)  # one that failed has stopped the sweep already
        self._pending.clear()
        while self._open:
            _, (run_id, _) = self._open.popitem()
            if not self._offline:
                MlflowClient().set_terminated(run_id, RunStatus.to_string(RunStatus.FAILED))

    def _record_while_online(self, report: TrialReport, sweep: RunInfo) -> None:
        if self._offline:
            return
        try:
            self._record(report, sweep)
        except MlflowException as error:
            self._offline = True
            logger.warning(
                "MLflow does not answer (%s). Training goes on; what is trained is kept in the "
                "trial store, and running the same command again records it.",
                error.message.splitlines()[0],
            )

    def _record(self, report: TrialReport, sweep: RunInfo) -> None:
        result, trial = report.result, report.result.trial
        ended = int(time.time() * 1000)

        def create_run(parent: str, name: str, **tags: str) -> str:
            tags |= {"combination": trial.combination, "task": trial.task}
            tags |= {"engine": result.engine, "engine_reason": result.engine_reason}
            run = MlflowClient().create_run(
                sweep.experiment_id,
                start_time=ended - int(result.seconds * 1000),
                run_name=name,
                tags={MLFLOW_PARENT_RUN_ID: parent, **tags},
            )
            return str(run.info.run_id)

        if trial.combination not in self._open:
            self._open[trial.combination] = (create_run(sweep.run_id, trial.combination), [])
        run_id, results = self._open[trial.combination]
        name = f"{trial.combination}, seed {trial.seed}"
        name += "" if trial.fold is None else f", fold {trial.fold}"
        trial_run = create_run(run_id, name, trial_id=trial.id, status=result.status)
        _write(trial_run, [result], ended)
        results.append(result)
        if len(results) == report.replicates:
            self._conclude(trial.combination, ended)
        elif report.replicates is None and not report.left:  # the last of all
            for combination in list(self._open):
                self._conclude(combination, ended)

    def _conclude(self, combination: str, ended: int) -> None:
        """Write a combination's run, with the means of its trials."""
        run_id, results = self._open[combination]
        self._name_data(run_id, results[0].trial)
        _write(run_id, results, ended)
        del self._open[combination]

    def _name_data(self, run_id: str, trial: Trial) -> None:
        """Record a combination's data; to do so for every trial would take long."""
        data = Dataset(
            name=self.dataset_name,
            digest=trial.data[:DIGEST_LENGTH],
            source_type="local",
            source=f'{{"sha256": "{trial.data}"}}',
        )
        context = InputTag("mlflow.data.context", "training")
        MlflowClient().log_inputs(run_id, [DatasetInput(data, [context])])


def _write(run_id: str, results: list[TrialResult], ended: int) -> None:
    client = MlflowClient()
    params = [Param(name, str(value)) for name, value in _params(results).items()]
    client.log_batch(run_id, metrics=list(_metrics(results, ended)), params=params)
    client.set_terminated(run_id, end_time=ended)


def _params(results: list[TrialResult]) -> dict[str, Any]:
    """The settings of the trials; those that most trials lack only where they are used."""
    trial = results[0].trial
    params: dict[str, Any] = {name: getattr(trial, name) for name in PARAMS}
    params |= {f"optimizer.{name}": value for name, value in trial.optimizer_arguments.items()}
    params |= {"dropout": trial.dropout, "kernel_initializer": trial.kernel_initializer}
    if trial.network.kind != "dense":
        params["network_kind"] = trial.network.kind
    params["hidden_units"] = "-".join(str(layer.units) for layer in trial.network.hidden)
    params["seed"] = ",".join(dict.fromkeys(str(result.trial.seed) for result in results))
    if trial.fold is not None:
        folds = dict.fromkeys(str(result.trial.fold) for result in results)
        params["fold"] = ",".join(folds)
    params["engine"] = results[0].engine
    if trial.schedule:
        params["schedule"] = trial.schedule.class_name
        params |= {f"schedule.{name}": value for name, value in trial.schedule.arguments.items()}
    if trial.class_weight:  # in the order of the classes
        params["class_weight"] = ",".join(f"{factor:g}" for factor in trial.class_weight)
    if trial.precision != "float32":
        params["precision"] = trial.precision
    return params


def _metrics(results: list[TrialResult], ended: int) -> Iterator[Metric]:
    means = results[0].history
    names = [name for name in means.columns if name not in ("epoch", "seconds")]
    kept_one_rate = all(len(set(result.history["learning_rate"])) == 1 for result in results)
    if kept_one_rate and results[0].trial.schedule is None:
        names.remove("learning_rate")  # it is a parameter, and a metric where it changes
    if len(results) > 1:
        joined = pd.concat([result.history for result in results])
        means = joined.groupby("epoch", as_index=False)[names].mean()
    columns = (means[name].tolist() for name in ("epoch", *names))
    for epoch, *values in zip(*columns, strict=True):
        for name, value in zip(names, values, strict=True):
            yield Metric(name, float(value), ended, epoch)
    totals = {
        "best_epoch": sum(result.best_epoch for result in results) / len(results),
        "train_seconds": sum(result.seconds for result in results),
        "diverged": sum(result.status == "diverged" for result in results),
    }
    for name, value in totals.items():
        yield Metric(name, float(value), ended, 0)
