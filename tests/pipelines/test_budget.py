"""A sweep with a budget, from the table to the leaderboard, through Kedro's runner."""

from dataclasses import replace
from functools import partial

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.training import sweep
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.race import Race
from dnn_sweep.datasets.model_json import ModelJSONDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import (
    BudgetParameters,
    EvaluationParameters,
    GridParameters,
    ScreeningParameters,
    SplitParameters,
    TrainingParameters,
)
from dnn_sweep.pipeline_registry import register_pipelines
from tests.iris_sweep import Kept, groups, named

SETTINGS = {
    "grid": GridParameters(activations=["relu", "tanh"], optimizers=["sgd", "adam"]),
    "training": TrainingParameters(epochs=1, seeds=[0, 1]),
    "screening": ScreeningParameters(),
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
        | {f"params:{name}": Kept(value) for name, value in named(given).items()}
        | {
            "raw_table": ToyDataset("iris"),
            "training_display": Kept(TrainingProgress()),
            "checkpoints": Kept(NO_CHECKPOINTS),
            "stage_clock": Kept({"total": 0.0}),
            "earlier_rounds": ModelJSONDataset(*file, optional=True),
            "rounds": ModelJSONDataset(*file),
            "finished_trials": trials,
            "trial_results": trials,
        }
    )
    SequentialRunner().run(pipeline, catalog)
    trained = {each.name for each in (folder / "trials").iterdir()}
    return combinations_of(catalog.load("ranking")), catalog.load("rounds"), trained


def kept_in(folder):
    return sum(1 for each in folder.iterdir() if (each / "status.json").is_file())


class Counting(Race):
    """A race on a clock that moves by a second for every trial that is kept."""

    def __post_init__(self):
        super().__post_init__()
        self.timer.compiled = lambda *_: None  # in seconds of another clock

    def trained(self, result):
        super().trained(replace(result, seconds=1.0))

    def note(self, result):
        super().note(replace(result, seconds=1.0))


@pytest.mark.slow
def test_a_sweep_with_a_budget_and_folds_has_the_leaderboard_of_its_rounds(tmp_path, monkeypatch):
    folder = tmp_path / "trials"
    folder.mkdir()
    monkeypatch.setattr(sweep, "Race", partial(Counting, clock=lambda: float(kept_in(folder))))
    board, rounds, trained = run(tmp_path, minutes=0.6)

    counts = rounds.counts()
    assert board.set_index("combination")["seeds"].to_dict() == counts
    assert [len(each.combinations) for each in rounds.rounds] == [4, 4, 2]
    last = max(board["rounds"])
    assert last == 2  # the first two rounds had the same combinations
    assert board["rounds"].tolist() == [2, 2, 1, 1]
    assert not board.loc[board["rounds"] < last, "tied_with_best"].any()
    assert len(trained) == 2 * sum(counts.values())  # two folds

    again, same, kept = run(tmp_path, minutes=0.6)
    assert kept == trained
    assert same == rounds
    pd.testing.assert_frame_equal(again, board)

    equal, none, _ = run(tmp_path)
    assert not none.rounds
    assert set(equal["seeds"]) == {2}
    assert set(equal["rounds"]) == {1}
