"""The sweep's run in MLflow: found again or made, written to beside the training, and ended."""

import logging
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mlflow
import psutil
from mlflow import MlflowClient
from mlflow.entities import DatasetInput, LoggedModelStatus, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import MAX_PARAM_VAL_LENGTH

from dnn_sweep.datasets.backlog import OUTAGE, PATIENCE, Backlog
from dnn_sweep.datasets.mlflow_settings import mlflow_settings
from dnn_sweep.datasets.system_metrics import Sample, SystemMetrics, log_samples

logger = logging.getLogger(__name__)

SWEEP_KEY = "sweep_key"  # tag of a sweep's run: what it trains, and for which project
SWEEP_RUN = "sweep_run"  # tag of every run below it: the id of the sweep's run
PROCESS = "process"  # tag of a sweep's run: the process that writes it
TRACKING = "tracking"  # tag of a sweep's run: whether all that was trained is recorded
COMPLETE, INCOMPLETE = "complete", "incomplete"
IMPATIENCE = 5.0  # seconds, as PATIENCE, where a sweep was stopped
OPENING = 15.0  # seconds that the training waits for the run; it goes on without


@dataclass(frozen=True)
class Plan:
    """How a sweep's run is found or made, once it is needed.

    Args:
        set_up: Makes the experiment if need be, and returns its id.
        name: Of a run that is made.
        tags: Of the run.
        key: Tells sweeps apart; a run that has it is continued.
        params: Of the run; those that it has already stay.
        data: What the sweep trains on.
    """

    set_up: Callable[[], str]
    name: str
    tags: Mapping[str, str]
    key: str = ""
    params: Mapping[str, str] | None = None
    data: DatasetInput | None = None


class TrackedSweep:
    """What this process writes to MLflow about its sweep; without one, about the active run.

    Nothing here waits for a server that does not answer, and nothing that fails is dropped: it
    stays in the backlog. What is left there at the end makes the record incomplete.
    """

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._run: Run | None = None
        self._backlog = Backlog()
        self._system: SystemMetrics | None = None
        # Differs from what any earlier process has noted, so that everything runs and is recorded.
        self.unrecorded: str | None = None

    def expect(self, plan: Plan) -> None:
        """Find out, before anything runs, whether MLflow has all of this sweep already."""
        found = MlflowClient().search_runs(
            [plan.set_up()], f"tags.{SWEEP_KEY} = '{plan.key}' and tags.{TRACKING} = '{COMPLETE}'"
        )
        self.unrecorded = None if found else f"recorded anew by {this_process()}"

    def begin(self, plan: Plan) -> None:
        """Find the sweep's run or make one, and make it the active one."""
        self._plan, self._run, self._system = plan, None, SystemMetrics()
        self.write(lambda _: None)
        if self._backlog.drain(OPENING):
            with suppress(*OUTAGE):
                mlflow.start_run(
                    run_id=self._open().info.run_id, nested=True, log_system_metrics=False
                )

    def write(self, write: Callable[[Run], None], *, wait: bool = False) -> None:
        """Hand over what to write about the sweep; nothing happens if it is not tracked.

        Args:
            write: Gets the sweep's run; can be repeated.
            wait: Whether to return only when it is written, if the server answers.
        """
        if self._plan is None and not self._join_active_run():
            return
        if self._system and not self._backlog.failure:
            self._add_samples(self._system.take())
        self._backlog.add(lambda: write(self._open()))
        if wait and not self._backlog.failure:
            self._backlog.drain()

    def end(self, status: str, files: Iterable[tuple[Path, str | None]] = ()) -> str | None:
        """Write all that is left, with these files as artifacts, and end the runs.

        Args:
            status: Of the sweep's run, such as ``FINISHED``.
            files: Files or folders, each with the artifact folder that it goes to.

        Returns:
            Why something is not recorded; ``None`` if everything is.
        """
        if self._plan is None and self._run is None:
            return None
        for path, folder in files if self._plan else ():
            self.write(partial(_log_artifact, path=path, folder=folder))
        if self._system:
            self._add_samples(self._system.stop())
        complete = self._backlog.drain(PATIENCE if status == "FINISHED" else IMPATIENCE)
        failure = None if complete else self._backlog.failure or "requests were refused"
        # A server that did not answer gets one more chance, a short one.
        limits = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}
        with mlflow_settings(**({} if complete else limits)):
            try:
                self._conclude(status if complete else "FAILED", complete)
            except OUTAGE as error:
                failure = failure or str(error)
            if self._plan:
                while mlflow.active_run():
                    with suppress(*OUTAGE):  # the run has ended already
                        mlflow.end_run(status if complete else "FAILED")
        self._backlog.close()
        self._plan, self._run, self._backlog = None, None, Backlog()
        self._system, self.unrecorded = None, None
        return failure

    def _conclude(self, status: str, complete: bool) -> None:
        if self._run is None:
            return
        client, run_id = MlflowClient(), self._run.info.run_id
        end_children(self._run, "FAILED" if status == "FINISHED" else status)
        if self._plan:
            client.set_tag(run_id, TRACKING, COMPLETE if complete else INCOMPLETE)
            client.set_terminated(run_id, status)

    def _add_samples(self, samples: list[Sample]) -> None:
        if samples:
            self._backlog.add(lambda: log_samples(self._open(), samples))

    def _join_active_run(self) -> bool:
        """Write below MLflow's active run, which someone else began and ends."""
        active = mlflow.active_run()
        if active is None:
            return False
        if self._run is None or self._run.info.run_id != active.info.run_id:
            self._run, self._backlog = active, Backlog()
        return True

    def _open(self) -> Run:
        if self._run is None:
            if self._plan is None:
                raise RuntimeError("no sweep has begun")
            self._run = open_run(self._plan)
        return self._run


