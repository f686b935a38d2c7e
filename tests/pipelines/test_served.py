"""What is served, from the trained trials to the registered model that is loaded back."""

from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import yaml
from mlflow import MlflowClient
from pydantic import ValidationError

from dnn_sweep.core.champion.refit import refit_networks
from dnn_sweep.core.champion.scoring import score_rows
from dnn_sweep.core.data.fingerprints import fingerprint_rows
from dnn_sweep.core.data.predictions import tabulate_outputs
from dnn_sweep.core.data.preprocessing import scale_features
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.datasets.skops_file import SkopsDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import InferenceParameters, RegistrationParameters, SweepParameters
from tests.core.training.stacked.sweeps import Recorder
from tests.iris_sweep import groups, train
from tests.stores import change_trial, make_store, use_store

TARGETS = {"iris": "species", "breast_cancer": "diagnosis", "diabetes": "progression"}
EPOCHS = 3
AS_IT_IS, FRESH = SweepParameters(), SweepParameters(fresh=True)


class Sweeps:
    """Sweeps of one table that share a folder, and so the trials."""

    def __init__(self, folder, table, empty_store):
        self.folder, self.table, self.model = folder, table, f"dnn_sweep_{table}"
        with chdir(folder):
            self.store = make_store(folder, empty_store, f"dnn_sweep/{table}")

    def run(self, champion, baselines=("no_skill",), folds=None):
        given = groups(self.folder)
        changes = {
            "data": {"target": TARGETS[self.table]},
            "grid": {"activations": ["relu"], "optimizers": ["adam"]},
            "training": {"engine": "keras", "epochs": EPOCHS, "seeds": [0, 1, 2]},
            "screening": {"enabled": False},
            "split": {"folds": folds},
            "evaluation": {"resamples": 100, "baselines": baselines},
            "registration": {"champion": champion},
        }
        for group, values in changes.items():
            given[group] = type(given[group])(**{**given[group].model_dump(), **values})
        with chdir(self.folder):
            use_store(self.store)
            made = train(self.folder, ToyDataset(self.table), self.model, given, "champion")
            alias = made["champion"].registered.alias
            answers, _ = score_rows(
                made["test_rows"], made["scoring_model"], InferenceParameters(alias=alias)
            )
            seen = made["scoring_model"][alias].seen
            tags = (
                MlflowClient()
                .get_model_version(self.model, made["champion"].registered.version)
                .tags
            )
        return made | {"answers": answers, "seen": seen, "tags": tags}


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory, empty_store):
    """The sweeps of each table."""
    made = {}

    def of(table):
        if table not in made:
            made[table] = Sweeps(tmp_path_factory.mktemp(table), table, empty_store)
        return made[table]

    return of


@pytest.fixture(scope="module")
def finished(sweeps):
    """A finished sweep of a table, by what is served."""
    made = {}

    def of(table, champion):
        if (table, champion) not in made:
            made[table, champion] = sweeps(table).run(champion)
        return made[table, champion]

    return of


def mean_of_members(made):
    """What the mean of the served networks predicts for the test rows, computed one by one."""
    schema = made["schema"]
    features = scale_features(made["test_rows"], made["served_preprocessor"], schema).to_numpy()
    members = [made["refitted_trials"][name] for name in made["champion"].served.trial_ids]
    outputs = [network_outputs(each.load_network(), features) for each in members]
    mean = np.mean(outputs, axis=0, dtype=np.float64)
    return tabulate_outputs(mean, schema, made["served_scaling"])


@pytest.mark.parametrize(
    ("table", "champion", "networks"),
    [
        ("iris", "best_seed", 1),
        ("iris", "ensemble", 3),
        ("iris", "refit", 3),
        ("breast_cancer", "ensemble", 3),
        ("diabetes", "ensemble", 3),
        ("diabetes", "refit", 3),
    ],
)
def test_the_registered_model_predicts_the_mean_of_its_networks(
    finished, table, champion, networks
):
    made = finished(table, champion)
    served, expected = made["champion"].served, mean_of_members(made)

    assert (served.method, len(served.trial_ids), served.diverged_seeds) == (champion, networks, ())
    numbers = expected.select_dtypes("float").columns
    np.testing.assert_allclose(made["answers"][numbers], expected[numbers], rtol=1e-4, atol=1e-5)
    if made["schema"].task != "regression":
        assert made["answers"]["prediction"].tolist() == expected["prediction"].tolist()
    assert made["tags"]["seed"] == ",".join(map(str, served.seeds))


@pytest.mark.parametrize("champion", ["best_seed", "ensemble", "refit"])
def test_the_test_metrics_are_of_what_is_served(finished, champion):
    made = finished("iris", champion)
    right = made["answers"]["prediction"].to_numpy() == made["test_rows"]["species"].to_numpy()
    assert made["champion"].test["accuracy"].value == pytest.approx(right.mean())
    assert float(made["tags"]["test_accuracy"]) == pytest.approx(right.mean())
    assert made["test_predictions"]["predicted"].tolist() == made["answers"]["prediction"].tolist()


