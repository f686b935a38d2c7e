"""Start-up tuning: environment variables, order of imports, quiet TensorFlow, garbage collector.

Importing this module prepares the process for MLflow; ``import_tensorflow`` prepares it for
TensorFlow. It is the lowest layer and imports nothing of ``dnn_sweep``.
"""

import atexit
import gc
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Whether the package was installed with its configuration inside, without the project's folder.
IS_INSTALLED = (Path(__file__).parent / "conf").is_dir()
# Whether this process is `kedro run` or `dnn-sweep`, not a notebook or a worker process.
_PROGRAM, _WORDS = Path("".join(sys.argv[:1])).name, sys.argv[1:]
IS_RUN = (
    _PROGRAM == "dnn-sweep"
    or (_PROGRAM in ("kedro", "python -m kedro") and _WORDS[:1] == ["run"])  # Kedro's own spelling
) and multiprocessing.parent_process() is None
if IS_RUN:
    # Until the command handles Ctrl-C it ends the process; Python would show a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

# Before MLflow, which comes with Kedro's plugins: skops looks up each of SciPy's and NumPy's
# functions in all modules imported earlier, which takes two seconds if those are MLflow's.
import scipy.special  # noqa: E402, F401

_FOR_MLFLOW = {
    # MLflow's loggers then follow conf/logging.yml like all others.
    "MLFLOW_CONFIGURE_LOGGING": "false",
    # Otherwise every run asks IPython whether it is an interrupted job on Databricks.
    "MLFLOW_ENABLE_SGC_RUN_RESUMPTION_FOR_DATABRICKS_JOBS": "false",
    # A request to a server that hangs or fails would otherwise take up to 22 minutes. Seconds,
    # except for the number of times that a request is repeated.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "PGCONNECT_TIMEOUT": "4",  # of PostgreSQL
    # Otherwise it asks for every run and prints its address when the run ends.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_FOR_TENSORFLOW = {
    # Its native code reports errors only.
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # Keras would otherwise follow the user's ~/.keras/keras.json.
    "KERAS_BACKEND": "tensorflow",
    # Compiled programs run side by side, one per core: within one, products of small matrices
    # are faster on a single thread. `model.fit` is not compiled and keeps all cores.
    # Loops use vectors as wide as the processor has them, not half as wide.
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false --xla_cpu_prefer_vector_width=512",
}
_USUAL_THRESHOLD = gc.get_threshold()
_CHATTER = re.compile(
    r"^I0000 |^WARNING: All log messages before absl::InitializeLog"
    r"|^To enable the following instructions|failed call to cuInit"
)

os.environ.update(_FOR_MLFLOW | os.environ)  # what the user has set wins


def without_password(uri: str) -> str:
    """Move user and password of a tracking server's address to the variables for them.

    MLflow prints and records addresses. The variables are read by MLflow (http) and by
    PostgreSQL's client; they win over the address if they are set.

    Args:
        uri: The address, such as ``http://ann:…@example.org``.

    Returns:
        The address without the password.
    """
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https") and parts.password:
        names, host = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"), ""
    elif parts.scheme.partition("+")[0] in ("postgresql", "postgres") and parts.password:
        names, host = ("PGUSER", "PGPASSWORD"), f"{parts.username}@"
    else:
        return uri
    for name, value in zip(names, (parts.username, parts.password), strict=True):
        os.environ.setdefault(name, unquote(value or ""))
    return parts._replace(netloc=host + parts.netloc.rpartition("@")[2]).geturl()


for _variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
    if _variable in os.environ:
        os.environ[_variable] = without_password(os.environ[_variable])


@cache
def import_tensorflow() -> None:
    """Import TensorFlow and Keras without their start-up messages."""
    os.environ.update(_FOR_TENSORFLOW | os.environ)
    with _without_chatter():
        # TensorFlow first: MLflow inspects both as soon as TensorFlow is imported, and would fail
        # on a half-imported Keras.
        import tensorflow  # isort: skip
        import keras  # noqa: F401

        # Every network is traced once, which TensorFlow takes for a mistake.
        tensorflow.get_logger().setLevel("ERROR")
        tensorflow.config.list_physical_devices()  # looks for a GPU, and reports it


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back standard error; then write what is not TensorFlow's report on the hardware."""
    # Native code writes that straight to the descriptor, before any log level applies.
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            held.seek(0)
            lines = held.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.write("".join(line for line in lines if not _CHATTER.search(line)))


class GarbageCollector:
    """Sets Python's garbage collector for the phases of a run; ``restore`` undoes it.

    >>> COLLECTOR.restore()
    >>> before = gc.get_threshold(), gc.get_freeze_count()
    >>> COLLECTOR.expect_training()
    >>> COLLECTOR.restore()
    >>> (gc.get_threshold(), gc.get_freeze_count()) == before
    True
    """

    _frozen = False

    def expect_imports(self) -> None:
        """Raise the threshold: imports create no garbage, and searching for it takes seconds."""
        gc.set_threshold(50_000, 10, 10)

    def expect_training(self) -> None:
        """Search for garbage at Python's threshold, but not among the million imported objects."""
        gc.set_threshold(*_USUAL_THRESHOLD)
        if gc.get_freeze_count() == 0:  # otherwise the process has frozen its own
            gc.collect()  # frozen garbage would stay in memory
            gc.freeze()
            self._frozen = True

    def restore(self) -> None:
        """Return to Python's settings; a notebook's process goes on after a run."""
        gc.set_threshold(*_USUAL_THRESHOLD)
        if self._frozen:
            gc.unfreeze()
            self._frozen = False

    def skip_last_search(self) -> None:
        """Let the process exit without a search: the system takes all memory back at once."""
        atexit.unregister(gc.freeze)
        atexit.register(gc.freeze)


COLLECTOR = GarbageCollector()
