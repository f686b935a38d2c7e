"""MLflow's own switches, set while a model is logged or loaded."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS = {
    # Else it copies uv.lock, which names package hosts, into the model.
    "MLFLOW_UV_AUTO_DETECT": "false",
    # Else a progress bar for a handful of small files.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@contextmanager
def mlflow_settings(**further: str) -> Iterator[None]:
    """Set the switches, then put back what was there.

    Args:
        further: Switches beside those that are always set.
    """
    settings = SETTINGS | further
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
