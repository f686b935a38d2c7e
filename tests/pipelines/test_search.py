"""A search by TPE, from the table to the report, through Kedro's runner."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from dnn_sweep.core.champion.refit import refit_networks
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.datasets.model_json import ModelJSONDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import (
    BudgetParameters,
    EvaluationParameters,
    GridParameters,
    LoggingParameters,
    SearchFactors,
    SearchParameters,
    TrainingParameters,
)
from dnn_sweep.pipeline_registry import register_pipelines
from tests.iris_sweep import Kept, groups, named

FACTORS = {"l2": {"low": 1e-6, "high": 1e-2, "log": True}, "dropout": [0.1, 0.3]}
SETTINGS = {
    "grid": GridParameters(activations=["relu", "tanh"], optimizers=["adam"]),
    "training": TrainingParameters(epochs=4, seeds=[0, 1]),
    "search": SearchParameters(
        method="tpe", proposals=24, batch=8, programs=1, finalists=2, reduction=2, factors=FACTORS
    ),
    "evaluation": EvaluationParameters(resamples=100, baselines=["no_skill"]),
}


class Display(TrainingProgress):
    def __init__(self):
        self.said, self.stages, self.programs = [], [], 0

    def start(self, total_trials, epochs, cached, stage="trials"):
        self.stages.append((stage, total_trials, cached))

    def compiled(self, trials, seconds, share=1.0):
        self.programs += 1

    def say(self, line):
        self.said.append(line)


class Stopping(TrialStoreDataset):
    """A store that fails after so many trials, as a full disk does."""

    left = 0

    def save(self, data):
        if data.trial.id not in self.load():
            if not self.left:
                raise OSError("stopped")
            self.left -= 1
        super().save(data)


def run(folder, stop=None, until=("comparison", "importances"), taken=0.0, **settings):
    """Run until the leaderboard; returns what was made by name, and the display.

    It fails after `stop` trials. `taken` are the seconds of the command until the training.
    """
    pipeline = register_pipelines()["train"].to_outputs(*until)
    given = groups(folder) | SETTINGS | settings
    store = str(folder / "trials")
    trials, display = TrialStoreDataset(store), Display()
    saved = trials
    if stop is not None:
        saved = Stopping(store)
        saved.left = stop
    rounds = str(folder / "rounds.json"), "dnn_sweep.core.plan.rounds.Rounds"
    record = str(folder / "search.json"), "dnn_sweep.core.plan.search_record.SearchRecord"
    catalog = DataCatalog(
        {name: Kept() for name in pipeline.datasets()}
        | {f"params:{name}": Kept(value) for name, value in named(given).items()}
        | {
            "raw_table": ToyDataset("iris"),
            "training_display": Kept(display),
            "checkpoints": Kept(NO_CHECKPOINTS),
            "stage_clock": Kept({"total": taken}),
            "earlier_rounds": ModelJSONDataset(*rounds, optional=True),
            "rounds": ModelJSONDataset(*rounds),
            "search_record": ModelJSONDataset(*record),
            "finished_trials": trials,
            "trial_results": saved,
        }
    )
    SequentialRunner().run(pipeline, catalog)
    names = ("ranking", "search_record", "search", "importances", "finals_plan", "rounds")
    names += ("search_plan", "train_rows", "validation_rows", "preprocessor", "schema")
    names += ("target_scaling", "trial_plan", "screening_plan", "validation_matrix", "folds")
    names += ("objective",)
    made = {name: catalog.load(name) for name in names}
    return made | {"trained": {each.name for each in (folder / "trials").iterdir()}}, display


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    return *run(folder), folder


def test_the_finals_are_of_what_the_search_found(whole):
    made, display, _ = whole
    record, board = made["search_record"], combinations_of(made["ranking"])
    assert [each.finalist for each in record.finalists] == [1, 2]
    assert set(board["combination"]) == {each.combination for each in record.finalists}
    assert set(board["seeds"]) == {2}
    finals = made["finals_plan"].trials
    assert {trial.seed for trial in finals} == {0, 1}  # fresh ones: the search has seed 1000
    for each in record.finalists:
        row = board.set_index("combination").loc[each.combination]
        for name in ("learning_rate", "l2", "dropout", "activation", "optimizer"):
            assert row[name] == each.values[name]
    assert display.stages == [("search", 3 * (8 + 4 + 2), 0), ("trials", 4, 0)]
    assert "of 24 proposals" in display.said[-2]
    assert display.said[-1].startswith("2 proposals go on to the finals: ")
    assert display.programs == 1  # for all batches, rungs and finals


def test_the_proposals_are_tabulated_with_scores_and_epochs(whole):
    made, *_ = whole
    table = made["search"]
    assert len(table) == 24
    assert table["epochs"].value_counts().to_dict() == {1: 12, 2: 6, 4: 6}
    assert table["finalist"].notna().sum() == 2
    best = table.loc[table["finalist"] == 1].iloc[0]
    assert best["val_accuracy"] == table.loc[table["epochs"] == 4, "val_accuracy"].max()
    assert set(made["importances"]["factor"]) == {"learning_rate", "activation", "dropout", "l2"}


def test_a_search_that_was_stopped_in_its_middle_ends_with_the_same_result(whole, tmp_path):
    made, *_ = whole
    with pytest.raises(Exception, match="stopped"):
        run(tmp_path, stop=20)  # in the second batch
    assert len(list((tmp_path / "trials").iterdir())) == 20
    again, display = run(tmp_path)
    assert again["search_record"] == made["search_record"]
    assert again["trained"] == made["trained"]
    pd.testing.assert_frame_equal(
        again["ranking"].drop(columns="seconds"), made["ranking"].drop(columns="seconds")
    )
    assert display.stages[0][2] > 0  # trials that were trained already


def test_a_batch_that_was_begun_with_time_left_is_trained_also_where_none_is_left(whole, tmp_path):
    made, *_ = whole
    given = {"budget": BudgetParameters(minutes=10)}
    with pytest.raises(Exception, match="stopped"):
        run(tmp_path, stop=2 * (8 + 4 + 2) + 1, **given)  # in the third batch
    again, _ = run(tmp_path, taken=599.0, **given)
    assert again["search_record"] == made["search_record"]


def test_a_search_that_is_run_again_trains_nothing(whole):
    made, _, folder = whole
    again, display = run(folder, stop=0)
    assert again["search_record"] == made["search_record"]
    assert display.stages == [("trials", 4, 4)]
    assert not display.programs


def test_more_finalists_train_only_these(whole):
    made, _, folder = whole
    search = SETTINGS["search"].model_copy(update={"finalists": 3})
    again, _ = run(folder, search=search)
    assert len(again["trained"] - made["trained"]) == 2  # two seeds
    assert len(again["search_record"].finalists) == 3


def test_networks_that_were_let_go_are_trained_again_to_the_bit(tmp_path, monkeypatch):
    device = Device(workers=1, free_memory=2**34)  # two may deal trials out differently
    monkeypatch.setattr(Device, "detect", lambda: device)
    # Of one finalist, whose argument is a constant in any program that is not of a search.
    factors = SearchFactors(**FACTORS, arguments={"beta_1": {"low": 0.8, "high": 0.95}})
    search = SETTINGS["search"].model_copy(update={"factors": factors, "finalists": 1})
    made, _ = run(tmp_path, search=search)
    store, plan = TrialStoreDataset(str(tmp_path / "trials")), made["finals_plan"]
    some = TrialPlan(trials=plan.trials[:1])
    kept = {t.id: store.load()[t.id].load_network().get_weights() for t in some.trials}
    assert store.release_networks(kept) == 1
    rows = made["train_rows"], made["validation_rows"]
    fitted = made["preprocessor"], made["target_scaling"], made["schema"]
    given = store.load(), *rows, *fitted, TrainingProgress(), SETTINGS["training"]
    logs = LoggingParameters(folder=str(tmp_path / "logs"), csv=False)
    before = {"screened": made["screening_plan"], "search_plan": made["search_plan"]}
    again = refit_networks(some, *given, logs, finals=plan, **before)
    for result in again:
        for old, new in zip(
            kept.pop(result.trial.id), result.load_network().get_weights(), strict=True
        ):
            np.testing.assert_array_equal(new, old)
    assert not kept


def test_a_grid_runs_without_optuna(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)  # to import it is an error
    training = TrainingParameters(engine="keras", epochs=1, seeds=[0])
    made, _ = run(tmp_path, search=SearchParameters(), training=training)
    assert made["search"].empty
    assert made["importances"].empty
    assert len(combinations_of(made["ranking"])) == 2
    with pytest.raises(Exception, match="optuna"):
        run(tmp_path, training=training)


def test_a_budget_leaves_time_for_the_finals_and_is_repeated_as_it_was(whole, tmp_path):
    *_, folder = whole
    # So short that only the first batch, which is always trained, fits.
    given = {"budget": BudgetParameters(minutes=0.002)}
    made, display = run(tmp_path, **given)
    assert made["rounds"].proposals == 8
    assert len(made["search_record"].proposals) == 8
    assert any("the search ends after 8 proposals" in line for line in display.said)
    assert set(combinations_of(made["ranking"])["seeds"]) == {1}
    again, _ = run(tmp_path, **given)
    assert again["rounds"] == made["rounds"]
    assert again["trained"] == made["trained"]
    recorded = json.loads((folder / "search.json").read_text())
    assert recorded["proposals"][:8] != []
