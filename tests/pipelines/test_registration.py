import pandas as pd
import pytest
from mlflow import MlflowClient

from dnn_sweep.core.champion.gate import compare_with_holder
from dnn_sweep.core.champion.package import describe_champion
from dnn_sweep.core.champion.record import Champion as Record
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.datasets.registered_packages import RegisteredPackagesDataset
from dnn_sweep.parameters import RegistrationParameters
from tests.champions import NAME, Champion, make_champion, make_rows

pytestmark = pytest.mark.usefixtures("mlflow_store")


def rows_for(champion: Champion, rows: int = 60) -> pd.DataFrame:
    """Test rows whose answers are what a champion predicts."""
    table = make_rows(rows=rows, seed=2)
    return table.assign(target=champion.predict(table)["prediction"].to_numpy())


def register(champion: Champion, test_rows: pd.DataFrame, **parameters) -> Record:
    """The three nodes and the real store, as the pipeline wires them."""
    dataset = RegisteredModelDataset(name=NAME)
    registered = compare_with_holder(
        champion.package(),
        ModelAliasesDataset(name=NAME).load(),
        RegisteredPackagesDataset(name=NAME).load(),
        test_rows,
        champion.test_predictions(test_rows),
        RegistrationParameters(**parameters),
    )
    dataset.save(registered)
    return describe_champion(champion.evaluation, dataset.load())


def aliases() -> dict[str, str]:
    held = MlflowClient().get_registered_model(NAME).aliases
    return {alias: str(version) for alias, version in held.items()}


def versions() -> list[str]:
    found = MlflowClient().search_model_versions(f"name = '{NAME}'")
    return sorted(str(each.version) for each in found)


def logged_models() -> int:
    client = MlflowClient()
    experiment = client.get_experiment_by_name("dnn_sweep/mixed").experiment_id
    return len(client.search_logged_models([experiment]))


def test_the_alias_moves_to_a_better_champion_and_not_to_a_worse_one(capfd):
    worse, better = make_champion(seed=0), make_champion(seed=2)
    rows = rows_for(better)
    assert register(worse, rows).registered.standing == "version 1 as champion"
    moved = register(better, rows).registered
    assert moved.standing == "version 2 as champion"
    assert "Accuracy 1.0000 against" in moved.reason
    assert "of version 1 on 60 test rows" in moved.reason
    assert aliases() == {"champion": "2"}
    kept = register(make_champion(seed=1), rows).registered
    assert kept.standing == "version 3 as challenger of version 2"
    assert aliases() == {"champion": "2", "challenger": "3"}
    assert "extra inputs" not in capfd.readouterr().err


def test_a_rerun_registers_nothing_new():
    champion = make_champion()
    rows = rows_for(champion)
    first = register(champion, rows).registered
    again = register(champion, rows).registered
    assert versions() == ["1"]
    assert logged_models() == 1
    assert aliases() == {"champion": "1"}
    assert (first.new, again.new) == (True, False)
    assert again.standing == "version 1 as champion"
    assert "This champion is version 1 already: no version was added" in again.reason
    # Why it once got the alias is still true.
    tags = MlflowClient().get_model_version(NAME, "1").tags
    assert tags["alias_reason"] == first.reason


def test_champions_that_come_back_keep_their_versions():
    one, two = make_champion(seed=0), make_champion(seed=2)
    rows = rows_for(one)
    for champion in (one, two, one):
        record = register(champion, rows)
    assert record.registered.standing == "version 1 as champion"
    assert register(two, rows).registered.standing == "version 2 as challenger of version 1"
    assert versions() == ["1", "2"]
    assert aliases() == {"champion": "1", "challenger": "2"}


def test_an_old_challenger_can_become_the_champion_without_a_new_version():
    one, two = make_champion(seed=0), make_champion(seed=2)
    assert register(one, rows_for(one)).registered.standing == "version 1 as champion"
    register(two, rows_for(one))
    assert aliases() == {"champion": "1", "challenger": "2"}
    record = register(two, rows_for(two)).registered
    assert (record.standing, record.new) == ("version 2 as champion", False)
    assert aliases() == {"champion": "2"}
    assert versions() == ["1", "2"]


def test_a_tie_keeps_the_alias():
    one, two = make_champion(seed=0), make_champion(seed=2)
    register(one, rows_for(one))
    rows = rows_for(one)
    differ = (one.predict(rows)["prediction"] != two.predict(rows)["prediction"]).to_numpy()
    places = differ.nonzero()[0]
    won = places[: len(places) // 2]  # and as many rows lost, or one more
    rows.loc[won, "target"] = two.predict(rows)["prediction"].to_numpy()[won]
    kept = register(two, rows).registered
    assert kept.standing == "version 2 as challenger of version 1"
    assert "not shown to be better" in kept.reason


def test_rows_that_the_holder_was_trained_on_are_left_out_also_if_shuffled():
    one, two = make_champion(seed=0), make_champion(seed=2)
    register(one, rows_for(one))
    known = one.train_rows.sample(frac=1, random_state=0)
    rows = pd.concat([known, rows_for(two)], ignore_index=True)[::-1]
    record = register(two, rows).registered
    assert "on 60 test rows" in record.reason
    assert "(120 others were not new and are left out)" in record.reason
    kept = register(make_champion(seed=1), known.reset_index(drop=True)).registered
    assert kept.alias == "challenger"
    assert "only 0 of the 120 test rows are new to both models" in kept.reason


def test_a_holder_of_an_earlier_release_keeps_the_alias(tmp_path):
    one, two = make_champion(seed=0), make_champion(seed=2)
    register(one, rows_for(two))
    for file in tmp_path.rglob("row_fingerprints.npy"):
        file.unlink()
    record = register(two, rows_for(two)).registered
    assert record.standing == "version 2 as challenger of version 1"
    assert "without fingerprints of its rows" in record.reason
    MlflowClient().set_registered_model_alias(NAME, "champion", "2")  # by hand
    assert register(two, rows_for(two)).registered.standing == "version 2 as champion"
    assert aliases() == {"champion": "2"}


def test_a_margin_is_measured_by_the_test_score_on_record():
    one, two = make_champion(seed=0), make_champion(seed=2)
    register(one, rows_for(one))
    rows = rows_for(two).assign(smoker="perhaps")  # no value that version 1 can take
    predictions = two.test_predictions(rows_for(two))

    def decide(**parameters):
        given = ModelAliasesDataset(name=NAME).load(), {}, rows, predictions
        registration = RegistrationParameters(**parameters)
        return compare_with_holder(two.package(), *given, registration).decision

    assert decide().alias == "challenger"
    decision = decide(margin=0.0)
    assert decision.alias == "champion"
    assert "The test accuracy 0.9100 is within 0 of the 0.9100" in decision.reason
