import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dnn_sweep import startup
from dnn_sweep.core.lazy import LazyModule


def test_keras_starts_without_chatter_and_real_errors_stay():
    code = (
        "import os\n"
        "from dnn_sweep import startup\n"
        "from dnn_sweep.core.lazy import keras\n"
        "with startup._without_chatter():\n"
        "    os.write(2, b'I0000 chatter\\nE0000 a real error\\n')\n"
        "print(keras.backend.backend())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "E0000 a real error\n"
    assert done.stdout == "tensorflow\n"


def test_a_dependency_that_a_submodule_lacks_is_named(tmp_path, monkeypatch):
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "__init__.py").touch()
    (tmp_path / "half" / "part.py").write_text("import not_installed_anywhere")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        LazyModule("half").part  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        LazyModule("half").other  # noqa: B018


@pytest.mark.parametrize(
    ("words", "is_run"),
    [
        (["/usr/bin/kedro", "run"], True),
        (["python -m kedro", "run", "--env=csv"], True),
        (["dnn-sweep", "--env=csv"], True),
        (["/usr/bin/kedro", "jupyter", "run"], False),
        (["script.py", "run"], False),
        ([""], False),
    ],
)
def test_only_a_command_of_the_project_is_a_run(words, is_run, monkeypatch):
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    names = {"__name__": "startup", "__file__": startup.__file__}
    exec(Path(startup.__file__).read_text(), names)  # noqa: S102 - it is read once a process
    assert names["IS_RUN"] is is_run
