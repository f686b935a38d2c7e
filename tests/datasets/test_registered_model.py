import os
import shutil
import socket
from collections import Counter
from dataclasses import replace

import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.io import DatasetError
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pandas.testing import assert_frame_equal

from dnn_sweep.core.champion.gate import AliasDecision
from dnn_sweep.core.champion.package import Registration
from dnn_sweep.core.champion.record import RegisteredVersion
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets import registered_model
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.datasets.registered_packages import RegisteredPackagesDataset
from dnn_sweep.datasets.tracked_sweep import PROCESS, SWEEP_KEY, Plan, open_run
from tests.champions import NAME, Champion, make_champion

pytestmark = pytest.mark.usefixtures("mlflow_store")


def register(
    champion: Champion, alias: str = "champion", reason: str = "it won"
) -> RegisteredVersion:
    dataset = RegisteredModelDataset(name=NAME)
    dataset.save(Registration(champion.package(), AliasDecision(alias, reason)))
    return dataset.load()


def registered_names() -> list[str]:
    return [each.name for each in MlflowClient().search_registered_models()]


def load(alias: str = "champion"):
    return ModelAliasesDataset(name=NAME).load()[alias]


@pytest.mark.parametrize("kind", ["multiclass", "binary", "boolean", "regression"])
def test_predictions_are_the_same_before_and_after_registration(kind):
    champion = make_champion(kind)
    register(champion)
    served = load()
    predictions = served.predict(champion.rows.drop(columns="target"))
    assert_frame_equal(predictions, champion.predict(champion.rows), rtol=1e-5, atol=1e-6)
    assert served.classes == champion.schema.classes
    assert served.columns == {each.name: each.kind for each in champion.schema.features}


def test_the_threshold_is_served_with_the_model():
    champion = make_champion("binary")
    evaluation = champion.evaluation.model_copy(update={"threshold": 0.8})
    usual, moved = champion.package(), replace(champion, evaluation=evaluation).package()
    assert usual.digest != moved.digest
    register(replace(champion, evaluation=evaluation))
    predictions = load().predict(champion.rows.drop(columns="target"))
    expected = np.where(predictions["probability_malignant"] > 0.8, "malignant", "benign")
    assert (predictions["prediction"] == expected).all()
    assert not predictions["prediction"].equals(champion.predict(champion.rows)["prediction"])


def test_the_version_says_what_it_is():
    champion = make_champion()
    described = register(champion)
    assert described == RegisteredVersion(name=NAME, version="1", alias="champion", reason="it won")
    version = MlflowClient().get_model_version(NAME, "1")
    trial = champion.result.trial
    assert version.tags["combination"] == "relu + adam"
    assert version.tags["learning_rate"] == str(trial.learning_rate)
    assert version.tags["trial_id"] == trial.id
    assert version.tags["data_fingerprint"] == champion.schema.fingerprint
    assert version.tags["seed"] == str(trial.seed)
    for split in ("validation", "test"):
        score = getattr(champion.evaluation, split)["accuracy"].value
        assert float(version.tags[f"{split.removesuffix('idation')}_accuracy"]) == score
    assert version.tags["package_digest"] == champion.package().digest
    said = "the network of relu + adam with seed 0: accuracy 0.91 on 40 validation rows"
    assert said in version.description
    assert "(95 % interval 0.85 to 0.95), when trained on 120 rows" in version.description


def test_the_alias_moves_and_the_latest_version_is_described():
    register(make_champion())
    second = register(make_champion(seed=1), alias="challenger", reason="not as good")
    assert (second.version, second.alias, second.reason) == (
        "2",
        "challenger",
        "not as good",
    )
    assert load("champion").version == "1"
    third = register(make_champion(seed=2))
    assert (third.version, third.alias) == ("3", "champion")
    assert load("champion").version == "3"
    assert set(ModelAliasesDataset(name=NAME).load()) == {"champion", "challenger"}


def leave_pending(run=None):
    experiment = MlflowClient().get_experiment_by_name("dnn_sweep/mixed").experiment_id
    source = run and run.info.run_id
    left = MlflowClient().create_logged_model(experiment, NAME, source_run_id=source)
    return left.model_id


def state_of(model_id):
    return MlflowClient().get_logged_model(model_id).status


def test_an_interrupted_registration_leaves_no_model_pending(monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "log_model_artifacts", interrupted)
    with mlflow.start_run() as run:
        elsewhere = leave_pending()  # another run may be at work
        with pytest.raises(KeyboardInterrupt):
            register(make_champion())
    states = Counter(
        str(each.status)
        for each in MlflowClient().search_logged_models([run.info.experiment_id])
        if each.model_id != elsewhere
    )
    assert (states, state_of(elsewhere)) == ({"FAILED": 1}, "PENDING")
    assert registered_names() == []


def test_what_a_killed_registration_left_pending_is_marked_as_failed_by_the_next_command():
    experiment = MlflowClient().get_experiment_by_name("dnn_sweep/mixed").experiment_id
    dead = f"{socket.gethostname()} 1 1"
    tags = {
        "same": {SWEEP_KEY: "k"},
        "other": {PROCESS: dead},
        "elsewhere": {PROCESS: "another 1 0"},
    }
    runs = {name: MlflowClient().create_run(experiment, tags=tag) for name, tag in tags.items()}
    left = {name: leave_pending(run) for name, run in runs.items()}
    open_run(Plan(lambda: experiment, "train", {}, key="k"))
    states = {name: state_of(model_id) for name, model_id in left.items()}
    assert states == {"same": "FAILED", "other": "FAILED", "elsewhere": "PENDING"}


