"""Measure the whole command in a clone of the project: ``python -m benchmarks.whole_run``.

The whole command trains the digits race's sweep, without and with layers measured. Before and
after, the engine alone trains the same sweep. The difference is the time that MLflow, checkpoints,
the report and the diagnostics add. Finally the command runs with its defaults.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.contestants import OURS
from benchmarks.run import RESULTS
from benchmarks.workloads import WORKLOADS

PROJECT = Path(__file__).parents[1]
COMMAND = ["kedro", "run", "--pipeline=train"]
# The race's sweep: the same number of seeds, every optimizer at its own rate, no screening.
AS_IN_THE_RACE = {
    "training": {
        "seeds": list(range(WORKLOADS["digits"].seeds)),
        "epochs": WORKLOADS["digits"].epochs,
    },
    "screening": {"enabled": False},
}
UNMEASURED = {**AS_IN_THE_RACE, "training": {**AS_IN_THE_RACE["training"], "diagnostics": False}}


def main() -> None:
    """Run everything, the race's sweep first: it also compiles the bytecode for the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        first = _train_alone(Path(folder))
        raced = {"raced": _run(clone, UNMEASURED), "diagnosed": _run(clone, AS_IN_THE_RACE)}
        alone = [first, _train_alone(Path(folder))]
        measured = {"alone": alone, **raced, "default": _run(clone, {})}
    file = given.results / "whole_runs.json"
    file.write_text(json.dumps({"command": " ".join(COMMAND)} | measured, indent=1))
    print(f"whole runs: {file}")


def _train_alone(folder: Path) -> dict[str, float]:
    """The engine's time for the race's sweep, from arrays in memory to the last curve."""
    options = ["--workload", "digits", "--contestant", OURS, "--no-warm-up"]
    command = [sys.executable, "-m", "benchmarks.run", *options, "--results", str(folder)]
    subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)
    (run,) = json.loads((folder / "results.json").read_text())["runs"]
    return {name: run[name] for name in ("train_seconds", "model_epochs")}


def _run(clone: Path, settings: dict[str, Any]) -> dict[str, float]:
    """Seconds per stage, and of the whole process (``clock``)."""
    local = clone / "conf" / "local"
    local.mkdir(exist_ok=True)
    (local / "parameters.yml").write_text(json.dumps(settings))  # JSON is YAML
    shutil.rmtree(clone / "data" / "06_models" / "trials", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(clone / "src")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    program = Path(sys.executable).with_name(COMMAND[0])
    subprocess.run(
        [str(program), *COMMAND[1:]],
        cwd=clone,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    clock = time.perf_counter() - began
    seconds = json.loads((clone / "data/08_reporting/digits/seconds.json").read_text())
    return {**seconds, "clock": round(clock, 1)}


if __name__ == "__main__":
    main()
