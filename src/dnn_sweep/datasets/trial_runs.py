"""The sweep's combinations as nested MLflow runs, each with its trials as points of metrics."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Metric, Param, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH

from dnn_sweep.core.networks.network import content_hash
from dnn_sweep.core.training.results import TrialReport, TrialResult
from dnn_sweep.datasets.backlog import OUTAGE
from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.mlflow_settings import write_ahead
from dnn_sweep.datasets.run_names import name_run
from dnn_sweep.datasets.tracked_sweep import SWEEP, SWEEP_RUN

PARAMS = ("activation", "optimizer", "optimizer_class", "learning_rate", "batch_size", "epochs")
# Tags of a combination's run: which trials its means are of, for people and to compare.
TRIAL_IDS, TRIALS_HASH = "trial_ids", "trials_hash"
BY_SEED = "_by_seed"  # ends the names of metrics that have one point per seed


class TrialRunsDataset(WriteOnlyDataset[TrialReport]):
    """Writes each finished trial into its combination's run, below the sweep's run.

    A combination's run has the means over its trials, epoch by epoch, and of each trial of the
    finals what it reached: metrics named ``…_by_seed``, whose step is the seed. Trials have no
    runs of their own, which would fill MLflow's table; those of the screening are in the
    screening's table. What is written is written in one thread while the next trials train; saving
    the last trial waits until all is there. What MLflow has already is not written again. Without
    a sweep's run or an active run (tracking switched off) nothing is written. If the tracking
    server stops answering, training goes on, and what could not be written is tried again
    (:class:`~.backlog.Backlog`).

    Args:
        experiment: Its name, with which the runs' names end.

    >>> with mlflow.start_run():
    ...     TrialRunsDataset("iris").save(trial_runs)
    >>> runs = mlflow.search_runs(filter_string="tags.combination = 'relu + adam'")
    >>> runs["tags.mlflow.runName"].tolist(), "metrics.val_accuracy_by_seed" in runs
    (['relu + adam · iris'], True)
    """

    experiment: str

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
        self._data: list[DatasetInput] = []  # of the sweep's run
        self._known: dict[str, Run] | None = None  # runs of MLflow, by combination

    def _record(self, report: TrialReport, sweep: Run, now: int) -> None:
        """Write a trial; may be called again after it failed half-way."""
        if self._sweep != sweep.info.run_id:
            self._sweep = sweep.info.run_id
            self._forget()
            write_ahead(mlflow.get_tracking_uri())
        result = report.result
        combination = result.trial.combination
        try:
            run = self._find(sweep, result, now)
            if run.info.status != "FINISHED" and result.trial.fold is None:
                MlflowClient().log_batch(run.info.run_id, list(_reached([result], run)))
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

    def _find(self, sweep: Run, result: TrialResult, now: int) -> Run:
        """Find the run of a trial's combination, or make it."""
        if self._known is None:
            self._known = {run.data.tags["combination"]: run for run in runs_below(sweep)}
            inputs = MlflowClient().get_run(sweep.info.run_id).inputs
            self._data = inputs.dataset_inputs if inputs else []
        trial = result.trial
        if trial.combination in self._known:
            return self._known[trial.combination]
        tags = {"combination": trial.combination, "task": trial.task}
        tags |= {"engine": result.engine, "engine_reason": result.engine_reason}
        tags |= {MLFLOW_PARENT_RUN_ID: sweep.info.run_id, SWEEP_RUN: sweep.info.run_id}
        name, began = name_run(self.experiment, trial.combination), now - int(result.seconds * 1000)
        run = MlflowClient().create_run(sweep.info.experiment_id, began, tags, name)
        self._known[trial.combination] = run
        return run

    def _conclude(self, combination: str, sweep: Run, now: int) -> None:
        """Write a combination's run, with the means of its trials."""
        results = list(self._results[combination].values())
        run = self._find(sweep, results[0], now)
        trained = sorted(each.trial.id for each in results)
        digest = content_hash(trained)
        if run.info.status != "FINISHED" or run.data.tags.get(TRIALS_HASH) != digest:
            if self._data:
                MlflowClient().log_inputs(run.info.run_id, self._data)
            _write(run, results, now)
            named = ",".join(trained)[:MAX_TAG_VAL_LENGTH]
            for name, value in ((TRIAL_IDS, named), (TRIALS_HASH, digest)):
                MlflowClient().set_tag(run.info.run_id, name, value)
        del self._results[combination]


def runs_below(sweep: Run) -> Iterator[Run]:
    """Every run below a sweep's run."""
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
    metrics = [*_metrics(results, at), *_reached(results, run)]
    client.log_batch(run_id, metrics=metrics, params=given)
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
    params |= {name: value for name, value in trial.factors.items() if name not in params}
    if trial.precision != "float32":
        params["precision"] = trial.precision
    return params


def _reached(results: list[TrialResult], run: Run) -> Iterator[Metric]:
    """What trials had reached at the epoch that was kept; of several folds, the mean."""
    for seed in dict.fromkeys(result.trial.seed for result in results):
        trials = [result for result in results if result.trial.seed == seed]
        kept = [each.history.set_index("epoch").loc[each.best_epoch] for each in trials]
        values = pd.concat(kept, axis=1).mean(axis=1).drop(["seconds", "learning_rate"])
        values["train_seconds"] = seconds = sum(result.seconds for result in trials)
        values["diverged"] = sum(result.status == "diverged" for result in trials)
        at = run.info.start_time + int(seconds * 1000)  # the same whenever it is written
        for name, value in values.items():
            yield Metric(f"{name}{BY_SEED}", float(value), at, seed)


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
