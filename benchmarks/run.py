"""Race the contestants: ``python -m benchmarks.run --source-dir … --workload mnist …``."""

import argparse
import json
import os
import re
import shlex
import signal
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.contestants import CONTESTANTS, OURS, PackageNotFoundError
from benchmarks.isa import XLA_FLAGS, environment
from benchmarks.machine import describe_machine
from benchmarks.processes import run_measured
from benchmarks.workloads import WORKLOADS, Workload

RESULTS = Path(__file__).parent / "results"
PREPARING_SECONDS = 600
OPTIONS = ("epochs", "seeds", "all_trials", "isa")  # that must be equal to be compared


@dataclass(frozen=True)
class Race:
    """Contestants on one workload, prepared.

    Args:
        name: The workload.
        folder: Folder with its data and plan.
        trials: The plan's trials.
        slow_seeds: Number of replicates for contestants that train one trial after another.
        slow_share: Contestants that do not stack combinations train every n-th of them.
        counts: Numbers of trials, with one race each; empty for all trials.
        contestants: The contestants that take part.
    """

    name: str
    folder: Path
    trials: list[dict[str, Any]]
    slow_seeds: int
    slow_share: int
    counts: tuple[int, ...]
    contestants: list[str]

    def positions(self, contestant: str, count: int) -> list[int]:
        """The trials that a contestant trains, as positions in the plan."""
        chosen = CONTESTANTS[contestant]
        activations = list(dict.fromkeys(trial["activation"] for trial in self.trials))
        optimizers = list(dict.fromkeys(trial["optimizer"] for trial in self.trials))

        def takes(trial: dict[str, Any]) -> bool:
            place = activations.index(trial["activation"]) + optimizers.index(trial["optimizer"])
            return (
                chosen.trains(trial)
                and (bool(chosen.stacks) or trial["seed"] < self.slow_seeds)
                and (chosen.stacks == "sweep" or place % self.slow_share == 0)
            )

        return [at for at, trial in enumerate(self.trials[:count]) if takes(trial)]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run."""
    parser.add_argument(
        "--workload", action="append", choices=WORKLOADS, help="default: all but quick"
    )
    parser.add_argument("--contestant", action="append", choices=CONTESTANTS, help="default: all")
    parser.add_argument("--epochs", type=int, help="instead of the workload's")
    parser.add_argument("--seeds", type=int, help="instead of the workload's")
    parser.add_argument("--repeats", type=int, default=1, help="the fastest counts (default: 1)")
    parser.add_argument("--again", action="store_true", help="add to what was measured before")
    parser.add_argument("--source-dir", help="folder with MNIST's IDX files; else downloaded once")
    parser.add_argument("--all-trials", action="store_true", help="no subset for anyone")
    parser.add_argument("--isa", choices=XLA_FLAGS, help="run code of this instruction set")
    parser.add_argument("--no-warm-up", action="store_true", help="measure at once")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for one run")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to write to")


def run(given: argparse.Namespace) -> Path:
    """Race all contestants that were asked for.

    Args:
        given: The options.

    Returns:
        The file of results, rewritten after every run.
    """
    # Raise an exception, so that a running contestant is ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    given.results.mkdir(parents=True, exist_ok=True)
    file = given.results / "results.json"
    contestants = given.contestant or list(CONTESTANTS)
    versions, absent = _find_installed(contestants)
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "command": _command(sys.argv),
        "machine": describe_machine(given.isa),
        "versions": versions,
        "absent": absent,
        "options": {name: getattr(given, name) for name in OPTIONS},
        "repeats": given.repeats,
        "warmed": not given.no_warm_up,
        "runs": [],
    }
    if given.again and file.is_file():
        results = _beside(json.loads(file.read_text()), results)
    first = results["repeats"] - given.repeats
    present = [name for name in contestants if name not in absent]
    if not given.no_warm_up:
        warm_up = _prepare("quick", given, "warm-up", seeds=1, epochs=1)
        for name in present:
            _report(_measure(warm_up, name, [0], 0, given), "warm-up")
    every = [name for name, workload in WORKLOADS.items() if not workload.on_request]
    races = [_prepare(name, given, name) for name in given.workload or every]
    for repeat in range(first, first + given.repeats):
        for race in races:
            for count in race.counts or (len(race.trials),):
                for name in (each for each in race.contestants if each in present):
                    positions = race.positions(name, count)
                    if not positions:
                        continue
                    measured = _measure(race, name, positions, repeat, given)
                    results["runs"].append(measured | {"offered": count})
                    _report(measured, race.name)
                    file.write_text(json.dumps(results, indent=1))
    file.write_text(json.dumps(results, indent=1))
    print(f"results: {file}")
    return file


def _beside(earlier: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
    """Results to add to earlier ones, if the two can be compared."""
    for what in ("machine", "versions", "options"):
        shared = results[what].keys() & earlier.get(what, {}).keys()
        if changed := sorted(name for name in shared if results[what][name] != earlier[what][name]):
            raise SystemExit(f"--again: {what} changed since: {', '.join(changed)}")
    return results | {
        "command": f"{earlier['command']} && {results['command']}",
        "versions": earlier["versions"] | results["versions"],
        "absent": earlier["absent"] | results["absent"],
        "repeats": earlier["repeats"] + results["repeats"],
        "runs": earlier["runs"],
    }


def _prepare(
    name: str,
    given: argparse.Namespace,
    label: str,
    seeds: int | None = None,
    epochs: int | None = None,
) -> Race:
    workload: Workload = WORKLOADS[name]
    seeds = seeds or given.seeds or workload.seeds
    epochs = epochs or given.epochs or workload.epochs
    folder = given.results / "work" / label
    command = [sys.executable, "-m", "benchmarks.prepare", name, str(folder)]
    command += ["--seeds", str(seeds), "--epochs", str(epochs)]
    if given.source_dir:
        command += ["--source-dir", given.source_dir]
    prepared = run_measured(command, PREPARING_SECONDS)
    if prepared.code:
        raise SystemExit(f"{name} could not be prepared:\n{prepared.output[-3000:]}")
    trials = json.loads((folder / "plan.json").read_text())["trials"]
    asked = given.contestant or CONTESTANTS
    return Race(
        name=name,
        folder=folder,
        trials=trials,
        slow_seeds=seeds if given.all_trials else workload.slow_seeds,
        slow_share=1 if given.all_trials else workload.slow_share,
        counts=tuple(count for count in workload.counts if count <= len(trials)),
        contestants=[each for each in asked if each == OURS or not workload.ours_only],
    )


def _measure(
    race: Race, name: str, positions: list[int], repeat: int, given: argparse.Namespace
) -> dict[str, Any]:
    job, answer = (given.results / "work" / each for each in ("job.json", "answer.json"))
    answer.unlink(missing_ok=True)
    job.write_text(
        json.dumps(
            {
                "contestant": name,
                "folder": str(race.folder.resolve()),
                "positions": positions,
                "result": str(answer.resolve()),
            }
        )
    )
    load = os.getloadavg()[0]
    command = [sys.executable, "-m", "benchmarks.contest", str(job)]
    own = environment(given.isa, ours=name.startswith(OURS))
    finished = run_measured(command, given.timeout, own)
    about = {
        "workload": race.name,
        "contestant": name,
        "repeat": repeat,
        "trials": len(positions),
        "load_before": round(load, 2),
        "total_seconds": finished.seconds,
    }
    if finished.code or not answer.is_file():
        return about | {"status": "failed", "message": finished.output[-3000:]}
    result = json.loads(answer.read_text())
    curves = result.pop("curves")
    model_epochs = sum(len(curve["val_accuracy"]) for curve in curves)
    return (
        about
        | result
        | {
            "status": "done",
            "peak_mib": max(result["peak_mib"], finished.peak_mib),
            "model_epochs": model_epochs,
            "model_epochs_per_second": model_epochs / result["train_seconds"],
            "steps": sorted({curve["steps"] for curve in curves}),
            "seeds": sorted({curve["seed"] for curve in curves}),
            "val_accuracy": _final_by_combination(curves, "val_accuracy"),
            "val_loss": _final_by_combination(curves, "val_loss"),
        }
    )


def _final_by_combination(curves: list[dict[str, Any]], metric: str) -> dict[str, float]:
    found = defaultdict(list)
    for curve in curves:
        found[curve["combination"]].append(curve[metric][-1])
    return {combination: fmean(values) for combination, values in found.items()}


def _find_installed(contestants: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Versions of the installed packages, and the missing package of every other contestant."""
    versions: dict[str, str] = {}
    absent: dict[str, str] = {}
    for name in contestants:
        try:
            versions |= CONTESTANTS[name].versions()
        except PackageNotFoundError as missing:
            absent[name] = f"not installed: {missing.name}"
            print(f"{name}: {absent[name]} (see benchmarks/README.md)", flush=True)
    return versions, absent


def _report(measured: dict[str, Any], label: str) -> None:
    what = f"{label:8} {measured['contestant']:16} {measured['trials']:4} trials"
    if measured["status"] == "failed":
        print(f"{what}  FAILED\n{measured['message']}", flush=True)
        return
    print(
        f"{what}  {measured['train_seconds']:8.2f} s training, {measured['total_seconds']:8.2f} s "
        f"total, {measured['model_epochs_per_second']:8.2f} model-epochs/s, "
        f"{measured['peak_mib']:6.0f} MiB, validation accuracy "
        f"{fmean(measured['val_accuracy'].values()):.3f}",
        flush=True,
    )


def _command(argv: list[str]) -> str:
    """The command as others would type it, without the names of local folders."""
    name = Path(argv[0]).stem
    module = "benchmarks" if name == "__main__" else f"benchmarks.{name}"
    typed = shlex.join(["python", "-m", module, *argv[1:]])
    typed = re.sub(r" --(results|page)[= ]\S+", "", typed)
    return re.sub(r"--source-dir[= ]\S+", "--source-dir FOLDER", typed)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    run(parser.parse_args())


if __name__ == "__main__":
    main()
