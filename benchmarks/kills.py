"""Kill the real command at random moments and count what is lost: ``python -m benchmarks.kills``.

A copy of the project runs ``kedro run --pipeline=train`` on a small grid. The command is killed at
a random moment, started again, killed again … until it ends by itself; then everything is compared
with a run that nobody killed, and a new copy begins. Moments are spread evenly over the time of an
uninterrupted run. Nothing may be lost, trained again, damaged or different.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.kill_checks import (
    damaged_trials,
    differences,
    results_of,
    tracking_of,
    trials_in,
)
from benchmarks.run import RESULTS

PROJECT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "kedro", "run", "--pipeline=train"]
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
STATUS = {"SIGTERM": 143, "SIGINT": 130}
MOST_SECONDS = 20.0  # until a process that was asked to stop is called hung
# Both engines, a screening, dropout, and trials that are long beside the seconds between two
# checkpoints.
SETTINGS = {
    "network": {"hidden": [16], "dropout": 0.2},
    "grid": {"activations": ["relu", "tanh"], "optimizers": ["adam", "lamb"]},
    "training": {"epochs": 50, "batch_size": 128, "seeds": [0, 1], "checkpoint_seconds": 0.5},
    "screening": {"epochs": 5},
    "callbacks": {"reduce_on_plateau": {"enabled": True}},
    "evaluation": {"resamples": 100},
}
NODE = re.compile(r"INFO +(\w+)")


def main() -> None:
    """Kill until there are enough kills, or no time is left; print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=120.0, help="begin no copy after these")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and signals")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    file = given.results / "kills.json"
    ends = time.monotonic() + 60 * given.minutes
    found: dict[str, Any] = {"settings": SETTINGS, "copies": []}
    with TemporaryDirectory() as folder:
        whole = copy_project(Path(folder, "whole"))
        began = time.monotonic()
        uninterrupted = run(whole)
        found["seconds"] = length = time.monotonic() - began
        if uninterrupted["status"] != 0:
            raise SystemExit(uninterrupted["output"])
        moments = moments_of(given.kills, length, random.Random(given.seed))  # noqa: S311
        expected = results_of(whole)
        while time.monotonic() < ends and (copy := kill_a_copy(Path(folder), moments, expected)):
            found["copies"].append(copy)
            file.write_text(json.dumps(found, indent=1))
            print(summary(found), flush=True)
    print(f"kills: {file}")


def copy_project(path: Path) -> Path:
    """Copy what a run needs."""
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, path / name, ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry", "README.md"):
        shutil.copy2(PROJECT / name, path)
    (path / "conf" / "local").mkdir()
    (path / "conf" / "local" / "parameters.yml").write_text(json.dumps(SETTINGS))  # JSON is YAML
    return path


def moments_of(kills: int, length: float, draw: random.Random) -> Iterator[tuple[str, float]]:
    """Yield a signal and a moment for each kill: one in each of equally long parts, shuffled."""
    parts = draw.sample(range(kills), kills)
    for at, part in enumerate(parts):
        yield list(SIGNALS)[at % len(SIGNALS)], (part + draw.random()) / kills * length


def kill_a_copy(
    folder: Path, moments: Iterator[tuple[str, float]], expected: dict[str, Any]
) -> dict[str, Any] | None:
    """Kill a fresh copy until it ends by itself; ``None`` if no kill is left."""
    project, kills = folder / "copy", []
    shutil.rmtree(project, ignore_errors=True)
    kept: dict[str, tuple[int, str]] = {}
    for number, (name, moment) in enumerate(moments):
        if not number:
            copy_project(project)
        told = run(project, name, moment)
        after = trials_in(project)
        told |= {
            "lost": len(kept.keys() - after.keys()),
            "changed": sum(after.get(each) != kept[each] for each in kept),
            "damaged": damaged_trials(project),
            "kept": len(after),
        }
        kept = after
        if told["status"] == 0:  # it had ended before the moment came
            break
        kills.append({key: value for key, value in told.items() if key != "output"})
    if not project.exists():
        return None
    last = told if told["status"] == 0 else run(project)
    after = trials_in(project)
    return {
        "kills": kills,
        "status": last["status"],
        "output": last["output"][-3000:] if last["status"] else "",
        "changed": sum(after.get(each) != kept[each] for each in kept),
        "different": differences(results_of(project), expected) if not last["status"] else ["all"],
        "tracking": tracking_of(project),
        "left": sorted(each.name for each in (project / "data/06_models").rglob("*.part"))
        + sorted(each.name for each in (project / "data/06_models/checkpoints").glob("*")),
    }


