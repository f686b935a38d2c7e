"""What a sweep leaves on the disk, and how it differs from what another one left."""

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.trial_store import TrialStore

TRIALS, CHECKPOINTS = "data/06_models/trials", "data/06_models/checkpoints"
REPORTS, OUTPUTS = "data/08_reporting/digits", "data/07_model_output/digits"
PENDING = 1  # MLflow's number for a logged model that is not complete


def trials_in(project: Path) -> dict[str, tuple[int, str]]:
    """When each kept trial was written, and a digest of its files."""
    folders = (each.parent for each in (project / TRIALS).glob("[!.]*/status.json"))
    return {
        folder.name: ((folder / "status.json").stat().st_mtime_ns, _digest(folder))
        for folder in folders
    }


def damaged_trials(project: Path) -> list[str]:
    """Folders of trials that the store does not take for whole."""
    store = TrialStore(project / TRIALS)
    return [each.name for each in (project / TRIALS).glob("[!.]*") if each.name not in store]


def trial_contents(project: Path) -> dict[str, dict[str, Any]]:
    """What every kept trial holds, without the seconds that it took, by its id."""
    return {trial_id: _content(each) for trial_id, each in TrialStore(project / TRIALS).items()}


def results_of(project: Path) -> dict[str, Any]:
    """The results of a finished sweep, without seconds and without names of runs."""
    champion = json.loads((project / REPORTS / "champion.json").read_text())
    histories = pd.read_parquet(project / OUTPUTS / "histories.parquet")
    leaderboard = pd.read_csv(project / REPORTS / "leaderboard.csv", float_precision="round_trip")
    without = [name for name in leaderboard if "seconds" in name]
    unnamed = {name: champion[name] for name in champion if name != "registered"}
    order = [name for name in histories if name != "seconds"]
    return {
        "trials": trial_contents(project),
        "leaderboard": leaderboard.drop(columns=without).to_csv(),
        "histories": histories[order].to_csv(),
        "champion": json.dumps(unnamed, sort_keys=True),
    }


def differences(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Names of the results that differ, trials by what differs in them."""
    found = [name for name in mine if name != "trials" and mine[name] != theirs[name]]
    if mine["trials"].keys() != theirs["trials"].keys():
        found.append("which trials there are")
    for trial_id in mine["trials"].keys() & theirs["trials"].keys():
        own, other = mine["trials"][trial_id], theirs["trials"][trial_id]
        found += [f"{name} of {trial_id}" for name in own if own[name] != other[name]]
    return found


def tracking_of(project: Path) -> dict[str, Any]:
    """What MLflow says: runs by status, names of runs that a finished sweep has twice, models."""
    with closing(sqlite3.connect(project / "mlflow.db")) as store:
        runs = Counter(dict(store.execute("select status, count(*) from runs group by status")))
        parents = "select run_uuid, value from tags where key = 'mlflow.parentRunId'"
        names = dict(store.execute("select run_uuid, name from runs"))
        twins = Counter((names[run], parent) for run, parent in store.execute(parents))
        (sweeps,) = store.execute(
            "select count(*) from runs where run_uuid not in "
            "(select run_uuid from tags where key = 'mlflow.parentRunId')"
        ).fetchone()
        pending = "select count(*) from logged_models where status = ?"
        (models,) = store.execute(pending, (PENDING,)).fetchone()
        (versions,) = store.execute("select count(*) from model_versions").fetchone()
    return {
        "runs": dict(runs),
        "sweeps": sweeps,
        "doubled": sorted({name for (name, _), times in twins.items() if times > 1}),
        "pending models": models,
        "versions": versions,
    }


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _content(result: TrialResult) -> dict[str, Any]:
    diagnostics = result.diagnostics
    return {
        "status": result.status,
        "best epoch": result.best_epoch,
        "engine": result.engine,
        "outputs": result.outputs.tobytes(),
        "history": result.history.drop(columns="seconds").to_csv(),
        "diagnostics": None if diagnostics is None else diagnostics.to_csv(),
    }
