"""The sweep's own MLflow run: Kedro's git record as tags, and an end even where it is killed."""

import atexit
from typing import ClassVar

import mlflow
from kedro.framework.session.store import BaseSessionStore
from mlflow.entities import RunStatus
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT


class RecordedSession(BaseSessionStore):
    """Kedro's session store; the latest one stays at hand for hooks, which get no session."""

    latest: ClassVar["RecordedSession | None"] = None

    def __init__(self, path: str, session_id: str) -> None:
        super().__init__(path, session_id)
        RecordedSession.latest = self


def active_sweep() -> str | None:
    """Return the id of the active run; ``None`` without one."""
    run = mlflow.active_run()
    return str(run.info.run_id) if run else None


def tag_revision() -> None:
    """Tag the active run, if any, with the commit and with whether files differ from it."""
    session, run = RecordedSession.latest, mlflow.active_run()
    if session is None or "git" not in session or run is None:
        return
    commit = session["git"]["commit_sha"]
    tags = {"git_changed": str(session["git"]["dirty"]).lower()}
    # MLflow has the commit in full, but of the checkout that holds the `kedro` command, if any.
    if not run.data.tags.get(MLFLOW_GIT_COMMIT, "").startswith(commit):
        tags[MLFLOW_GIT_COMMIT] = commit
    mlflow.set_tags(tags)


def expect_an_end() -> None:
    """End the active run as killed if the process exits before ``forget_the_end``.

    MLflow would end it as finished, and Kedro's hooks report only an ``Exception``, which Ctrl-C
    and a closed pipe are not.
    """
    # Registered after MLflow's own handler, so it is called before that.
    atexit.register(_close_as_killed)


def forget_the_end() -> None:
    """Leave the run to MLflow: its end was reported, well or not."""
    atexit.unregister(_close_as_killed)


def _close_as_killed() -> None:
    while mlflow.active_run() is not None:
        mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))
