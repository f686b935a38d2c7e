"""Kedro's session store, which knows the commit of the project."""

from typing import ClassVar

from kedro.framework.session.store import BaseSessionStore


class RecordedSession(BaseSessionStore):
    """Kedro's session store; the latest one stays at hand for hooks, which get no session."""

    latest: ClassVar["RecordedSession | None"] = None

    def __init__(self, path: str, session_id: str) -> None:
        super().__init__(path, session_id)
        RecordedSession.latest = self
