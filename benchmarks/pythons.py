"""Compare the same sweep under several versions of Python: ``python -m benchmarks.pythons PATHS``.

Each path is a Python with the project's requirements installed. With each, a copy of the project
runs the default sweep until the champion is registered; the first one's results are what the
others' are compared with.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from benchmarks.kills import copy_project

ARGUMENTS = ["-m", "kedro", "run", "--pipeline=train", "--to-nodes=describe_champion"]
VERSIONS = (
    "import importlib.metadata as m, platform;"
    "print(platform.python_version(), *(m.version(n) for n in ('tensorflow', 'keras', 'numpy')))"
)


def sweep(python: str, folder: Path, options: list[str]) -> dict[str, Any]:
    """Run the sweep in a new copy of the project.

    Returns:
        ``versions`` of Python, TensorFlow, Keras and NumPy, ``seconds``, the ``leaderboard`` and
        the ``champion``'s record.
    """
    copy_project(folder, {})
    environment = {"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    began = time.monotonic()
    done = subprocess.run(
        [python, *ARGUMENTS, *options], cwd=folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    reports = folder / "data/08_reporting/digits"
    said = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True)
    return {
        "versions": said.stdout.split(),
        "seconds": time.monotonic() - began,
        "leaderboard": pd.read_csv(reports / "leaderboard.csv"),
        "champion": json.loads((reports / "champion.json").read_text()),
    }


def row(found: dict[str, Any], first: dict[str, Any]) -> str:
    """Write a row of the table: what was found under one version, beside the first."""
    tables = [each["leaderboard"].set_index("combination") for each in (first, found)]
    metric = next(name for name in tables[0] if name.startswith("val_") and name.endswith("_mean"))
    scores = [table[metric].reindex(tables[0].index) for table in tables]
    apart = (scores[0] - scores[1]).abs()
    tests = [each["champion"]["test"]["accuracy"]["value"] for each in (first, found)]
    columns = [
        *found["versions"],
        found["champion"]["combination"],
        f"{tests[1]:.4f}",
        f"{(apart == 0).sum()} of {len(apart)}",
        f"{apart.max():.4f}",
        f"{(tables[0].index == tables[1].index).sum()} of {len(apart)}",
        f"{found['seconds']:.0f}",
    ]
    return f"| {' | '.join(columns)} |"


def main() -> None:
    """Run the sweep under every Python and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="+", help="paths of Python interpreters")
    parser.add_argument("--params", help="as for kedro run")
    given = parser.parse_args()
    options = [f"--params={given.params}"] if given.params else []
    print(
        "| Python | TensorFlow | Keras | NumPy | champion | its test accuracy | equal means | "
        "largest difference of a mean | same rank | seconds |\n|" + " --- |" * 10
    )
    found: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        for at, python in enumerate(given.pythons):
            found.append(sweep(python, Path(folder, str(at)), options))
            print(row(found[-1], found[0]), flush=True)


if __name__ == "__main__":
    main()
