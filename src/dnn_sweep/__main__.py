"""The installed package as a command: ``python -m dnn_sweep``, ``dnn-sweep``."""

import os
import sys

NAME = "dnn-sweep"
OTHERS = ("trials", "serve")  # commands beside ``run``, as of ``kedro`` in the project


def main() -> None:
    """Run pipelines in the current folder, with the options of ``kedro run``.

    ``dnn-sweep trials`` and ``dnn-sweep serve`` do what ``kedro trials`` and ``kedro serve`` do.
    """
    # For messages that repeat the command; Python puts this file's path there.
    sys.argv[0] = NAME
    from dnn_sweep.datasets.user_paths import CONF

    # Kedro looks for it in the current folder alone.
    os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(CONF / "logging.yml"))
    from kedro.framework.project import configure_project

    configure_project("dnn_sweep")
    from dnn_sweep.cli import cli

    if sys.argv[1:2] and sys.argv[1] in OTHERS:
        cli.commands[sys.argv[1]](sys.argv[2:], prog_name=f"{NAME} {sys.argv[1]}")
    else:
        cli.commands["run"](prog_name=NAME)


if __name__ == "__main__":
    main()
