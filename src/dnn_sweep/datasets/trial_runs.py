"""The sweep's combinations and trials as nested MLflow runs."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from dnn_sweep.core.networks.network import content_hash
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.results import TrialReport, TrialResult
from dnn_sweep.datasets.backlog import OUTAGE
from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.mlflow_settings import write_ahead
from dnn_sweep.datasets.tracked_sweep import SWEEP, SWEEP_RUN

DIGEST_LENGTH = 12  # characters of the fingerprint that fit in the run table
PARAMS = ("activation", "optimizer", "optimizer_class", "learning_rate", "batch_size", "epochs")
TRIALS = "trials"  # tag of a combination's run: which trials its means are of


class TrialRunsDataset(WriteOnlyDataset[TrialReport]):
    """Writes each finished trial below its combination, below the sweep's run.

    One child run per combination (metrics averaged over its seeds), one grandchild per trial of
    the finals; trials of the screening are in the screening's table. Every run is written by one
    ``log_batch`` in one thread while the next trials train; saving the last trial waits until
    every run is written. What MLflow has already is not written again. Without a sweep's run or an
    active run (tracking switched off) nothing is written. If the tracking server stops answering,
    training goes on, and what could not be written is tried again (:class:`~.backlog.Backlog`).

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
        self._sweep = ""
        self._forget()

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: TrialReport) -> None:
        """Record a trial, and its combination once all of its trials are there."""
        if data.stage == "screening":
            return
        report, now = replace(data, result=data.result.without_network()), int(time.time() * 1000)
        SWEEP.write(lambda sweep: self._record(report, sweep, now), wait=not data.left)

    def _forget(self) -> None:
        self._results: dict[str, dict[str, TrialResult]] = {}  # by combination and trial
        self._known: dict[tuple[str, str], Run] | None = None  # runs of MLflow, likewise

    def _record(self, report: TrialReport, sweep: Run, now: int) -> None:
        """Write a trial; may be called again after it failed half-way."""
        if self._sweep != sweep.info.run_id:
            self._sweep = sweep.info.run_id
            self._forget()
            write_ahead(mlflow.get_tracking_uri())
        result = report.result
        combination = result.trial.combination
        try:
            of_combination = self._find(sweep, sweep.info.run_id, result, now)
            trial = self._find(sweep, of_combination.info.run_id, result, now, of_trial=True)
            if trial.info.status != "FINISHED":
                _write(trial, [result], now)
            results = self._results.setdefault(combination, {})
            results[result.trial.id] = result
            if len(results) == report.replicates:
                self._conclude(combination, sweep, now)
            elif report.replicates is None and not report.left:  # the last of all
                for name in list(self._results):
                    self._conclude(name, sweep, now)
        except OUTAGE:
            self._known = None  # an answer may have been lost: look again what is there
            raise

    def _find(
        self, sweep: Run, parent: str, result: TrialResult, now: int, *, of_trial: bool = False
    ) -> Run:
        """Find the run of a combination or of a trial, or make it."""
        if self._known is None:
            self._known = {}
            for run in runs_below(sweep):
                tags = run.data.tags
                self._known[tags["combination"], tags.get("trial_id", "")] = run
        trial = result.trial
        key = trial.combination, trial.id if of_trial else ""
        if key in self._known:
            return self._known[key]
        name, tags = trial.combination, {"combination": trial.combination, "task": trial.task}
        tags |= {"engine": result.engine, "engine_reason": result.engine_reason}
        tags |= {MLFLOW_PARENT_RUN_ID: parent, SWEEP_RUN: sweep.info.run_id}
        if of_trial:
            name += f", seed {trial.seed}" + ("" if trial.fold is None else f", fold {trial.fold}")
            tags |= {"trial_id": trial.id, "status": result.status}
        began = now - int(result.seconds * 1000)
        run = MlflowClient().create_run(sweep.info.experiment_id, began, tags, name)
        self._known[key] = run
        return run

    def _conclude(self, combination: str, sweep: Run, now: int) -> None:
        """Write a combination's run, with the means of its trials."""
        results = list(self._results[combination].values())
        run = self._find(sweep, sweep.info.run_id, results[0], now)
        trained = content_hash(sorted(each.trial.id for each in results))
        if run.info.status != "FINISHED" or run.data.tags.get(TRIALS) != trained:
            self._name_data(run.info.run_id, results[0].trial)
            _write(run, results, now)
            MlflowClient().set_tag(run.info.run_id, TRIALS, trained)
        del self._results[combination]

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


def runs_below(sweep: Run) -> Iterator[Run]:
    """Every run below a sweep's run: of combinations and of trials."""
    client, token = MlflowClient(), None
    below = f"tags.{SWEEP_RUN} = '{sweep.info.run_id}'"
    while True:
        found = client.search_runs([sweep.info.experiment_id], below, page_token=token)
        yield from found
        if not (token := found.token):
            return


def _write(run: Run, results: list[TrialResult], ended: int) -> None:
    """Write params and metrics, and end the run."""
    client, run_id = MlflowClient(), run.info.run_id
    # The same whenever it is written, so that a repetition adds no second point.
    at = run.info.start_time + int(sum(result.seconds for result in results) * 1000)
    params = {k: str(v) for k, v in _params(results).items() if k not in run.data.params}
    given = [Param(*each) for each in params.items()]
    client.log_batch(run_id, metrics=list(_metrics(results, at)), params=given)
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
