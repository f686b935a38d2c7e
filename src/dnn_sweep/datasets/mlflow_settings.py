"""MLflow's own switches, set while a model is logged or loaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import environ

SETTINGS = {
    # Otherwise it copies uv.lock, which names package hosts, into the model.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # Otherwise it draws a progress bar for a handful of small files.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@contextmanager
def mlflow_settings(**further: str) -> Iterator[None]:
    """Set these switches and further ones, then restore what was there.

    Example:
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
