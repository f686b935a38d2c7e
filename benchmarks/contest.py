"""Train one contestant in its own process: ``python -m benchmarks.contest job.json``."""

import importlib
import json
import os
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path

BEGAN = time.perf_counter()


def main(job_file: Path) -> None:
    """Train the trials of a job file and write the result.

    Args:
        job_file: JSON with ``contestant``, ``folder`` (of the prepared work), ``positions`` (of
            the trials in its plan) and ``result`` (the file to write). The registry has the
            contestant's module and function.
    """
    from benchmarks.contestants import CONTESTANTS
    from benchmarks.workloads import load_work

    job = json.loads(job_file.read_text())
    name = job["contestant"]
    contestant = CONTESTANTS[name]
    module = importlib.import_module(f"benchmarks.contestants.{contestant.module or name}")
    train = getattr(module, contestant.function)
    work = load_work(Path(job["folder"]), job["positions"])
    cpu_before = _cpu_seconds()
    began = time.perf_counter()
    curves = train(work)
    ended = time.perf_counter()
    kilobytes = 1 if sys.platform != "darwin" else 1024  # macOS counts bytes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / kilobytes / 1024
    result = {
        "train_seconds": ended - began,
        "cpu_seconds": _cpu_seconds() - cpu_before,
        "start_seconds": began - BEGAN,
        "peak_mib": peak,
        "steps_per_epoch": work.steps_per_epoch,
        "epochs": work.epochs,
        "curves": [asdict(curve) for curve in curves],
    }
    Path(job["result"]).write_text(json.dumps(result))


def _cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


if __name__ == "__main__":
    main(Path(sys.argv[1]))
