"""Measure everything for the page on performance: ``python -m benchmarks --source-dir …``."""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks import run
from benchmarks.render import PAGE


def main() -> None:
    """Race the contestants, measure the machine, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    run.add_options(parser)
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to write")
    given = parser.parse_args()
    run.run(given)
    # Separate processes keep this one small, so that it does not affect the measurements.
    for module, more in (
        ("roofline", []),
        ("whole_run", []),
        ("render", ["--page", str(given.page)]),
    ):
        command = [sys.executable, "-m", f"benchmarks.{module}", "--results", str(given.results)]
        subprocess.run([*command, *more], check=True)


if __name__ == "__main__":
    main()
