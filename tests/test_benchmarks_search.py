"""A race of searches can be run in pieces, and its tables say who was how good when."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.isa import environment
from benchmarks.search import reached, tables

ROOT = Path(__file__).resolve().parents[1]


def found(contestant, seed, *points, limit=60.0):
    best = [
        {"seconds": at, "validation": validation, "test": test} for at, validation, test in points
    ]
    about = {"task": "digits", "contestant": contestant, "seed": seed, "limit": limit}
    return about | {"best": best, "trained": 7}


RUNS = [
    found("dnn_sweep", 0, (10.0, 0.9, 0.8), (20.0, 0.97, 0.95)),
    found("dnn_sweep", 1, (12.0, 0.95, 0.9)),
    found("dnn_sweep", 2, (40.0, 0.99, 0.9)),
    found("optuna_keras", 0, (14.0, 0.9, 0.85), (50.0, 0.96, 0.9)),
    found("optuna_keras", 1, (29.0, 0.96, 0.9)),
    found("ray_tune_asha", 1, (31.0, 0.94, 0.7)),
]


def test_a_table_has_the_median_over_the_seeds_at_each_time():
    lines = list(tables(RUNS))
    ours = next(line for line in lines if line.startswith("| dnn_sweep "))
    cells = [cell.strip() for cell in ours.strip("|").split("|")]
    scores = ["0.9000 / 0.8000", "0.9500 / 0.9000", "0.9700 / 0.9000"]
    assert cells == ["dnn_sweep", "3", *scores, "7", ""]


def test_a_table_says_when_ours_reached_the_best_of_a_peer_on_the_same_rows():
    lines = list(tables(RUNS))
    assert next(line for line in lines if "ray_tune_asha" in line).endswith("| 12 s |")
    # One of two was never reached.
    assert next(line for line in lines if "optuna_keras" in line).endswith("| inf s |")
    assert lines[-1].endswith("after inf s (20, inf).")
    assert reached(RUNS[0], 0.96) == 20.0


def test_runs_of_other_lengths_are_apart():
    longer = found("dnn_sweep", 0, (10.0, 0.9, 0.8), (200.0, 0.98, 0.8), limit=600.0)
    heads = [line for line in tables([*RUNS, longer]) if line.startswith("| contestant")]
    assert ["60 s" in head for head in heads] == [True, True]
    assert ["600 s" in head for head in heads] == [False, True]


def test_code_of_another_instruction_set_is_asked_of_every_library():
    assert environment(None, ours=True) is None
    theirs, ours = (environment("avx2", ours=each) for each in (False, True))
    assert theirs["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert theirs["XLA_FLAGS"] in ours["XLA_FLAGS"]
    assert "multi_thread_eigen=false" in ours["XLA_FLAGS"]
    assert theirs.keys() - os.environ.keys() <= ours.keys()


@pytest.mark.slow
def test_a_race_goes_on_with_what_is_missing(tmp_path):
    results = tmp_path / "search.json"
    command = [sys.executable, "-m", "benchmarks.search", "--task=breast_cancer", "--minutes=0.5"]
    command += ["--contestant=dnn_sweep", "--seed=3", f"--results={results}"]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (run,) = json.loads(results.read_text())
    assert run["trained"] > 0
    scores = [each["validation"] for each in run["best"]]
    assert scores == sorted(set(scores))
    assert scores[-1] > 0.9
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(results.read_text()) == [run]
    assert first.stdout.endswith(again.stdout)
    assert "seed 3" not in again.stdout
