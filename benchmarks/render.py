"""Write the page on performance from the measurements: ``python -m benchmarks.render``."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.contestants import BLOG, CONTESTANTS, OURS
from benchmarks.run import RESULTS
from benchmarks.targets import NOT_MEASURED, Measured, judge_targets, percent
from benchmarks.workloads import WORKLOADS

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
Run = Mapping[str, Any]


def render_page(measured: Measured) -> str:
    """The page in Markdown.

    Args:
        measured: All measurements.

    Returns:
        The template ``performance.md.j2`` with every figure filled in.
    """
    pages = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701  (Markdown of our own figures)
    )
    targets = [
        (each.work, each.against, each.wanted, each.reached, each.verdict)
        for each in judge_targets(measured)
    ]
    found = {name: measured.fastest_runs(name) for name in WORKLOADS}
    races = [_race(measured, name, runs) for name, runs in found.items() if runs]
    return (
        pages.get_template("performance.md.j2")
        .render(
            about=measured.about,
            repeats=_repeats(measured.about["runs"]),
            load=max((run["load_before"] for run in measured.about["runs"]), default=0),
            targets=_table(("work", "compared with", "target", "reached", ""), targets),
            races=races,
            scaling=_scaling(measured.by_count("scaling")),
            roofline=_roofline(measured),
            whole=_whole_runs(measured),
            absent=_absent(measured.about),
        )
        .strip()
        + "\n"
    )


def _repeats(runs: Iterable[Run]) -> str:
    """How often contestants were measured per workload; the maximum if that differs."""
    counts: dict[str, int] = {}
    for run in runs:
        counts[run["workload"]] = max(counts.get(run["workload"], 1), run["repeat"] + 1)
    if all(count == 1 for count in counts.values()):
        return "once"
    times = ", ".join(f"{WORKLOADS[name].title} {count}×" for name, count in counts.items())
    return f"{times} at most, in turn; the fastest run counts"


def _race(measured: Measured, name: str, runs: Mapping[str, Run]) -> dict[str, Any]:
    reference = OURS if OURS in runs else next(iter(runs))
    rows = [
        (
            CONTESTANTS[contestant].title,
            f"{run['trials']:,}",
            f"{run['model_epochs_per_second']:.2f}",
            _times(measured.ratio(name, contestant, BLOG)),
            _times(measured.ratio(name, OURS, contestant)),
            f"{run['train_seconds']:.1f}",
            f"{run['total_seconds']:.1f}",
            f"{run['peak_mib']:,.0f}",
            _difference(run["val_accuracy"], runs[reference]["val_accuracy"]),
        )
        for contestant, run in runs.items()
    ]
    heads = (
        "contestant",
        "trials",
        "model-epochs/s",
        "against the blog's loop",
        "dnn-sweep against it",
        "training, s",
        "total, s",
        "memory, MiB",
        "difference in accuracy",
    )
    combinations = dict.fromkeys(each for run in runs.values() for each in run["val_accuracy"])
    accuracies = [
        (each, *(_accuracy(run["val_accuracy"].get(each)) for run in runs.values()))
        for each in combinations
    ]
    offered = max(run["offered"] for run in runs.values())
    return {
        "title": WORKLOADS[name].title,
        "offered": f"{offered:,}",
        "epochs": next(iter(runs.values()))["epochs"],
        "subset": any(run["trials"] < offered for run in runs.values()),
        "reference": CONTESTANTS[reference].title,
        "table": _table(heads, rows),
        "contestants": [(CONTESTANTS[each].title, CONTESTANTS[each].how) for each in runs],
        "accuracies": _table(
            ("combination", *(CONTESTANTS[each].title for each in runs)), accuracies
        ),
    }


def _scaling(runs: Sequence[Run]) -> dict[str, Any] | None:
    if not runs:
        return None
    rows = [
        (
            f"{run['trials']:,}",
            f"{run['train_seconds']:.2f}",
            f"{run['train_seconds'] / run['trials']:.3f}",
            f"{run['model_epochs_per_second']:.1f}",
            f"{run['peak_mib']:,.0f}",
        )
        for run in runs
    ]
    heads = ("trials", "training, s", "s per trial", "model-epochs/s", "memory, MiB")
    title = WORKLOADS["scaling"].title
    return {"title": title, "epochs": runs[0]["epochs"], "table": _table(heads, rows)}


def _roofline(measured: Measured) -> dict[str, Any] | None:
    rows, limits = [], []
    for name, bound in measured.roofline.items():
        run = measured.best(name, OURS)
        share = measured.roofline_share(name)
        least = bound["bound_seconds"]
        parts = ("products_seconds", "validation_seconds", "traffic_seconds")
        rates = [stack["gflops"] for stack in bound["stacks"]]
        rows.append(
            (
                WORKLOADS[name].title,
                f"{least:.1f}",
                *(percent(bound[part] / least) for part in parts),
                f"{min(rates):.0f}–{max(rates):.0f}",
                f"{run['train_seconds']:.1f}" if run else NOT_MEASURED,
                percent(share) if share else NOT_MEASURED,
            )
        )
        if run and share:
            seconds = run["train_seconds"]
            limits.append((WORKLOADS[name].title, f"{seconds:.1f}", f"{seconds - least:.1f}"))
    heads = (
        "work",
        "bound, s",
        "products of the steps",
        "products of the validation",
        "the optimizer's memory traffic",
        "GFLOP/s",
        "dnn-sweep's training, s",
        "bound / dnn-sweep's training",
    )
    return {"table": _table(heads, rows), "limits": limits} if rows else None


def _whole_runs(measured: Measured) -> dict[str, Any] | None:
    runs = measured.whole_runs
    if not runs:
        return None
    heads = {
        "raced": "the race's sweep, s",
        "diagnosed": "the same, layers measured, s",
        "default": "the default sweep, s",
    }
    stages = [stage for stage in runs["raced"] if not stage.startswith("model_epochs")]
    rows = [(stage, *(f"{runs[which].get(stage, 0.0):.1f}" for which in heads)) for stage in stages]
    return {
        "command": runs["command"],
        "alone": " and ".join(f"{run['train_seconds']:.1f}" for run in runs["alone"]),
        "added": [
            NOT_MEASURED if (share := measured.added(which)) is None else percent(share)
            for which in ("raced", "diagnosed")
        ],
        "table": _table(("stage", *heads.values()), rows),
        "epochs": [f"{runs[which]['model_epochs']:,.0f}" for which in ("raced", "default")],
    }


def _absent(about: Mapping[str, Any]) -> list[str]:
    ran = {run["contestant"] for run in about["runs"]}
    lines = [
        f"{CONTESTANTS[name].title}: {why}"
        for name, why in about["absent"].items()
        if name not in ran
    ]
    lines += [
        f"{CONTESTANTS[run['contestant']].title} on {WORKLOADS[run['workload']].title}: failed"
        for run in about["runs"]
        if run["status"] == "failed"
    ]
    return list(dict.fromkeys(lines))


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}×"


def _difference(accuracies: Mapping[str, float], reference: Mapping[str, float]) -> str:
    """Mean difference over the combinations that both trained."""
    shared = accuracies.keys() & reference.keys()
    return f"{fmean(accuracies[each] - reference[each] for each in shared):+.3f}" if shared else "–"


def _accuracy(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Read the command line and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder to read")
    parser.add_argument("--page", type=Path, default=PAGE, help="file to write")
    given = parser.parse_args()
    given.page.write_text(render_page(Measured.read(given.results)))
    print(f"page: {given.page}")


if __name__ == "__main__":
    main()