def test_the_served_networks_are_one_file_whose_size_is_on_record(finished):
    one, three = (finished("iris", each)["champion"].served for each in ("best_seed", "ensemble"))
    assert one.weights == 4 * 8 + 8 + 8 * 3 + 3
    assert three.weights == 3 * one.weights


@pytest.mark.parametrize("champion", ["ensemble", "refit"])
def test_validation_figures_are_of_the_mean_of_the_networks_that_did_not_see_the_rows(
    finished, champion
):
    made = finished("iris", champion)
    results = [made["trial_results"][trial.id] for trial in made["finals_plan"].trials]
    labels = np.mean([each.outputs for each in results], axis=0).argmax(axis=1)
    right = labels == made["validation_matrix"]["target"].to_numpy()
    assert made["champion"].validation["accuracy"].value == pytest.approx(right.mean())


def test_a_refit_trains_on_training_and_validation_rows_as_long_as_validation_suggested(finished):
    made = finished("diabetes", "refit")
    finals = [made["trial_results"][trial.id] for trial in made["finals_plan"].trials]
    epochs = int(np.mean([each.best_epoch for each in finals]) + 0.5)
    served = made["champion"].served

    assert served.epochs == epochs
    assert set(served.trial_ids).isdisjoint(each.trial.id for each in finals)
    for name in served.trial_ids:
        result = made["refitted_trials"][name]
        assert (result.best_epoch, len(result.history)) == (epochs, epochs)
    rows = [made[f"{split}_rows"]["progression"] for split in ("train", "validation")]
    joined = np.concatenate(rows)
    assert made["served_scaling"].mean == pytest.approx(joined.mean())
    assert made["target_scaling"].mean == pytest.approx(rows[0].mean())
    assert "trained anew on training and validation rows" in made["champion"].what_is_served


def test_the_model_knows_its_training_and_validation_rows(finished):
    for champion in ("ensemble", "refit"):
        made = finished("diabetes", champion)
        kinds = made["schema"].kinds
        for split, known in {"train": True, "validation": True, "test": False}.items():
            found = np.isin(fingerprint_rows(made[f"{split}_rows"], kinds), made["seen"])
            assert (found == known).all()


def refit_again(made, results, progress, sweep=AS_IT_IS):
    rows = made["train_rows"], made["validation_rows"]
    fitted = made["served_preprocessor"], made["served_scaling"], made["schema"]
    settings = progress, made["training"], made["logs"]
    given = made["served_plan"], results, *rows, *fitted, *settings
    return refit_networks(*given, sweep=sweep)


def test_what_was_refitted_is_not_trained_again(sweeps, finished):
    made, progress = finished("iris", "refit"), Recorder()
    assert list(refit_again(made, made["refitted_trials"], progress)) == []
    again = sweeps("iris").run("refit")
    assert again["champion"].served == made["champion"].served
    assert again["champion"].registered.version == made["champion"].registered.version
    assert again["champion"].registered.new is False
    assert progress.started == []


@pytest.mark.parametrize("champion", ["ensemble", "refit"])
def test_a_served_network_that_is_not_stored_is_trained_again(champion, finished, tmp_path):
    made, store = finished("iris", champion), TrialStoreDataset(str(tmp_path / "trials"))
    trials = made["served_plan"].trials
    for trial in trials[1:]:
        store.save(made["refitted_trials"][trial.id])
    store.save(made["refitted_trials"][trials[0].id].discard_network())
    assert not store.load()[trials[0].id].keeps_network
    progress = Recorder()
    for result in refit_again(made, store.load(), progress):
        store.save(result)
    assert len(progress.started) == 1
    networks = [made["refitted_trials"][trials[0].id], store.load()[trials[0].id]]
    for weights, same in zip(*(n.load_network().get_weights() for n in networks), strict=True):
        np.testing.assert_allclose(weights, same, atol=1e-6)


def test_a_fresh_sweep_trains_refits_again(finished):
    for champion, count in (("ensemble", 0), ("refit", 3)):
        made = finished("iris", champion)
        again = list(refit_again(made, made["refitted_trials"], Recorder(), FRESH))
        assert len(again) == count
        assert all(each.replaces for each in again)


def test_a_refit_that_was_killed_goes_on_where_it_stopped(finished, tmp_path):
    made, store = finished("iris", "refit"), TrialStoreDataset(str(tmp_path / "trials"))
    first = refit_again(made, store.load(), Recorder())
    store.save(next(first))
    first.close()
    progress = Recorder()
    for result in refit_again(made, store.load(), progress):
        store.save(result)
    assert len(progress.started) == 2
    assert sorted(store.load()) == sorted(made["champion"].served.trial_ids)
    for name, result in store.load().items():
        np.testing.assert_allclose(result.outputs, made["refitted_trials"][name].outputs, atol=1e-6)


