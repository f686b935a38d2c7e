"""Runs Python in forks of one process that has imported the libraries of a sweep already.

To import them takes five seconds of processor time, in every process. A fork is a process of its
own with its own folder, environment and end, and imports the project's code anew. TensorFlow
starts its threads with its first computation, of which there is none before a fork.

Reads a request from each line of its input and answers with the exit status.
"""

import gc
import json
import os
import runpy
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

# As in `startup.py`, which comes too late here: MLflow and TensorFlow read these at import.
os.environ |= {
    "DO_NOT_TRACK": "1",
    "KERAS_BACKEND": "tensorflow",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}

# In this order, as in a command: see `startup.py`.
for library in (
    *("scipy.special", "scipy.stats", "pandas", "mlflow", "tensorflow", "keras"),
    *("sklearn.ensemble", "sklearn.pipeline", "sklearn.svm", "skops.io"),
    *("statsmodels.stats.multitest", "kedro_datasets.matplotlib", "kedro_datasets.plotly"),
):
    import_module(library)
gc.freeze()  # a fork looks for garbage in what it makes itself, also when it ends

NOT_YET = {"dnn_sweep", "kedro.framework.project"}  # they look at folder and environment


def next_request() -> dict[str, Any]:
    """Fork for each request and wait for the fork; return in the fork alone."""
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        if (pid := os.fork()) == 0:
            return request
        print(wait_for(pid, time.monotonic() + request["timeout"]), flush=True)
    os._exit(0)


def wait_for(pid: int, deadline: float) -> int | None:
    """Return the exit status; ``None`` if the process had to be killed."""
    killed = False
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return None if killed else os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            killed = True
        time.sleep(0.01)


def become(request: dict[str, Any]) -> None:
    """Take over the folder, the environment and the outputs of a new process."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for stream, (path, mode) in enumerate(
        ((os.devnull, "rb"), (request["stdout"], "wb"), (request["stderr"], "wb"))
    ):
        with Path(path).open(mode) as file:
            os.dup2(file.fileno(), stream)
    sys.path[0] = request["folder"]
    sys.path[1:1] = filter(None, request["environment"].get("PYTHONPATH", "").split(os.pathsep))


if __name__ == "__main__":
    assert not NOT_YET & set(sys.modules)
    given = next_request()
    become(given)
    option, what, *sys.argv[1:] = given["arguments"]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv[0] = "-c"
        exec(what, {"__name__": "__main__"})  # noqa: S102 - as Python's option does