def test_the_model_belongs_to_the_active_run_and_without_one_no_run_is_made():
    register(make_champion())
    client = MlflowClient()
    experiment = client.get_experiment_by_name("dnn_sweep/mixed").experiment_id
    assert client.search_runs([experiment]) == []
    with mlflow.start_run() as run:
        register(make_champion())
    version = client.get_model_version(NAME, "2")
    model_id = version.source.removeprefix("models:/")
    assert version.run_id == run.info.run_id
    logged = client.get_logged_model(model_id)
    assert logged.source_run_id == run.info.run_id
    assert logged.experiment_id == experiment
    assert [each.model_id for each in client.get_run(run.info.run_id).outputs.model_outputs] == [
        model_id
    ]


def test_the_artifact_has_pinned_requirements_no_pickle_and_no_host(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
    (tmp_path / "uv.lock").write_text('version = 1\nsource = "https://packages.host.example"\n')
    register(make_champion())
    (folder,) = [path.parent for path in tmp_path.rglob("MLmodel")]
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files >= {
        f"artifacts/{n}"
        for n in ("network.keras", "preprocessor.skops", "schema.json", "row_fingerprints.npy")
    }
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib", ".lock"))]
    for name in files:
        content = (folder / name).read_bytes()
        assert not content.startswith(b"\x80"), f"{name} is a pickle"
        for host in (socket.gethostname(), "host.example", "://"):
            assert host.encode() not in content, f"{name} names {host}"
    requirements = (folder / "requirements.txt").read_text().split()
    assert sorted(each.split("==")[0] for each in requirements) == sorted(
        ["mlflow", "tensorflow", "keras", "scikit-learn", "skops", "numpy", "pandas"]
    )
    assert f"pandas=={pd.__version__}" in requirements
    assert f"numpy=={np.__version__}" in requirements


def test_registering_prints_no_warning(capfd, recwarn):
    register(make_champion())
    printed = capfd.readouterr().err
    for noise in ("type hint", "pip version", "Downloading artifacts", "WARNING mlflow"):
        assert noise not in printed
    assert not [each for each in recwarn if "type hint" in str(each.message)]
    assert not {"MLFLOW_UV_AUTO_DETECT", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"} & set(os.environ)


def test_when_logging_fails_nothing_is_registered(monkeypatch):
    champion = make_champion()

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("skops.io.dump", fail)
    with pytest.raises(DatasetError, match="disk full"):
        register(champion)
    assert registered_names() == []


def test_a_package_that_predicts_something_else_is_not_registered():
    champion = make_champion()
    other = replace(
        champion.package(), example_predictions=make_champion(seed=1).predict(champion.rows.head())
    )
    with pytest.raises(DatasetError, match="does not predict what the champion predicts"):
        RegisteredModelDataset(name=NAME).save(
            Registration(other, AliasDecision("champion", "it won"))
        )
    assert registered_names() == []


@pytest.mark.parametrize("there_already", [False, True])
def test_when_the_alias_cannot_be_set_the_version_is_taken_back(monkeypatch, there_already):
    if there_already:
        register(make_champion())

    def fail(*args, **kwargs):
        raise MlflowException("connection lost")

    monkeypatch.setattr(registered_model.MlflowClient, "set_registered_model_alias", fail)
    with pytest.raises(DatasetError, match="connection lost"):
        register(make_champion(seed=1))
    monkeypatch.undo()
    versions = MlflowClient().search_model_versions(f"name = '{NAME}'")
    assert [each.version for each in versions] == ([1] if there_already else [])
    if there_already:
        assert load().version == "1"


def test_the_version_keeps_its_fingerprints_and_its_test_score():
    champion = make_champion()
    register(champion)
    served = load()
    assert served.seen.tolist() == champion.package().seen.tolist()
    assert served.test_scores == {"accuracy": champion.evaluation.test["accuracy"].value}
    assert RegisteredPackagesDataset(name=NAME).load() == {champion.package().digest: "1"}


def test_a_version_of_an_earlier_release_has_neither(tmp_path):
    register(make_champion())
    (fingerprints,) = tmp_path.rglob("row_fingerprints.npy")
    fingerprints.unlink()
    for tag in ("test_accuracy", "package_digest", "registration"):
        MlflowClient().delete_model_version_tag(NAME, "1", tag)
    served = load()
    assert (served.seen, served.test_scores) == (None, {})
    assert len(served.predict(make_champion().rows)) == 40
    assert RegisteredPackagesDataset(name=NAME).load() == {}
    described = RegisteredModelDataset(name=NAME).load()
    assert (described.alias, described.reason, described.new) == ("champion", "it won", True)


def test_without_a_registered_model_there_are_no_aliases():
    aliases = ModelAliasesDataset(name=NAME).load()
    assert len(aliases) == 0
    assert RegisteredPackagesDataset(name=NAME).load() == {}
    assert aliases.get("champion") is None
    with pytest.raises(DatasetError, match=f"no version of {NAME} is registered"):
        RegisteredModelDataset(name=NAME).load()


def test_a_holder_whose_files_are_gone_is_an_error_that_names_it(tmp_path):
    register(make_champion())
    shutil.rmtree(tmp_path / "mlruns")
    with pytest.raises(SweepError, match=f"Version 1 of {NAME} holds the alias 'champion' but"):
        ModelAliasesDataset(name=NAME).load().get("champion")


@pytest.mark.parametrize("name", ["dnn_sweep_a/b", "dnn_sweep_a:b", "dnn_sweep_v1.2"])
def test_a_name_that_mlflow_refuses_is_refused_before_anything_is_trained(name):
    with pytest.raises(SweepError, match="cannot register a model called"):
        RegisteredModelDataset(name=name)
