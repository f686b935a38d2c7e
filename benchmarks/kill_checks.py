"""What a sweep leaves on the disk, and how it differs from what another one left."""

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import h5py
import numpy as np
import pandas as pd

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
    """Kept trials with a file that cannot be read."""
    found = []
    for folder in (project / TRIALS).glob("[!.]*"):
        try:
            content_of(folder)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            found.append(f"{folder.name}: {error}")
    return found


def content_of(folder: Path) -> dict[str, Any]:
    """What a trial's folder holds, without the seconds that it took, as comparable values."""
    status = json.loads((folder / "status.json").read_text())
    history = pd.read_csv(folder / "history.csv", float_precision="round_trip")
    diagnostics = folder / "diagnostics.csv"
    return {
        "best_epoch": status["best_epoch"],
        "status": status["status"],
        "engine": status["engine"],
        "outputs": np.load(folder / "outputs.npy", allow_pickle=False).tobytes(),
        "history": history.drop(columns="seconds").to_csv(),
        "diagnostics": diagnostics.read_text() if diagnostics.is_file() else "",
        "weights": _weights(folder / status["checkpoint"]),
    }


def trial_contents(project: Path) -> dict[str, dict[str, Any]]:
    """The content of every kept trial, by its id."""
    folders = (each.parent for each in (project / TRIALS).glob("[!.]*/status.json"))
    return {folder.name: content_of(folder) for folder in folders}


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


def _weights(file: Path) -> str:
    """A digest of a network's weights; the file around them holds the time of day."""
    digest = hashlib.sha256()
    with ZipFile(file) as archive:
        content = BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as weights:
        weights.visititems(
            lambda name, item: (
                digest.update(name.encode() + np.asarray(item).tobytes())
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return digest.hexdigest()
