"""A sweep that is over in seconds, and what it leaves behind, for tests that run the project."""

import json

import pandas as pd
import yaml
from mlflow.tracking import MlflowClient

from dnn_sweep.core.comparison.leaderboard import combinations_of

QUICK = {
    "network": {"hidden": [16]},
    "grid": {"activations": ["relu"], "optimizers": ["sgd", "adam"]},
    "training": {"epochs": 3, "seeds": [0, 1]},
    "screening": {"enabled": False},
    # Boosting fits a thousand trees to the ten digits, which takes longer than these networks.
    "evaluation": {"resamples": 100, "baselines": ["no_skill", "linear"]},
}


def configure(project, environment="local", **changes):
    """Put quick settings over an environment's own."""
    folder = project.path / "conf" / environment
    settings = {}
    # One file: Kedro refuses a key that two files of one environment set.
    for file in sorted(folder.glob("parameters*.yml")):
        settings |= yaml.safe_load(file.read_text())
        file.unlink()
    for group, values in {**QUICK, **changes}.items():
        settings[group] = {**settings.get(group, {}), **values}
    # Unless a test is about the default engine: to compile takes longer than these sweeps.
    if "engine" not in changes.get("training", {}):
        settings["training"]["engine"] = "keras"
    (folder / "parameters.yml").write_text(yaml.safe_dump(settings))


def reporting(project, experiment="digits"):
    return project.path / "data" / "08_reporting" / experiment


def leaderboard(project, experiment="digits"):
    return pd.read_csv(reporting(project, experiment) / "leaderboard.csv")


def combinations(project, experiment="digits"):
    """The leaderboard without its baselines."""
    return combinations_of(leaderboard(project, experiment))


def champion(project, experiment="digits"):
    return json.loads((reporting(project, experiment) / "champion.json").read_text())


def runs_below(client, experiment, parent):
    found = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent}'")
    return {run.info.run_name: run for run in found}


def runs_of(project, experiment="digits"):
    """The ids of all runs, with their states."""
    return {run.info.run_id: run.info.status for run in _search(project, experiment)}


def sweeps_of(project, experiment="digits"):
    """The sweeps' own runs, without those below them."""
    found = _search(project, experiment)
    return [run for run in found if "mlflow.parentRunId" not in run.data.tags]


def _search(project, experiment):
    client = MlflowClient(project.tracking_uri)
    named = client.get_experiment_by_name(f"dnn_sweep/{experiment}")
    return client.search_runs([named.experiment_id])
