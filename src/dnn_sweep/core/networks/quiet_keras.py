"""Keras without TensorFlow's start-up messages.

TensorFlow's native code writes what it found out about the hardware straight to the standard
error of the process, before any log level of Python's or its own is heard. Here the first import
runs with standard error held back; what is not that chatter is then written out unchanged.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = re.compile(
    r"^I0000 |^WARNING: All log messages before absl::InitializeLog"
    r"|^To enable the following instructions|failed call to cuInit"
)


@contextmanager
def _without_chatter() -> Iterator[None]:
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


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Compiled programs run side by side, one a core: within one, products of small matrices are
# faster on a single thread. `model.fit` is not compiled and keeps all cores.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
with _without_chatter():
    # TensorFlow first: MLflow looks at both as soon as TensorFlow is there, and a Keras that is
    # only half imported would fail it.
    import tensorflow  # isort: skip
    import keras

    # Every network is traced once, which TensorFlow takes for a mistake.
    tensorflow.get_logger().setLevel("ERROR")
    tensorflow.config.list_physical_devices()  # looks for a GPU, and says so

__all__ = ["keras", "tensorflow"]