@pytest.fixture
def diverging(tmp_path, empty_store):
    """A sweep, and a function that makes trials of its store diverge."""
    sweeps = Sweeps(tmp_path, "iris", empty_store)

    def diverge(*trials):
        for trial in trials:
            file = tmp_path / "trials" / trial / "status.json"
            change_trial(file, status="diverged")

    return sweeps, diverge


def test_diverged_seeds_are_left_out_and_named(diverging):
    sweeps, diverge = diverging
    made = sweeps.run("best_seed")
    lost = next(t for t in made["finals_plan"].trials if t.seed != made["champion"].seed)
    diverge(lost.id)

    made = sweeps.run("ensemble")
    served = made["champion"].served
    assert served.diverged_seeds == (lost.seed,)
    assert sorted((*served.seeds, lost.seed)) == [0, 1, 2]
    assert made["champion"].what_is_served == "the mean of 2 networks of relu + adam"
    assert served.left_out == f"Seed {lost.seed} diverged and is left out."
    expected = mean_of_members(made)
    assert made["answers"]["prediction"].tolist() == expected["prediction"].tolist()

    made = sweeps.run("refit")
    served = made["champion"].served
    assert lost.seed not in served.seeds
    # A network may also diverge only when it is trained anew.
    diverge(served.trial_ids[0])
    again = sweeps.run("refit")["champion"].served
    assert again.seeds == served.seeds[1:]
    assert len(again.diverged_seeds) == 2
    diverge(*served.trial_ids)
    with pytest.raises(SweepError, match=r"trained anew.*diverged.*champion: ensemble"):
        sweeps.run("refit")


@pytest.mark.parametrize(
    ("table", "baseline", "kind", "folds"),
    [
        ("iris", "linear", "LogisticRegression", 2),
        ("breast_cancer", "support_vectors", "CalibratedClassifierCV", None),
        ("diabetes", "boosting", "TransformedTargetRegressor", None),
    ],
)
def test_the_best_of_all_is_served_on_request_even_if_it_is_a_baseline(
    sweeps, tmp_path, table, baseline, kind, folds
):
    made = sweeps(table).run("baseline", [baseline], folds)
    champion, schema, first = made["champion"], made["schema"], made["leaderboard"].iloc[0]
    assert (first["kind"], first["combination"]) == ("baseline", champion.name)
    assert champion.served.method == "baseline"
    assert not made["served_plan"].trials
    name = champion.objective.removeprefix("val_")
    assert champion.validation[name].value == pytest.approx(first[f"{champion.objective}_mean"])

    # Fitted on all rows outside the test split, and stored without pickle.
    store = SkopsDataset(str(tmp_path / "served.skops"), trusted=trusted("served_baseline"))
    store.save(made["served_baseline"])
    model = store.load().model
    assert type(model).__name__ == kind
    features = scale_features(made["test_rows"], made["served_preprocessor"], schema).to_numpy()
    outputs = store.load().outputs(features, schema)
    expected = tabulate_outputs(outputs, schema, made["served_scaling"])
    numbers = expected.select_dtypes("float").columns
    np.testing.assert_allclose(made["answers"][numbers], expected[numbers], rtol=1e-4, atol=1e-5)
    answers, true = made["answers"]["prediction"], made["test_rows"][TARGETS[table]]
    assert made["test_predictions"]["predicted"].tolist() == pytest.approx(answers.tolist())
    right = answers.to_numpy() == true.to_numpy()
    score = np.abs(answers - true.to_numpy()).mean() if name == "mae" else right.mean()
    assert champion.test[name].value == pytest.approx(score)
    assert made["tags"]["baseline"] == champion.name
    assert np.isin(fingerprint_rows(made["validation_rows"], schema.kinds), made["seen"]).all()
    assert f"fitted on {'all' if folds else 'training'}" in champion.what_is_served
    assert champion.headline("relu + adam").startswith(f"The baseline {champion.name} comes first")


def test_networks_are_served_where_no_baseline_is_better(finished):
    asked, usual = finished("breast_cancer", "baseline"), finished("breast_cancer", "ensemble")
    assert asked["leaderboard"]["kind"].tolist() == ["combination", "baseline"]
    assert asked["champion"].served == usual["champion"].served


def trusted(entry):
    catalog = Path(__file__).parents[2] / "conf" / "base" / "catalog.yml"
    return yaml.safe_load(catalog.read_text(encoding="utf-8"))[entry]["trusted"]


def test_an_unknown_choice_is_refused_with_the_nearest_spelling():
    with pytest.raises(ValidationError, match=r"'ensembel' is unknown\. Did you mean 'ensemble'\?"):
        RegistrationParameters(champion="ensembel")
