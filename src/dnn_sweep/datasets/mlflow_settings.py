"""MLflow's own switches, the address of its store, and the switches of its SQLite store."""

import fcntl
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from os import environ
from pathlib import Path

SETTINGS = {
    # Otherwise it copies uv.lock, which names package hosts, into the model.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # Otherwise it draws a progress bar for a handful of small files.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
SQLITE = "sqlite:///"
_PASSWORD = re.compile(r"(?<=://)([^/:@\s]*):([^/@\s]*)(?=@)")


@contextmanager
def mlflow_settings(**further: str) -> Iterator[None]:
    """Set these switches and further ones, then restore what was there.

    >>> with mlflow_settings(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1"):
    ...     environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
    '1'
    """
    settings = SETTINGS | further
    before = {name: environ[name] for name in settings if name in environ}
    environ.update(settings)
    try:
        yield
    finally:
        for name in settings:
            del environ[name]
        environ.update(before)


def mask_passwords(text: str) -> str:
    """Replace the password in every address.

    >>> mask_passwords("postgresql://ann:…@example.org/runs")
    'postgresql://ann:***@example.org/runs'
    """
    return _PASSWORD.sub(r"\1:***", text)


@contextmanager
def one_at_a_time(tracking_uri: str) -> Iterator[None]:
    """Keep other processes from making the tables of the same SQLite file at the same time."""
    if not tracking_uri.startswith(SQLITE):
        yield
        return
    file = Path(f"{sqlite_file(tracking_uri)}.lock")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed, or the process ends
        yield


def write_ahead(tracking_uri: str) -> None:
    """Switch SQLite to a write-ahead log (``journal_mode=WAL``); the file keeps the setting.

    As durable as the default, with one flush per transaction in place of four, and MLflow's UI
    can read while a sweep writes. No effect while the file is in use, or on other stores.
    """
    if tracking_uri.startswith(SQLITE):
        file = sqlite_file(tracking_uri)
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file, timeout=1)) as store:
            store.execute("PRAGMA journal_mode=WAL")


def sqlite_file(tracking_uri: str) -> str:
    """Return the file of a SQLite store."""
    return tracking_uri.removeprefix(SQLITE).partition("?")[0]
