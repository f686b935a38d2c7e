import subprocess
import sys

import pytest

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
