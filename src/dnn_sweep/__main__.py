"""The installed package as a command: ``python -m dnn_sweep``, ``dnn-sweep``."""

import os
import sys

NAME, TRIALS = "dnn-sweep", "trials"


def main() -> None:
    """Run pipelines in the current folder, with the options of ``kedro run``, or list its trials.

    ``dnn-sweep trials`` does what ``kedro trials`` does in the project.
    """
    # For messages that repeat the command; Python puts this file's path there.
    sys.argv[0] = NAME
    from dnn_sweep.datasets.user_paths import CONF

    # Kedro looks for it in the current folder alone.
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(CONF / "logging.yml"))
    from kedro.framework.project import configure_project

    configure_project("dnn_sweep")
    from dnn_sweep.cli import cli

    if sys.argv[1:2] == [TRIALS]:
        cli.commands[TRIALS](sys.argv[2:], prog_name=f"{NAME} {TRIALS}")
    else:
        cli.commands["run"](prog_name=NAME)


if __name__ == "__main__":
    main()
