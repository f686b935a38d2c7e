"""The installed package as a command: ``python -m dnn_sweep``, ``dnn-sweep``."""

import os
import sys

NAME = "dnn-sweep"


def main() -> None:
    """Run pipelines in the current folder; the options are those of ``kedro run``."""
    # For messages that repeat the command; Python puts this file's path there.
    sys.argv[0] = NAME
    from dnn_sweep.datasets.user_paths import CONF

    # Kedro looks for it in the current folder alone.
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(CONF / "logging.yml"))
    from kedro.framework.project import configure_project

    configure_project("dnn_sweep")
    from dnn_sweep.cli import cli

    cli.commands["run"](prog_name=NAME)


if __name__ == "__main__":
    main()
