import socket
import time

import mlflow
import pytest
from mlflow import MlflowClient

from dnn_sweep.core.champion.gate import AliasDecision
from dnn_sweep.core.champion.package import Registration
from dnn_sweep.core.reporting.model_card import VersionCard
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.datasets.version_description import VersionDescriptionDataset
from tests.champions import NAME, make_champion

pytestmark = pytest.mark.usefixtures("mlflow_store")


def register(seed: int = 0) -> str:
    """Register a champion; gives the id of its trial."""
    champion = make_champion(seed=seed)
    RegisteredModelDataset(name=NAME).save(
        Registration(champion.package(), AliasDecision("champion", "it won"))
    )
    return champion.result.trial.id


def describe(trial_id: str, version: str = "1", text: str = "# Model card") -> None:
    VersionDescriptionDataset().save(VersionCard(NAME, version, trial_id, text))


def description(version: str = "1") -> str:
    return MlflowClient().get_model_version(NAME, version).description


def test_the_card_is_the_description_of_its_own_version():
    trials = {"1": register(0), "2": register(1)}
    describe(trials["2"], "2", "# The second")
    assert description("2") == "# The second"
    assert description("1").startswith("the network of relu + adam")


def test_a_card_of_five_thousand_characters_is_kept_whole():
    trial, text = register(), "# Card\n\n" + "é|*" * 1664
    assert len(text) == 5000
    describe(trial, text=text)
    assert description() == text


def test_the_version_of_another_trial_is_left_alone(caplog):
    register()
    before = description()
    describe("someone else's")
    assert description() == before
    assert f"not beside version 1 of {NAME} in the registry (it is of another trial)" in caplog.text


def test_a_version_that_is_not_in_the_registry_is_a_warning(caplog):
    describe("0123")
    assert "model_card.md has it" in caplog.text
    assert MlflowClient().search_registered_models() == []


def test_a_registry_that_does_not_answer_is_a_warning_and_not_a_wait(caplog):
    with socket.socket() as taken:  # bound and not listening: no other process can answer there
        taken.bind(("127.0.0.1", 0))
        mlflow.set_registry_uri(f"http://127.0.0.1:{taken.getsockname()[1]}")
        started = time.monotonic()
        describe("0123")
    assert time.monotonic() - started < 30
    assert "model_card.md has it" in caplog.text
