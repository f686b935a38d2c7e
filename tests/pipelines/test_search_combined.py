"""A search together with folds, activations of each layer, batch normalisation and tracking."""

import mlflow
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from mlflow import MlflowClient

from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.datasets.trial_runs import TrialRunsDataset, runs_below
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import (
    Configuration,
    SearchParameters,
    SplitParameters,
    TrainingParameters,
)
from dnn_sweep.pipeline_registry import register_pipelines
from tests.iris_sweep import Kept, groups
from tests.pipelines.test_search import SETTINGS, run

SEARCH = SearchParameters(
    method="random",
    proposals=8,
    batch=8,
    programs=4,
    rungs=2,
    finalists=2,
    factors={
        "layer_activations": True,
        "depth": [1, 2],
        "width": [4],
        "batch_normalization": [True, False],
    },
)


def pairs(made):
    """Seed and fold of the trials of each finalist."""
    found = {}
    for trial in made["finals_plan"].trials:
        found.setdefault(trial.combination, []).append((trial.seed, trial.fold))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("combined")


@pytest.fixture(scope="module")
def settings():
    return {
        "search": SEARCH,
        "split": SplitParameters(folds="auto"),
        "training": TrainingParameters(epochs=2, seeds=[0, 1, 2, 3, 4]),
    }


@pytest.fixture(scope="module")
def made(folder, settings):
    return run(folder, **settings)[0]


def test_each_seed_of_a_finalist_trains_in_a_fold_of_its_own(made):
    assert len(made["search_record"].finalists) == 2
    for own in pairs(made).values():
        assert [seed for seed, _ in own] == [0, 1, 2, 3, 4]
        assert sorted(fold for _, fold in own) == [0, 1, 2, 3, 4]
    board = combinations_of(made["ranking"])
    assert set(board["combination"]) == set(pairs(made))
    assert set(board["seeds"]) == {5}


def test_the_networks_have_the_layers_that_were_proposed(made, folder):
    store = TrialStoreDataset(str(folder / "trials")).load()
    drawn = set()
    for each in made["search_record"].proposals:
        network = store[each.trials[0]].trial.network
        depth, normalized = each.values["depth"], each.values["batch_normalization"]
        assert [layer.units for layer in network.hidden] == [4] * depth
        assert [layer.activation for layer in network.hidden] == [
            each.values[f"activation_{at}"] for at in range(1, depth + 1)
        ]
        assert {layer.batch_normalization for layer in network.hidden} == {normalized}
        drawn.add((depth, normalized))
    assert [set(each) for each in zip(*drawn, strict=True)] == [{1, 2}, {True, False}]


def test_the_pipeline_tracking_writes_the_runs_of_the_finalists(
    made, folder, settings, mlflow_store
):
    del mlflow_store
    given = groups(folder) | SETTINGS | settings
    group = {name: given[name] for name in Configuration.model_fields}
    pipeline = register_pipelines()["tracking"]
    catalog = DataCatalog(
        {name: Kept(made[name]) for name in pipeline.inputs() & made.keys()}
        | {
            "configuration": Kept(Configuration(**group)),
            "earlier_rounds": Kept(Rounds()),
            "recorded_search": Kept(made["search_record"]),
            "recorded_leaderboard": Kept(made["ranking"]),
            "recorded_evaluation": Kept(None),
            "recorded_card": Kept(None),
            "finished_trials": TrialStoreDataset(str(folder / "trials")),
            "trial_runs": TrialRunsDataset("iris"),
            "combination_metrics": Kept(),
            "served_metrics": Kept(),
            "sweep_description": Kept(),
        }
    )
    with mlflow.start_run() as active:
        SequentialRunner().run(pipeline, catalog)
    runs = {
        r.data.tags["combination"]: r
        for r in runs_below(MlflowClient().get_run(active.info.run_id))
    }
    assert runs.keys() == pairs(made).keys()
    for each in made["search_record"].finalists:
        run_of = runs[each.combination]
        assert run_of.info.status == "FINISHED"
        assert run_of.data.params["seed"] == "0,1,2,3,4"
        for name, value in each.values.items():
            assert run_of.data.params[name] == str(value)
    assert set(catalog.load("combination_metrics")["combination"]) == runs.keys()


def test_a_number_of_folds_trains_every_seed_of_a_finalist_in_every_fold(tmp_path):
    training = TrainingParameters(epochs=2, seeds=[0, 1])
    made, display = run(tmp_path, search=SEARCH, split=SplitParameters(folds=2), training=training)
    for own in pairs(made).values():
        assert sorted(own) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert display.stages[-1] == ("trials", 8, 0)
    store = TrialStoreDataset(str(tmp_path / "trials")).load()
    searched = {name for each in made["search_record"].proposals for name in each.trials}
    assert {store[name].trial.fold for name in searched} == {0}
