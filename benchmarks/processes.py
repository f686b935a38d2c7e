"""Run a command and measure its time and the memory of all its processes."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
SAMPLE_SECONDS = 0.5  # frequent enough for runs of many seconds, too rare to slow them down


@dataclass(frozen=True)
class Finished:
    """The result of a finished command.

    Args:
        code: Exit code; negative if a signal ended it.
        seconds: Wall-clock time from start to end.
        peak_mib: Peak memory of the process and its descendants together, shared pages counted
            once; 0 if the system does not report it.
        output: What it printed.
    """

    code: int
    seconds: float
    peak_mib: float
    output: str


def run_measured(
    command: list[str], timeout: float, env: Mapping[str, str] | None = None
) -> Finished:
    """Run a command in its own session, and end any process that it leaves running.

    Args:
        command: Program and arguments.
        timeout: Seconds after which it is killed.
        env: Its environment; by default this process's.

    Returns:
        Exit code, time, memory and output.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=env,
    )
    peaks = [0.0]
    done = threading.Event()
    sampler = threading.Thread(target=_sample, args=(process.pid, peaks, done), daemon=True)
    sampler.start()
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        output = f"stopped after {timeout:g} s"
    finally:
        done.set()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    sampler.join()
    return Finished(process.returncode, time.perf_counter() - began, peaks[0], output)


def _sample(root: int, peaks: list[float], done: threading.Event) -> None:
    while not done.wait(SAMPLE_SECONDS):
        peaks[0] = max(peaks[0], sum(map(_memory_mib, _tree(root))))


def _tree(root: int) -> list[int]:
    """A process and all of its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.glob("[0-9]*"):
        try:
            # The name, in brackets, may hold spaces; the parent is the second field after it.
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def _memory_mib(process: int) -> float:
    try:
        lines = (PROC / str(process) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)
