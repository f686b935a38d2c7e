"""A sweep with a budget, from the table to the leaderboard, through Kedro's runner."""

from functools import partial

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.training import sweep
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.race import Race
from dnn_sweep.datasets.model_json import ModelJSONDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import (
    BudgetParameters,
    EvaluationParameters,
    GridParameters,
    SplitParameters,
    TrainingParameters,
)
from dnn_sweep.pipeline_registry import register_pipelines
from tests.iris_sweep import Kept, groups

SETTINGS = {
    "grid": GridParameters(activations=["relu", "tanh"], optimizers=["sgd", "adam"]),
    "training": TrainingParameters(epochs=1, seeds=[0, 1]),
    "split": SplitParameters(folds=2),
    "evaluation": EvaluationParameters(resamples=100, baselines=["no_skill"]),
}


def run(folder, minutes=None):
    """Run until the leaderboard; returns it, the rounds, and the names of all trained trials."""
    pipeline = register_pipelines()["train"].to_outputs("comparison")
    given = groups(folder) | SETTINGS | {"budget": BudgetParameters(minutes=minutes)}
    trials = TrialStoreDataset(str(folder / "trials"))
    file = str(folder / "rounds.json"), "dnn_sweep.core.plan.rounds.Rounds"
    catalog = DataCatalog(
        {name: Kept() for name in pipeline.datasets()}
        | {f"params:{name}": Kept(group) for name, group in given.items()}
        | {
            "raw_table": ToyDataset("iris"),
            "training_display": Kept(TrainingProgress()),
            "stage_clock": Kept({"total": 0.0}),
            "earlier_rounds": ModelJSONDataset(*file, optional=True),
            "rounds": ModelJSONDataset(*file),
            "finished_trials": trials,
            "trial_results": trials,
        }
    )
    SequentialRunner().run(pipeline, catalog)
    trained = {each.name for each in (folder / "trials").iterdir()}
    return combinations_of(catalog.load("leaderboard")), catalog.load("rounds"), trained


@pytest.mark.slow
def test_a_sweep_with_a_budget_and_folds_has_the_leaderboard_of_its_rounds(tmp_path, monkeypatch):
    folder = tmp_path / "trials"
    folder.mkdir()
    # A second for every trial that is kept.
    clock = partial(Race, clock=lambda: float(sum(1 for _ in folder.iterdir())))
    monkeypatch.setattr(sweep, "Race", clock)
    board, rounds, trained = run(tmp_path, minutes=0.7)

    counts = rounds.counts()
    assert board.set_index("combination")["seeds"].to_dict() == counts
    last = max(board["rounds"])
    assert last >= 2
    assert len(set(rounds.rounds[-1].combinations)) == 2
    assert not board.loc[board["rounds"] < last, "tied_with_best"].any()
    screened = 8  # one seed at two rates, on the first fold
    assert len(trained) == screened + 2 * sum(counts.values())  # two folds

    again, same, kept = run(tmp_path, minutes=0.7)
    assert kept == trained
    assert same == rounds
    pd.testing.assert_frame_equal(again, board)

    equal, none, _ = run(tmp_path)
    assert not none.rounds
    assert set(equal["seeds"]) == {2}
    assert set(equal["rounds"]) == {1}
