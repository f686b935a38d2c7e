"""Kill the real command at random moments and count what is lost: ``python -m benchmarks.kills``.

A copy of the project runs ``kedro run --pipeline=train`` on a small grid. The command is killed at
a random moment, started again, killed again, and after a few kills left to end; then everything is
compared with a run that nobody killed, and a new copy begins. Moments are spread evenly over the
time of an uninterrupted run: each is so many seconds after the beginning of a node. Nothing may be
lost, trained again, damaged or different.
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
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from benchmarks.kill_checks import (
    CHECKPOINTS,
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
STATUS = {"SIGTERM": 143, "SIGINT": 130}  # -15 and -2 before the command listens
MOST_SECONDS = 20.0  # until a process that was asked to stop is called hung
# Both engines, a screening, dropout, a fold for each seed, networks that are trained anew to be
# served, and trials that are long beside the seconds between two checkpoints.
SETTINGS = {
    "network": {"hidden": [16], "dropout": 0.2},
    "grid": {"activations": ["relu"], "optimizers": ["adam", "lamb"]},
    "training": {"epochs": 40, "batch_size": 128, "seeds": [0, 1, 2, 3], "checkpoint_seconds": 0.5},
    "screening": {"epochs": 5, "factors": [1, 3], "extensions": 0},
    "callbacks": {"reduce_on_plateau": {"enabled": True}},
    "evaluation": {"resamples": 100},
}
KILLS_OF_A_COPY = 5
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
    draw = random.Random(given.seed)  # noqa: S311
    with TemporaryDirectory() as folder:
        whole = copy_project(Path(folder, "whole"), SETTINGS)
        uninterrupted = run(whole)
        found["seconds"] = uninterrupted["seconds"]
        if uninterrupted["status"] != 0:
            raise SystemExit(uninterrupted["output"])
        moments = moments_of(given.kills, uninterrupted, draw)
        expected = results_of(whole)
        while time.monotonic() < ends and (own := list(islice(moments, KILLS_OF_A_COPY))):
            found["copies"].append(
                kill_a_copy(Path(folder, f"copy{len(found['copies'])}"), own, expected)
            )
            file.write_text(json.dumps(found, indent=1))
            print(summary(found), flush=True)
    print(f"kills: {file}")


def copy_project(path: Path, settings: dict[str, Any]) -> Path:
    """Copy what a run needs, with these settings over its own."""
    for name in ("conf", "src"):
        shutil.copytree(PROJECT / name, path / name, ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry", "README.md"):
        shutil.copy2(PROJECT / name, path)
    (path / "conf" / "local").mkdir()
    (path / "conf" / "local" / "parameters.yml").write_text(json.dumps(settings))  # JSON is YAML
    return path


@dataclass(frozen=True)
class Moment:
    """A signal, and when to send it: so many seconds after a node began, or the first one later."""

    signal: str
    nodes: tuple[str, ...]  # that node, and those after it, since it may be up to date
    seconds: float

    def is_due(self, begins: dict[str, float], now: float) -> bool:
        """Whether to send it, given when nodes began; the name of the process's start is empty."""
        began = [begins[node] for node in self.nodes if node in begins]
        return bool(began) and now - min(began) >= self.seconds


def moments_of(kills: int, whole: dict[str, Any], draw: random.Random) -> Iterator[Moment]:
    """Yield one moment in each of so many equally long parts of a whole run, shuffled."""
    begins = {"": 0.0, **whole["begins"]}
    for at, part in enumerate(draw.sample(range(kills), kills)):
        passed = (part + draw.random()) / kills * whole["seconds"]
        names = list(begins)
        first = max(number for number, name in enumerate(names) if begins[name] <= passed)
        since = passed - begins[names[first]]
        yield Moment(list(SIGNALS)[at % len(SIGNALS)], tuple(names[first:]), since)


