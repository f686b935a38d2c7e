"""Artifacts of a project whose folder was moved: MLflow's SQLite store has their absolute paths."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from dnn_sweep.datasets.mlflow_settings import SQLITE, sqlite_file

FOUND = (
    "SELECT DISTINCT artifact_location FROM experiments"
    " WHERE name LIKE 'dnn_sweep/%' AND artifact_location LIKE ?"
    " AND (artifact_location LIKE 'file:%' OR artifact_location LIKE '/%')"
)
RUNS = "SELECT run_uuid FROM runs WHERE substr(artifact_uri, 1, ?) = ?"
PATHS = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
    ("experiments", "artifact_location"),
)


def follow_move(tracking_uri: str, artifacts: Path) -> None:
    """Correct the paths in a store after its project's folder was renamed, moved or copied.

    Paths are corrected only if runs that they name have their folders among the artifacts here:
    what was kept outside the project, or on a server, did not move with it.

    Args:
        tracking_uri: The store; only a SQLite file beside the folder of artifacts is corrected.
        artifacts: Where the project's artifacts are now.

    >>> follow_move("http://127.0.0.1:5000", Path("mlruns"))
    """
    if not tracking_uri.startswith(SQLITE):
        return
    file = Path(sqlite_file(tracking_uri)).absolute()
    if not file.is_file() or file.parent != artifacts.parent:
        return
    now = artifacts.as_uri()  # as MLflow spells them
    # A store that is damaged, of another version or written at this moment is left to MLflow.
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(file, timeout=5)) as store:
        for (before,) in store.execute(FOUND, (f"%/{artifacts.name}",)).fetchall():
            length = len(before) + 1
            runs = store.execute(RUNS, (length, f"{before}/")).fetchall()
            if before in (now, str(artifacts)) or not any(
                (artifacts / run).is_dir() for (run,) in runs
            ):
                continue
            with store:  # all of it or nothing
                for table, column in PATHS:
                    store.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?)"  # noqa: S608 (own)
                        f" WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (now, length, before, length, f"{before}/"),
                    )
