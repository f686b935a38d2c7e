"""What a worker process of a cluster is at first: the standard library, and nothing else.

Ray sends the code of this module along, since the package may be missing or another one where the
process runs; everything else of the package is imported there once the versions are known to agree.
"""

import hashlib
import importlib
import platform
import socket
from importlib import metadata, util
from pathlib import Path
from typing import Any

PACKAGE = "dnn_sweep"


class Host:
    """A process that says what is installed, and then trains what it is given."""

    def __init__(self) -> None:
        self._worker: Any = None

    def describe(self) -> dict[str, str]:
        """What this machine is, and what is installed on it."""
        return describe()

    def begin(self, data: Any) -> None:
        """Prepare for training on some rows."""
        worker = importlib.import_module(f"{PACKAGE}.core.training.cluster.worker")
        worker.keep_to_one_core()
        self._worker = worker.Worker(data)

    def start(self, task: Any) -> None:
        """Begin a task; the last one has ended."""
        self._worker.start(task)

    def listen(self, seconds: float) -> list[Any]:
        """What the task has said since the last time, after so many seconds or when it ends."""
        heard: list[Any] = self._worker.listen(seconds)
        return heard


def describe() -> dict[str, str]:
    """The machine's name, and the versions that decide results or have to agree."""
    return {"host": socket.gethostname(), **installed()}


def installed() -> dict[str, str]:
    """Versions of Python, Keras, TensorFlow and this package, whose files are compared as well."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in ("keras", "tensorflow"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    found[PACKAGE] = _of_this_package()
    return found


def _of_this_package() -> str:
    spec = util.find_spec(PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        return "missing"
    digest, folder = hashlib.sha256(), Path(folders[0])
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + file.read_bytes())
    try:
        number = metadata.version("dnn-sweep")
    except metadata.PackageNotFoundError:
        number = "not installed"
    return f"{number}, source {digest.hexdigest()[:8]}"
