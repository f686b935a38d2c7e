"""The performance targets, and whether they were reached."""

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.contestants import BLOG, CONTESTANTS, OURS
from benchmarks.workloads import WORKLOADS

NOISE = 0.05  # two runs of the same work differ by this much on an idle machine
NOT_MEASURED = "not measured"
# The stages of a whole run that correspond to the race's work and to keeping its results.
SWEEPING = ("compile", "train", "checkpoints", "track", "report")


@dataclass(frozen=True)
class Measured:
    """All measurements.

    Args:
        about: ``results.json``.
        roofline: ``roofline.json`` by workload.
        whole_runs: ``whole_runs.json``: ``command``, the engine's time ``alone`` for the
            race's sweep, each time it was measured, and the seconds by stage of three whole runs:
            that sweep (``raced``), the same with layers measured (``diagnosed``) and the default
            one (``default``).
    """

    about: dict[str, Any]
    roofline: dict[str, Any] = field(default_factory=dict)
    whole_runs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Measured":
        """Read a folder of results; the last two files may be missing."""
        about = json.loads((folder / "results.json").read_text())
        others = (folder / f"{name}.json" for name in ("roofline", "whole_runs"))
        return cls(about, *(json.loads(f.read_text()) if f.is_file() else {} for f in others))

    def best(self, workload: str, contestant: str) -> dict[str, Any] | None:
        """A contestant's fastest run on a workload; ``None`` if it has none."""
        return min(self._done(workload, contestant), key=_train_seconds, default=None)

    def fastest_runs(self, workload: str) -> dict[str, dict[str, Any]]:
        """Every contestant's fastest run on a workload; empty for a series of trial counts."""
        if WORKLOADS[workload].counts:
            return {}
        return {name: run for name in CONTESTANTS if (run := self.best(workload, name))}

    def by_count(self, workload: str) -> list[dict[str, Any]]:
        """Our fastest run for each number of trials, in ascending order."""
        fastest: dict[int, dict[str, Any]] = {}
        for run in sorted(self._done(workload, OURS), key=_train_seconds):
            fastest.setdefault(run["trials"], run)
        return [fastest[count] for count in sorted(fastest)]

    def ratio(self, workload: str, faster: str, slower: str) -> float | None:
        """Ratio of model-epochs per second; ``None`` if either has no run."""
        runs = [self.best(workload, name) for name in (faster, slower)]
        rates = [run["model_epochs_per_second"] for run in runs if run]
        return rates[0] / rates[1] if len(rates) == len(runs) else None

    def roofline_share(self, workload: str) -> float | None:
        """The bound as a share of our training time; ``None`` if either is missing."""
        bound, run = self.roofline.get(workload), self.best(workload, OURS)
        if not bound or not run or bound["trials"] != run["trials"]:
            return None
        return float(bound["bound_seconds"] / run["train_seconds"])

    @property
    def alone(self) -> float | None:
        """Mean seconds of the engine alone for the race's sweep; ``None`` if not measured."""
        runs = self.whole_runs.get("alone")
        return mean(map(_train_seconds, runs)) if runs else None

    def added(self, which: str) -> float | None:
        """The time that a whole run of the race's trials adds to training alone, as a share of it.

        Args:
            which: Name of the whole run.

        Returns:
            The share; ``None`` if either is missing or other trials were trained.
        """
        run = self.whole_runs.get(which)
        if not run or self.alone is None:
            return None
        if any(each["model_epochs"] != run["model_epochs"] for each in self.whole_runs["alone"]):
            return None
        return float(sum(run.get(stage, 0.0) for stage in SWEEPING) / self.alone - 1)

    def _done(self, workload: str, contestant: str) -> list[dict[str, Any]]:
        return [
            run
            for run in self.about["runs"]
            if (run["workload"], run["contestant"], run["status"]) == (workload, contestant, "done")
        ]


@dataclass(frozen=True)
class Target:
    """A row of the table of targets."""

    work: str
    against: str
    wanted: str
    reached: str
    verdict: str


def percent(share: float, digits: int = 0) -> str:
    """A share as a percentage, written as in the documentation: ``95 %``."""
    return f"{100 * share:.{digits}f} %"


def judge_targets(measured: Measured) -> list[Target]:
    """Compare the measured values with the targets.

    Args:
        measured: All measurements.

    Returns:
        One row per target, including those that were not measured.
    """
    mnist, digits = "the blog's three combinations, MNIST", "the default sweep, digits"
    lines = [
        _ratio(measured, mnist, "mnist", BLOG, 6),
        _ratio(measured, mnist, "mnist", "pytorch", 2.5),
        _ratio(measured, mnist, "mnist", "jax_vmap", 1.2),
        _share(measured, mnist, "mnist", 0.6),
        *(
            _ratio(measured, digits, "digits", name, 20)
            for name in (BLOG, "keras_tuner", "ray_tune")
        ),
        _scaling(measured),
    ]
    return lines + _whole_run(measured)


def _train_seconds(run: dict[str, Any]) -> float:
    return float(run["train_seconds"])


def _verdict(met: bool) -> str:
    return "reached" if met else "not reached"


def _ratio(measured: Measured, work: str, workload: str, peer: str, wanted: float) -> Target:
    ratio = measured.ratio(workload, OURS, peer)
    against = CONTESTANTS[peer].title
    if ratio is None:
        return Target(work, against, f"{wanted:g}×", NOT_MEASURED, "")
    return Target(work, against, f"{wanted:g}×", f"{ratio:.2f}×", _verdict(ratio >= wanted))


def _share(measured: Measured, work: str, workload: str, wanted: float) -> Target:
    share = measured.roofline_share(workload)
    against, target = "the machine's bound", f"{percent(wanted)} of it"
    if share is None:
        return Target(work, against, target, NOT_MEASURED, "")
    return Target(work, against, target, percent(share), _verdict(share >= wanted))


def _scaling(measured: Measured) -> Target:
    costs = [run["train_seconds"] / run["trials"] for run in measured.by_count("scaling")]
    work, against = "seconds per trial as trials are added, digits", "itself"
    wanted = f"never rises (by more than {percent(NOISE)}, the noise)"
    if len(costs) < 2:
        return Target(work, against, wanted, NOT_MEASURED, "")
    rise = max(after / before - 1 for before, after in pairwise(costs))
    change = f"largest rise {percent(rise)}" if rise > 0 else "falls at every step"
    reached = f"{costs[0]:.2f} → {costs[-1]:.3f} s; {change}"
    return Target(work, against, wanted, reached, _verdict(rise <= NOISE))


def _added(share: float | None, work: str) -> Target:
    wanted = "25 % at most"
    if share is None:
        return Target(work, "training alone", wanted, NOT_MEASURED, "")
    return Target(work, "training alone", wanted, percent(share), _verdict(share <= 0.25))


def _whole_run(measured: Measured) -> list[Target]:
    """The time that a whole run adds to the race's training of the same trials, and the clock."""
    clock = measured.whole_runs.get("default", {}).get("clock")
    return [
        _added(measured.added("raced"), "MLflow, checkpoints and reporting, digits"),
        _added(
            measured.added("diagnosed"),
            "MLflow, checkpoints, reporting and layer measurements (the default), digits",
        ),
        Target(
            "`kedro run --pipeline=train`, the whole command",
            "the clock",
            "60 s at most",
            NOT_MEASURED if clock is None else f"{clock:.0f} s",
            "" if clock is None else _verdict(clock <= 60),
        ),
    ]
