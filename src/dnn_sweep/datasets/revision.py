"""Kedro's git record as tags of the sweep's MLflow run."""

from typing import ClassVar

import mlflow
from kedro.framework.session.store import BaseSessionStore
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT


class RecordedSession(BaseSessionStore):
    """Kedro's session store; the latest one stays at hand for hooks, which get no session."""

    latest: ClassVar["RecordedSession | None"] = None

    def __init__(self, path: str, session_id: str) -> None:
        super().__init__(path, session_id)
        RecordedSession.latest = self


def tag_revision() -> None:
    """Tag the active run, if any, with the commit and with whether files differ from it."""
    session, run = RecordedSession.latest, mlflow.active_run()
    if session is None or "git" not in session or run is None:
        return
    commit, tags = (
        session["git"]["commit_sha"],
        {"git_changed": str(session["git"]["dirty"]).lower()},
    )
    # MLflow has the commit in full, but of the checkout that holds the `kedro` command, if any.
    if not run.data.tags.get(MLFLOW_GIT_COMMIT, "").startswith(commit):
        tags[MLFLOW_GIT_COMMIT] = commit
    mlflow.set_tags(tags)