def run(
    project: Path,
    name: str = "",
    moment: float = 0.0,
    reached: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Run the command; send it a signal after so many seconds, or as soon as something is so."""
    environment = {key: value for key, value in os.environ.items() if "MLFLOW" not in key}
    environment |= {"PYTHONPATH": str(project / "src"), "KEDRO_DISABLE_TELEMETRY": "1"}
    log = project / "output.txt"
    with log.open("w") as file:
        process = subprocess.Popen(
            COMMAND, cwd=project, env=environment, stdin=subprocess.DEVNULL,
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        began, children = time.monotonic(), []
        while name and process.poll() is None:
            if time.monotonic() - began >= moment or reached():
                children = psutil.Process(process.pid).children(recursive=True)
                process.send_signal(SIGNALS[name])
                break
            time.sleep(0.02)
        sent = time.monotonic()
        hung = False
        try:
            process.wait(MOST_SECONDS if name and children is not None else None)
        except subprocess.TimeoutExpired:
            hung = process.poll() is None and name != ""
            if hung:
                process.kill()
            process.wait()
    output = log.read_text(errors="replace")
    _, alive = psutil.wait_procs(children, timeout=10)
    return {
        "signal": name,
        "moment": round(moment, 2),
        "status": process.returncode,
        "stage": (NODE.findall(output) or ["start-up"])[-1],
        "seconds to end": round(time.monotonic() - sent, 2),
        "hung": hung,
        "traceback": "Traceback" in output,
        "says how to go on": "to go on: " in output,
        "alive": len(alive),
        "output": output,
    }


def summary(found: dict[str, Any]) -> str:
    """Count, in a few lines, what the promise is about."""
    copies = found["copies"]
    kills = [each for copy in copies for each in copy["kills"]]
    asked = [each for each in kills if each["signal"] in STATUS and each["status"] > 0]
    counted = {
        "kills": len(kills),
        "by signal": dict(Counter(each["signal"] for each in kills)),
        "stages": len({each["stage"] for each in kills}),
        "trials lost": sum(each["lost"] for each in kills),
        "finished trials changed": sum(each["changed"] for each in [*kills, *copies]),
        "damaged": sum(len(each["damaged"]) for each in kills),
        "copies that ended": f"{sum(copy['status'] == 0 for copy in copies)} of {len(copies)}",
        "different from an uninterrupted run": sum(bool(copy["different"]) for copy in copies),
        "files left": sum(len(copy["left"]) for copy in copies),
        "tracebacks": sum(each["traceback"] for each in kills),
        "hung": sum(each["hung"] for each in kills),
        "processes left": sum(each["alive"] for each in kills),
        "slowest to end, seconds": max((each["seconds to end"] for each in asked), default=None),
        "runs left RUNNING": sum(copy["tracking"]["runs"].get("RUNNING", 0) for copy in copies),
        "sweeps in MLflow": sum(copy["tracking"]["sweeps"] for copy in copies),
        "doubled runs": sum(len(copy["tracking"]["doubled"]) for copy in copies),
        "models PENDING": sum(copy["tracking"]["pending models"] for copy in copies),
        "versions": sum(copy["tracking"]["versions"] for copy in copies),
    }
    return "\n".join(f"{name}: {value}" for name, value in counted.items()) + "\n"


if __name__ == "__main__":
    main()