def open_run(plan: Plan) -> Run:
    """Continue the run of the plan's key, or make one; end those of processes that were killed."""
    experiment, client = plan.set_up(), MlflowClient()
    tags = {**plan.tags, SWEEP_KEY: plan.key, PROCESS: this_process(), TRACKING: INCOMPLETE}
    found = client.search_runs(
        [experiment], f"tags.{SWEEP_KEY} = '{plan.key}'", order_by=["start_time DESC"]
    )
    run = next((each for each in found if not _is_written(each)), None)
    if run is None:
        run = client.create_run(experiment, run_name=plan.name, tags=tags)
    else:
        fail_pending_models(run)
        client.log_batch(run.info.run_id, tags=[RunTag(*each) for each in tags.items()])
        client.update_run(run.info.run_id, "RUNNING")
    if plan.data:
        client.log_inputs(run.info.run_id, [plan.data])
    new = {k: v[:MAX_PARAM_VAL_LENGTH] for k, v in (plan.params or {}).items()}
    params = [Param(*each) for each in new.items() if each[0] not in run.data.params]
    client.log_batch(run.info.run_id, params=params)
    for left in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        if left.info.run_id != run.info.run_id and _was_killed(left):
            fail_pending_models(left)
            end_children(left, "KILLED")
            client.set_terminated(left.info.run_id, "KILLED")
    return client.get_run(run.info.run_id)


def end_children(sweep: Run, status: str) -> None:
    """End every run below a sweep that is still running."""
    client = MlflowClient()
    running = f"tags.{SWEEP_RUN} = '{sweep.info.run_id}' and attributes.status = 'RUNNING'"
    while found := client.search_runs([sweep.info.experiment_id], running):
        for run in found:
            client.set_terminated(run.info.run_id, status)


def fail_pending_models(sweep: Run) -> None:
    """Mark as failed what a registration that was stopped has left pending in a sweep's run."""
    client, own = MlflowClient(), f"source_run_id = '{sweep.info.run_id}'"
    for model in client.search_logged_models([sweep.info.experiment_id], own):
        if model.status == LoggedModelStatus.PENDING:
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)


def this_process() -> str:
    """Name this process so that it is known again: its machine, its number and when it began.

    >>> this_process().startswith(socket.gethostname())
    True
    """
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"


def _is_written(run: Run) -> bool:
    """Whether another process that is alive writes this run."""
    process = run.data.tags.get(PROCESS)
    return run.info.status == "RUNNING" and process != this_process() and _lives(process) is True


def _was_killed(run: Run) -> bool:
    return _lives(run.data.tags.get(PROCESS)) is False


def _lives(process: str | None) -> bool | None:
    """Whether a process is alive; ``None`` if it is one of another machine."""
    host, number, began = (process or "- 0 0").rsplit(" ", 2)
    if host != socket.gethostname():
        return None
    try:
        # The system counts from its own start, so the second may differ by one.
        return bool(abs(psutil.Process(int(number)).create_time() - float(began)) < 2)
    except psutil.NoSuchProcess:
        return False


def _log_artifact(run: Run, path: Path, folder: str | None) -> None:
    try:
        MlflowClient().log_artifact(run.info.run_id, str(path), folder)
    except OUTAGE:
        raise
    except Exception as error:  # of a client for a cloud's storage, each with errors of its own
        raise MlflowException(f"{path.name} is not logged: {error}") from error


SWEEP = TrackedSweep()  # one process, one sweep at a time
