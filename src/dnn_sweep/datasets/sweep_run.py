"""The sweep's own MLflow run: Kedro's git record as tags, and an end even where it is killed."""

import atexit

from mlflow.entities import RunStatus
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT

from dnn_sweep.datasets.session_store import RecordedSession
from dnn_sweep.datasets.tracked_sweep import SWEEP


def sweep_to_record() -> str | None:
    """Name what has to be recorded anew in this run; ``None`` where MLflow has it already."""
    return SWEEP.unrecorded


def revision_tags() -> dict[str, str]:
    """MLflow's own tags of a run, Kedro's commit, and whether files differ from it."""
    tags: dict[str, str] = resolve_tags()
    session = RecordedSession.latest
    if session is None or "git" not in session:
        return tags
    commit = session["git"]["commit_sha"]
    tags["git_changed"] = str(session["git"]["dirty"]).lower()
    # MLflow has the commit in full, but of the checkout that holds the `kedro` command, if any.
    if not tags.get(MLFLOW_GIT_COMMIT, "").startswith(commit):
        tags[MLFLOW_GIT_COMMIT] = commit
    return tags


def expect_an_end() -> None:
    """End the sweep's run as killed if the process exits before ``forget_the_end``.

    MLflow would end it as finished, and Kedro's hooks report only an ``Exception``, which Ctrl-C
    and a closed pipe are not.
    """
    # Registered after MLflow's own handler, so it is called before that.
    atexit.register(end_as_killed)


def forget_the_end() -> None:
    """Leave the run to those who report its end, well or not."""
    atexit.unregister(end_as_killed)


def end_as_killed() -> None:
    """End the sweep's run as killed, if there is one."""
    SWEEP.end(RunStatus.to_string(RunStatus.KILLED))