def kill_a_copy(project: Path, moments: list[Moment], expected: dict[str, Any]) -> dict[str, Any]:
    """Kill a fresh copy at each of these moments, let it end, and compare."""
    copy_project(project, SETTINGS)
    kills, kept = [], dict[str, tuple[int, str]]()
    for moment in moments:
        told = run(project, moment)
        after = trials_in(project)
        told |= {
            "lost": len(kept.keys() - after.keys()),
            "changed": sum(after.get(each) != kept[each] for each in kept),
            "damaged": damaged_trials(project),
            "kept": len(after),
            "checkpoints": len(list((project / CHECKPOINTS).glob("*.npz"))),
        }
        kept = after
        kills.append({key: value for key, value in told.items() if key not in ("begins", "output")})
    last = run(project)
    after = trials_in(project)
    return {
        "kills": kills,
        "status": last["status"],
        "output": last["output"][-3000:] if last["status"] else "",
        "continued": "from the last checkpoint" in last["output"],
        "changed": sum(after.get(each) != kept[each] for each in kept),
        "different": differences(results_of(project), expected) if not last["status"] else ["all"],
        "tracking": tracking_of(project),
        "left": sorted(each.name for each in (project / CHECKPOINTS).glob("*")),
    }


def run(project: Path, moment: Moment | None = None) -> dict[str, Any]:
    """Run the command, send it a signal at a moment, and tell how it ended."""
    environment = {key: value for key, value in os.environ.items() if "MLFLOW" not in key}
    environment |= {"PYTHONPATH": str(project / "src"), "KEDRO_DISABLE_TELEMETRY": "1"}
    log, begins, sent = project / "output.txt", dict[str, float](), None
    children: list[psutil.Process] = []
    with log.open("w") as file:
        process = subprocess.Popen(
            COMMAND, cwd=project, env=environment, stdin=subprocess.DEVNULL,
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    began = time.monotonic()
    while process.poll() is None:
        now = time.monotonic() - began
        for node in NODE.findall(log.read_text(errors="replace")):
            begins.setdefault(node, now)
        if moment and sent is None and moment.is_due({"": 0.0, **begins}, now):
            children = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(SIGNALS[moment.signal])
            sent = now
        if sent is not None and now - sent > MOST_SECONDS:
            process.kill()
        time.sleep(0.05)
    ended = time.monotonic() - began
    output = log.read_text(errors="replace")
    _, alive = psutil.wait_procs(children, timeout=10)
    return {
        "signal": moment.signal if moment and sent is not None else "",
        "status": process.returncode,
        "seconds": round(ended, 2),
        "begins": begins,
        "stage": list(begins)[-1] if begins else "start-up",
        "seconds to end": round(ended - sent, 2) if sent is not None else None,
        "traceback": "Traceback" in output,
        "says how to go on": "to go on: " in output,
        "alive": len(alive),
        "output": output,
    }


def summary(found: dict[str, Any]) -> str:
    """Count, in a few lines, what the promise is about."""
    copies = found["copies"]
    runs = [each for copy in copies for each in copy["kills"]]
    kills = [each for each in runs if each["signal"]]
    asked = [each for each in kills if each["signal"] in STATUS]
    counted = {
        "kills": len(kills),
        "by signal": dict(Counter(each["signal"] for each in kills)),
        "stages": len({each["stage"] for each in kills}),
        "after which a checkpoint was there": sum(bool(each["checkpoints"]) for each in kills),
        "trials lost": sum(each["lost"] for each in runs),
        "finished trials changed": sum(each["changed"] for each in [*runs, *copies]),
        "damaged": sum(len(each["damaged"]) for each in runs),
        "copies that ended": f"{sum(copy['status'] == 0 for copy in copies)} of {len(copies)}",
        "different from an uninterrupted run": sum(bool(copy["different"]) for copy in copies),
        "files left": sum(len(copy["left"]) for copy in copies),
        "tracebacks": sum(each["traceback"] for each in kills),
        "hung": sum(each["seconds to end"] > MOST_SECONDS for each in kills),
        "SIGTERM and SIGINT by status": dict(Counter(each["status"] for each in asked)),
        "processes left": sum(each["alive"] for each in kills),
        "slowest to end, seconds": max((each["seconds to end"] for each in asked), default=0),
        "runs left RUNNING": sum(copy["tracking"]["runs"].get("RUNNING", 0) for copy in copies),
        "sweeps in MLflow": sum(copy["tracking"]["sweeps"] for copy in copies),
        "doubled runs": sum(len(copy["tracking"]["doubled"]) for copy in copies),
        "models PENDING": sum(copy["tracking"]["pending models"] for copy in copies),
        "versions": sum(copy["tracking"]["versions"] for copy in copies),
    }
    return "\n".join(f"{name}: {value}" for name, value in counted.items()) + "\n"


if __name__ == "__main__":
    main()
