import subprocess
import sys


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
