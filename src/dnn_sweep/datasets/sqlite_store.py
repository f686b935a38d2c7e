"""Faster writes to a tracking store in SQLite."""

import sqlite3
from contextlib import closing, suppress

PREFIX = "sqlite:///"


def write_ahead(tracking_uri: str) -> None:
    """Switch SQLite to a write-ahead log (``journal_mode=WAL``); the file keeps the setting.

    As durable as the default, with one flush per transaction in place of four, and MLflow's UI
    can read while a sweep writes. No effect while the file is in use.

    Args:
        tracking_uri: Such as ``sqlite:///mlflow.db``; other stores are left alone.
    """
    if not tracking_uri.startswith(PREFIX):
        return
    file = tracking_uri.removeprefix(PREFIX).partition("?")[0]
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file, timeout=1)) as store:
        store.execute("PRAGMA journal_mode=WAL")
