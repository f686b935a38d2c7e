"""Servers on this machine that a test starts and ends."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from urllib.error import URLError
from urllib.request import urlopen


def free_port() -> int:
    """A port that nothing listens on, among those that every server takes."""
    while True:
        port = random.randrange(10_000, 49_000)  # noqa: S311 (Kedro-Viz refuses those above)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_server(address: str, seconds: float = 90, process=None) -> None:
    """Return once an address answers; fail when it does not, or its process has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process is None or process.poll() is None, f"the server of {address} ended"
        try:
            with urlopen(address, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(f"{address} did not answer within {seconds} s")


@contextmanager
def serve(project, *command, env=None, path="/"):
    """Run ``python -m <command> --host 127.0.0.1 --port <free>`` in a project.

    Gives its address and the file that its output goes to, once a path answers; ends it with all
    its children.
    """
    address = f"http://127.0.0.1:{(port := free_port())}"
    log = project.path / f"{command[0]}-{port}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=project.path, env=project.environment(env), stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for_server(f"{address}{path}", process=process)
        yield address, log
    finally:
        with suppress(ProcessLookupError):  # it ended by itself, which `wait_for_server` reports
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
