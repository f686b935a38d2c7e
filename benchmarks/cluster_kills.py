"""Kill the workers of a sweep at random moments: ``python -m benchmarks.cluster_kills --kills 20``.

A copy of the project trains on a local Ray cluster, and every few seconds a worker that trains is
killed (SIGKILL). What it leaves behind is compared with a sweep without a cluster: nothing may be
lost, doubled, damaged or different.
"""

import argparse
import json
import os
import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.kill_checks import (
    CHECKPOINTS,
    TRIALS,
    damaged_trials,
    differences,
    results_of,
    tracking_of,
    trials_in,
)
from benchmarks.kills import COMMAND, copy_project, run
from benchmarks.machine import describe_machine

# Both engines, a screening, and trials that are long beside the seconds between two checkpoints.
SETTINGS: dict[str, Any] = {
    "network": {"hidden": [64, 32]},
    "grid": {"activations": ["relu", "tanh"], "optimizers": ["adam", "sgd", "lamb"]},
    "training": {"epochs": 100, "batch_size": 64, "seeds": [0, 1], "checkpoint_seconds": 1},
    "screening": {"epochs": 5, "factors": [1, 3], "extensions": 0},
    "evaluation": {"resamples": 100, "baselines": ["no_skill"]},
    "logs": {"csv": True},
}
# Kills between two results or checkpoints: after five, a cohort is given up by intention.
MOST_STALLED = 3
TRAINS = "ray::Host.listen"  # the name of a worker's process while it has a task


def main() -> None:
    """Print what was counted, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=8.0, help="seconds between kills, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    draw = random.Random(given.seed)  # noqa: S311
    print(json.dumps(describe_machine()))
    with TemporaryDirectory() as folder:
        whole = copy_project(Path(folder, "whole"), SETTINGS)
        local = run(whole)
        if local["status"]:
            raise SystemExit(local["output"])
        print(f"without a cluster: {local['seconds']} s", flush=True)
        expected, kills, number = results_of(whole), 0, 0
        while kills < given.kills:
            project = Path(folder, f"copy{number}")
            told = kill_workers(project, given.workers, given.kills - kills, given.every, draw)
            kills, number = kills + told["kills"], number + 1
            found = results_of(project) if not told["status"] else {}
            told |= {
                "trials": len(trials_in(project)),
                "lost": len(expected["trials"].keys() - found.get("trials", {}).keys()),
                "damaged": len(damaged_trials(project)),
                "different": differences(found, expected) if found else ["all"],
                "doubled runs": tracking_of(project)["doubled"],
                "runs": tracking_of(project)["runs"],
            }
            print(json.dumps(told), flush=True)
    print(f"{kills} kills in {number} sweeps")


def kill_workers(
    project: Path, workers: int, kills: int, every: float, draw: random.Random
) -> dict[str, Any]:
    """Run a sweep in a fresh copy, and kill its workers; tell how it ended."""
    copy_project(project, SETTINGS | {"executor": {"kind": "ray", "workers": workers}})
    environment = {key: value for key, value in os.environ.items() if "MLFLOW" not in key}
    environment |= {"PYTHONPATH": str(project / "src"), "KEDRO_DISABLE_TELEMETRY": "1"}
    began, done, kept = time.monotonic(), 0, list[int]()
    last, stalled = progress(project), 0
    with (project / "output.txt").open("w") as log:
        process = subprocess.Popen(
            COMMAND, cwd=project, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        while process.poll() is None:
            time.sleep(draw.uniform(0.5, every))
            busy, now = training(process.pid), progress(project)
            stalled = stalled if now == last else 0
            last = now
            if busy and done < kills and stalled < MOST_STALLED:
                stalled += 1
                kept.append(len(trials_in(project)))
                draw.choice(busy).kill()
                done += 1
    output = (project / "output.txt").read_text(errors="replace")
    return {
        "kills": done,
        "trials kept at each": kept,
        "status": process.returncode,
        "seconds": round(time.monotonic() - began, 1),
        "output": output[-2000:] if process.returncode else "",
    }


def progress(project: Path) -> list[int]:
    """When checkpoints and trials were written last."""
    files = [*(project / CHECKPOINTS).glob("*.npz"), *(project / TRIALS).glob("[!.]*/status.json")]
    found = list[int]()
    for each in files:
        with suppress(FileNotFoundError):  # of a trial that has just ended
            found.append(each.stat().st_mtime_ns)
    return sorted(found)


def training(driver: int) -> list[psutil.Process]:
    """The worker processes of a sweep that have a task."""
    found = list[psutil.Process]()
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(driver).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # also a dead one that Ray has not buried yet
                if TRAINS in " ".join(each.cmdline()):
                    found.append(each)
    return found


if __name__ == "__main__":
    main()
