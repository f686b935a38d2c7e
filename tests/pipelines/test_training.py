"""Screening first, then the finals at the rates it found; what is trained is not trained again."""

import pandas as pd
import pytest

from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.screening import at_every_rate
from dnn_sweep.parameters import ScreeningParameters, TrainingParameters
from dnn_sweep.pipelines.model_building.nodes import plan_screening
from dnn_sweep.pipelines.training.nodes import choose_learning_rates, train_trials
from tests.builders import make_data, make_plan
from tests.core.training.stacked.sweeps import Recorder, no_files

SCREENING = ScreeningParameters(enabled=True, factors=(0.1, 1, 10), extensions=2)


class Display(Recorder):
    """Remembers the stages, too."""

    def __init__(self):
        super().__init__()
        self.stages = []

    def start(self, total_trials, epochs, cached, stage="trials"):
        self.stages.append((stage, total_trials, epochs, cached))

    def trial_finished(self, result):
        pass

    def stop(self):
        pass


def matrices():
    data = make_data()
    for x, y in ((data.x_train, data.y_train), (data.x_validation, data.y_validation)):
        yield pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(**{TARGET: y})


def plans(seeds=(0, 1), activations=("relu",)):
    grid = {"activations": activations, "optimizers": ["sgd", "adam"]}
    finals = make_plan(grid=grid, training={"seeds": seeds, "epochs": 2})
    few = make_plan(grid=grid, training={"seeds": [1000], "epochs": 1})
    return finals, at_every_rate(few, SCREENING)


def run(finals, screening_plan, finished, engine="keras", display=None):
    """Train; returns results by id and the reports, in order."""
    results, reports = dict(finished), []
    for result, report in train_trials(
        finals,
        screening_plan,
        finished,
        *matrices(),
        TargetScaling(),
        display or Display(),
        TrainingParameters(engine=engine, seeds=(0, 1)),
        SCREENING,
        no_files(),
    ):
        results[result.trial.id] = result
        reports.append(report)
    return results, reports


@pytest.fixture(scope="module")
def trained():
    display = Display()
    finals, screening_plan = plans()
    results, reports = run(finals, screening_plan, {}, display=display)
    return finals, screening_plan, results, reports, display


def test_finals_follow_the_screening_at_the_rates_it_found(trained):
    finals, screening_plan, results, reports, _ = trained
    stages = [report.stage for report in reports]
    assert stages == sorted(stages, reverse=True)  # screening before finals
    chosen, table = choose_learning_rates(finals, screening_plan, results, SCREENING)
    rates = table[table["chosen"]].set_index("combination")["learning_rate"]
    trained_finals = [each.result.trial for each in reports if each.stage == "finals"]
    assert {t.id for t in trained_finals} == {t.id for t in chosen.trials}
    for trial in trained_finals:
        assert trial.learning_rate == rates[trial.combination]
    assert set(table["seed"]).isdisjoint(t.seed for t in trained_finals)
    assert stages.count("screening") == len(table) > len(screening_plan.trials)  # it grew


def test_the_last_final_is_announced_as_such(trained):
    *_, reports, _ = trained
    assert [r.left for r in reports if r.stage == "finals"] == [3, 2, 1, 0]
    assert {r.replicates for r in reports if r.stage == "finals"} == {2}


def test_each_stage_says_how_much_it_trains(trained):
    *_, display = trained
    first, *beyond, last = display.stages
    assert first == ("screening", 6, 1, 0)
    assert {stage for stage, *_ in beyond} == {"screening beyond the edges"}
    assert all(cached == 0 for *_, cached in beyond)
    assert last == ("finals", 4, 2, 0)


def test_a_rerun_trains_nothing_and_records_the_finals_again(trained):
    finals, screening_plan, results, reports, _ = trained
    display = Display()
    _, again = run(finals, screening_plan, results, display=display)
    assert not display.started
    assert {r.result.trial.id for r in again} == {
        r.result.trial.id for r in reports if r.stage == "finals"
    }
    assert display.stages == [("finals", 4, 2, 4)]


def test_layers_are_measured_in_the_finals_alone(trained):
    *_, reports, _ = trained
    measured = {(report.stage, report.result.diagnostics is not None) for report in reports}
    assert measured == {("screening", False), ("finals", True)}


def test_an_interrupted_screening_goes_on_where_it_stopped(trained):
    finals, screening_plan, results, reports, _ = trained
    before = [r.result.trial.id for r in reports if r.stage == "screening"][:-2]
    display = Display()
    found, _ = run(finals, screening_plan, {i: results[i] for i in before}, display=display)
    stage, total, _, cached = display.stages[0]
    assert (stage, cached) == ("screening", len(before))
    assert total >= len(screening_plan.trials)  # of what is complete the next rates are known
    assert found.keys() == results.keys()
    assert set(display.started).isdisjoint(before)


def test_without_a_screening_every_combination_keeps_its_own_rate():
    finals, _ = plans(seeds=(0,))
    none = TrialPlan(trials=())
    results, reports = run(finals, none, {})
    assert [r.result.trial.id for r in reports] == [t.id for t in finals.trials]
    chosen, table = choose_learning_rates(finals, none, results, SCREENING)
    assert chosen == finals
    assert table.empty
    assert {"combination", "learning_rate", "chosen", "edge"} <= set(table.columns)


@pytest.mark.slow
def test_all_stages_are_trained_by_the_same_programs():
    display = Display()
    finals, screening_plan = plans(activations=("relu", "tanh"))
    run(finals, screening_plan, {}, engine="stacked", display=display)
    # One program that trains, with both optimizers, and one that validates.
    assert display.compilations == [4, 4]


def test_the_engine_and_why_it_was_chosen_are_told(caplog):
    caplog.set_level("INFO")
    finals, _ = plans(seeds=(7,))
    run(TrialPlan(trials=finals.trials[:1]), TrialPlan(trials=()), {})
    assert "engine keras (training.engine asks for it)" in caplog.text


def test_a_seed_of_the_finals_cannot_screen(trained):
    given = {"seeds": (0, 1000)}
    with pytest.raises(SweepError, match=r"screening\.seeds: 1000 is also among training\.seeds"):
        plan_screening(
            *[None] * 5, TrainingParameters(**given), None, ScreeningParameters(enabled=True)
        )
