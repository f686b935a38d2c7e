"""Searches under an equal limit of time: ``python -m benchmarks.search --minutes 10``.

Each contestant searches the same space on the same rows in a process of its own (see
``search_one``). Every run is added to a file of results at once, and what is in it already is not
run again, so that a race can be run in pieces and in any order. ``--table`` prints what there is.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.searchers import CONTESTANTS, TASKS

RESULTS = Path(__file__).parent / "results" / "search.json"
MARKS = (15, 30, 60, 120, 300, 600)  # seconds, at which the table looks
OURS = "dnn_sweep"
PACKAGES = ("dnn-sweep", "tensorflow", "keras", "optuna", "keras-tuner", "ray")
SPARE = 300.0  # seconds that a run may take beyond its limit, for the test rows
Run = dict[str, Any]


def race(given: argparse.Namespace) -> None:
    """Run what was asked for and is not there yet, contestants in turn."""
    seconds = 60 * given.minutes
    for seed in given.seed or range(given.seeds):
        for task in given.task or TASKS:
            for name in given.contestant or CONTESTANTS:
                runs = read(given.results)
                key = {"task": task, "contestant": name, "seed": seed, "limit": seconds}
                if any(key.items() <= each.items() for each in runs):
                    continue
                done = key | _run(name, task, seed, seconds, given.source_dir)
                given.results.parent.mkdir(parents=True, exist_ok=True)
                draft = given.results.with_suffix(".part")
                draft.write_text(json.dumps([*runs, done], indent=1))
                draft.replace(given.results)
                print(describe(done), flush=True)


def read(file: Path) -> list[Run]:
    """All runs so far."""
    found: list[Run] = json.loads(file.read_text()) if file.is_file() else []
    return found


def _run(name: str, task: str, seed: int, seconds: float, source_dir: str | None) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        rows, result = Path(folder) / "rows", Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.search_rows", task, str(seed), str(rows)]
        command += [f"--source-dir={source_dir}"] if source_dir else []
        _call(command, 600.0)
        load = os.getloadavg()[0]
        command = [sys.executable, "-m", "benchmarks.search_one", name, str(rows), str(seed)]
        _call([*command, str(seconds), str(result)], seconds + SPARE)
        about = {
            "date": date.today().isoformat(),
            "machine": describe_machine(),
            "versions": _versions(),
            "load_before": round(load, 2),
        }
        measured: Run = json.loads(result.read_text())
    return about | measured


def _call(command: list[str], limit: float) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:5])} failed:\n{(done.stdout + done.stderr)[-3000:]}")


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def describe(run: Run) -> str:
    """A run in one line."""
    last = run["best"][-1] if run["best"] else {"validation": 0.0, "test": 0.0, "seconds": 0.0}
    return (
        f"{run['task']:14}{run['contestant']:22} seed {run['seed']}  {run['limit']:.0f} s: "
        f"validation {last['validation']:.4f} (test {last['test']:.4f}) after "
        f"{last['seconds']:.1f} s, {run['trained']} networks, {run['cpu_seconds']:.0f} s of "
        f"processor time, load before {run['load_before']}"
    )


def at(run: Run, seconds: float, what: str = "validation") -> float:
    """The best score on the validation rows after so many seconds, or the same network's test."""
    found = [each[what] for each in run["best"] if each["seconds"] <= seconds]
    return found[-1] if found else 0.0


def reached(run: Run, score: float) -> float:
    """Second at which a score on the validation rows was reached; infinite if it was not."""
    return next((p["seconds"] for p in run["best"] if p["validation"] >= score), float("inf"))


def tables(runs: list[Run]) -> Iterator[str]:
    """Markdown tables: for each task and limit the scores over time, and when ours caught up."""
    for task, limit in sorted({(each["task"], each["limit"]) for each in runs}):
        own = [each for each in runs if (each["task"], each["limit"]) == (task, limit)]
        marks = [mark for mark in MARKS if mark <= limit]
        yield f"\n{task}, {limit / 60:g} minutes: validation / test, median over the seeds\n"
        heads = [f"{mark} s" for mark in marks]
        heads = ["contestant", "seeds", *heads, "networks", "ours reaches its best after"]
        yield _row(heads)
        yield _row(["---"] * len(heads))
        ours = {each["seed"]: each for each in own if each["contestant"] == OURS}
        for name in [each for each in CONTESTANTS if any(each == r["contestant"] for r in own)]:
            found = [each for each in own if each["contestant"] == name]
            cells = [
                " / ".join(
                    f"{median(at(each, mark, what) for each in found):.4f}"
                    for what in ("validation", "test")
                )
                for mark in marks
            ]
            both = [each for each in found if each["seed"] in ours and name != OURS]
            seconds = [reached(ours[each["seed"]], at(each, limit)) for each in both]
            caught = f"{median(seconds):.0f} s" if seconds else ""
            trained = f"{median(each['trained'] for each in found):.0f}"
            yield _row([name, str(len(found)), *cells, trained, caught])
        yield from _against_all(own, ours, limit)


def _against_all(own: list[Run], ours: dict[int, Run], limit: float) -> Iterator[str]:
    """When ours reached the best that any peer has after all of the time, on the same rows."""
    best: dict[int, float] = {}
    for each in own:
        if each["contestant"] != OURS and each["seed"] in ours:
            best[each["seed"]] = max(best.get(each["seed"], 0.0), at(each, limit))
    if best:
        seconds = [reached(ours[seed], score) for seed, score in best.items()]
        listed = ", ".join(f"{each:.0f}" for each in sorted(seconds))
        yield f"\nThe best of all peers is reached after {median(seconds):.0f} s ({listed})."


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", action="append", choices=TASKS)
    parser.add_argument("--contestant", action="append", choices=CONTESTANTS)
    parser.add_argument("--seed", action="append", type=int, help="only this one; may be repeated")
    parser.add_argument("--seeds", type=int, default=5, help="from 0 (default: 5)")
    parser.add_argument("--minutes", type=float, default=1.0, help="for each run (default: 1)")
    parser.add_argument("--source-dir", default=os.environ.get("DNN_SWEEP_SOURCE_DIR"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="run nothing, print the tables")
    asked = parser.parse_args()
    if not asked.table:
        race(asked)
    for line in tables(read(asked.results)):
        print(line, flush=True)
