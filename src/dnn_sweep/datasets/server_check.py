"""Whether a tracking server answers, found out in seconds."""

import socket

import sqlalchemy
from mlflow import MlflowClient
from sqlalchemy.engine import make_url

from dnn_sweep.datasets.backlog import OUTAGE, first_line
from dnn_sweep.datasets.mlflow_settings import mlflow_settings

SECONDS = 4
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def why_unreachable(tracking_uri: str) -> str | None:
    """Ask the server for something small, once.

    MLflow itself would try a database again and again for minutes.

    Args:
        tracking_uri: Its address; a local file is always taken to be reachable.

    Returns:
        Why it does not answer within four seconds; ``None`` if it does.

    >>> why_unreachable("http://127.0.0.1:9")
    'nothing listens at 127.0.0.1:9 (Connection refused)'
    """
    kind = tracking_uri.partition("://")[0].partition("+")[0]
    if kind not in PORTS:
        return None
    try:
        url = make_url(tracking_uri)
        address = url.host or "localhost", url.port or PORTS[kind]
        try:
            socket.create_connection(address, timeout=SECONDS).close()
        except OSError as error:
            said = error.strerror or error
            return f"nothing listens at {address[0]}:{address[1]} ({said})"
        if kind in ("http", "https"):
            limits = {
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
                "MLFLOW_HTTP_REQUEST_TIMEOUT": str(SECONDS),
            }
            with mlflow_settings(**limits):
                MlflowClient(tracking_uri).search_experiments(max_results=1)
        else:
            engine = sqlalchemy.create_engine(url)
            engine.connect().close()
            engine.dispose()
    except ImportError as error:  # the database's driver
        return f"a package is not installed: {error}"
    except OUTAGE as error:
        return first_line(error)
    return None
