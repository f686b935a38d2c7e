"""What is shown of a sweep that is run from Python."""

import logging
import logging.config
import os
from collections.abc import Iterator
from contextlib import contextmanager

import rich
import yaml
from rich.logging import RichHandler

from dnn_sweep.datasets.user_paths import CONF

FILE = CONF / "logging.yml"
VARIABLE = "KEDRO_LOGGING_CONFIG"
# The names of nodes are for the command line; Kedro-Viz misses a project in the current folder.
LESS = {"dnn_sweep.hooks": logging.WARNING, "kedro_viz": logging.ERROR}


@contextmanager
def log_to_console(quiet: bool) -> Iterator[None]:
    """Log to the console that the training is shown on; put the process's logging back.

    Kedro's settings must not have been imported before: they give the root logger a handler.

    Args:
        quiet: Whether nothing is shown, neither what was understood of the data nor the training.
    """
    root, console = logging.getLogger(), rich.get_console()
    before = root.handlers[:], root.level, console.quiet
    _import_kedro()
    levels = yaml.safe_load(FILE.read_text(encoding="utf-8"))["loggers"]
    levels |= {name: {"level": level} for name, level in LESS.items()}
    loggers = {name: logging.getLogger(name) for name in levels}
    set_before = {name: logger.level for name, logger in loggers.items()}
    logging.config.dictConfig({"version": 1, "incremental": True, "loggers": levels})
    handler = RichHandler(console=console, show_path=False, show_time=False, show_level=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    console.quiet = quiet or console.quiet
    try:
        yield
    finally:
        root.handlers[:], console.quiet = before[0], before[2]
        root.setLevel(before[1])
        for name, level in set_before.items():
            loggers[name].setLevel(level)


def _import_kedro() -> None:
    """Import Kedro's settings with this project's configuration of logging, which is silent."""
    foreign = VARIABLE in os.environ
    os.environ.setdefault(VARIABLE, str(FILE))
    try:
        import kedro.framework.project  # noqa: F401
    finally:
        if not foreign:
            del os.environ[VARIABLE]
