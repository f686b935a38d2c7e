"""Screening first, then the finals at the rates it found; what is trained is not trained again."""

import os
import signal

import pandas as pd
import pytest

from dnn_sweep.core.comparison.leaderboard import collect_histories
from dnn_sweep.core.comparison.time_to_target import time_to_target
from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.folds import divide_once
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.diagnosis.layer_tables import collect_diagnostics
from dnn_sweep.core.diagnosis.verdicts import judge_combinations
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import ACCURACY
from dnn_sweep.core.plan.folds import plan_inner
from dnn_sweep.core.plan.learning_rates import at_every_rate
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.screening import Screening, choose_learning_rates
from dnn_sweep.core.training.sweep import Sweep, train_trials
from dnn_sweep.parameters import ScreeningParameters, SweepParameters, TrainingParameters
from tests.builders import make_data, make_plan
from tests.core.training.stacked.sweeps import Recorder, no_files

SCREENING = ScreeningParameters(enabled=True, factors=(0.1, 1, 10), extensions=2)
NONE = TrialPlan(trials=())


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


def plans(seeds=(0, 1), activations=("relu",), optimizers=("sgd", "adam"), screening=SCREENING):
    grid = {"activations": activations, "optimizers": optimizers}
    finals = make_plan(grid=grid, training={"seeds": seeds, "epochs": 2})
    few = make_plan(grid=grid, training={"seeds": [1000], "epochs": 1})
    return finals, at_every_rate(few, screening)


def a_sweep(finals, screening_plan, finished, engine="keras", display=None, screening=SCREENING):
    return Sweep(
        finals,
        Screening(screening_plan, screening),
        finished,
        make_data(),
        display or Display(),
        TrainingParameters(engine=engine, seeds=(0, 1)),
        no_files(),
    )


def run(finals, screening_plan, finished, **given):
    """Train; returns results by id, as the trial store keeps them, and the reports in order."""
    results, reports = dict(finished), []
    for report in a_sweep(finals, screening_plan, finished, **given).run():
        results.setdefault(report.result.trial.id, report.result)
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


def test_networks_of_finals_are_kept_and_those_of_screenings_are_not(trained):
    *_, reports, _ = trained
    kept = {(report.stage, report.result.keeps_network) for report in reports}
    assert kept == {("screening", False), ("finals", True)}


def test_a_fresh_sweep_trains_again_and_replaces_what_is_stored():
    data, plan = make_data(), make_plan(training={"epochs": 1})
    tables = [
        pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(**{TARGET: y})
        for x, y in ((data.x_train, data.y_train), (data.x_validation, data.y_validation))
    ]

    def made(finished, sweep):
        given = plan, NONE, finished, *tables, TargetScaling(), Display()
        settings = TrainingParameters(engine="keras"), SCREENING, no_files()
        ((result, *_),) = train_trials(*given, *settings, sweep=sweep)
        return result

    first = made({}, SweepParameters())
    stored = {first.trial.id: first}
    assert not first.replaces
    assert made(stored, SweepParameters()).seconds == first.seconds  # not trained again
    again = made(stored, SweepParameters(fresh=True))
    assert again.replaces
    assert again.trial.id == first.trial.id


def test_the_last_final_is_announced_as_such(trained):
    *_, reports, _ = trained
    assert [r.left for r in reports if r.stage == "finals"] == [3, 2, 1, 0]
    assert {r.replicates for r in reports if r.stage == "finals"} == {2}


def test_each_stage_says_how_much_it_trains(trained):
    *_, display = trained
    first, *beyond, last = display.stages
    assert first == ("screening", 6, 1, 0)
    assert {stage for stage, *_ in beyond} == {"screening beyond edges"}
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


@pytest.mark.parametrize(
    ("stage", "after", "counted"),
    [
        ("screening", 4, "4 of 6 trials of the screening are"),
        ("finals", 1, "1 of 4 trials of the finals are"),
    ],
)
def test_an_interrupt_counts_the_trials_of_its_stage(trained, stage, after, counted):
    finals, screening_plan, results, _, _ = trained
    seeds = {trial.seed for trial in screening_plan.trials}
    screened = {id_: each for id_, each in results.items() if each.trial.seed in seeds}
    finished = screened if stage == "finals" else {}
    reports = a_sweep(finals, screening_plan, finished).run()
    with pytest.raises(SweepError, match=f"interrupted: {counted} trained and kept"):
        for seen, _ in enumerate(reports, start=1):
            if seen == after:
                os.kill(os.getpid(), signal.SIGINT)


def test_without_a_screening_every_combination_keeps_its_own_rate():
    precise = {"adam": {"learning_rate": 0.0012345678}}
    finals, _ = plans(seeds=(0,), optimizers=("sgd", precise))
    results, reports = run(finals, NONE, {})
    assert [r.result.trial.id for r in reports] == [t.id for t in finals.trials]
    chosen, table = choose_learning_rates(finals, NONE, results, SCREENING)
    assert chosen == finals
    assert [t.id for t in chosen.trials] == [t.id for t in finals.trials]
    assert chosen.trials[1].learning_rate == 0.0012345678
    assert table.empty
    assert {"combination", "learning_rate", "val_accuracy", "chosen", "edge"} <= set(table.columns)


def test_combinations_that_the_screening_makes_equal_train_once_and_are_both_reported():
    optimizers = ("adam", {"slow": {"class": "Adam", "learning_rate": 0.0001}})
    screening = SCREENING.model_copy(update={"factors": (0.1, 1.0, 10.0, 100.0)})
    finals, screening_plan = plans(optimizers=optimizers, screening=screening)
    assert len({t.id for t in screening_plan.trials}) == 5 < len(screening_plan.trials) == 8
    # The two agree on the best rate of all.
    display = Display()
    results, reports = run(finals, screening_plan, {}, display=display, screening=screening)
    assert len(display.started) == len(set(display.started))
    chosen, table = choose_learning_rates(finals, screening_plan, results, screening)
    assert len({trial.id for trial in chosen.trials}) == 2 < len(chosen.trials) == 4
    names = ["relu + adam", "relu + slow"]
    last = [r for r in reports if r.stage == "finals"]
    assert [(r.result.trial.combination, r.left) for r in last] == [
        (name, 3 - position) for position, name in enumerate(names * 2)
    ]
    assert {r.replicates for r in last} == {2}
    assert table["combination"].value_counts().min() >= 4

    histories = collect_histories(chosen, results)
    assert histories["combination"].drop_duplicates().tolist() == names
    times = time_to_target(histories, ACCURACY, training_rows=80, target=0.0)
    assert times["combination"].tolist() == ["relu + adam"] * 2 + ["relu + slow"] * 2
    first_epochs = histories.query("epoch == 1").set_index(["combination", "seed"])["seconds"]
    for row in times.itertuples():
        assert row.seconds == pytest.approx(first_epochs[row.combination, row.seed])
    later = time_to_target(histories, ACCURACY, 80, histories["val_accuracy"].max())
    own = histories.groupby(["combination", "seed"])["seconds"].sum()
    reached = later[later["reached"]]
    assert len(reached) >= 2
    for row in reached.itertuples():
        assert row.seconds <= own[row.combination, row.seed] + 1e-9
    diagnostics = collect_diagnostics(chosen, results)
    verdicts = judge_combinations(histories, diagnostics, ACCURACY, no_skill=0.3)
    assert verdicts["combination"].tolist() == names
    assert verdicts["trials"].tolist() == [2, 2]
    assert verdicts["verdict"].nunique() == 1


@pytest.mark.slow
def test_all_stages_are_trained_by_the_same_program(monkeypatch):
    monkeypatch.setattr(Device, "detect", lambda: Device(workers=2, free_memory=2**34))
    display = Display()
    finals, screening_plan = plans(activations=("relu", "tanh"))
    run(finals, screening_plan, {}, engine="stacked", display=display)
    assert display.compilations == [4]  # with both optimizers


def test_the_engine_and_why_it_was_chosen_are_told(caplog):
    caplog.set_level("INFO")
    finals, _ = plans(seeds=(7,))
    run(TrialPlan(trials=finals.trials[:1]), NONE, {})
    assert "engine keras (training.engine asks for it)" in caplog.text


def test_the_node_yields_each_result_with_its_report():
    data = make_data()
    matrices = [
        pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(**{TARGET: y})
        for x, y in ((data.x_train, data.y_train), (data.x_validation, data.y_validation))
    ]
    finals = plan_inner(make_plan(training={"epochs": 1}), 0.25)
    training = TrainingParameters(engine="keras")
    ((result, report, rounds, searched),) = train_trials(
        finals, NONE, {}, *matrices, TargetScaling(), Display(), training, SCREENING, no_files()
    )
    assert report.result is result
    assert not rounds.rounds  # without a budget
    assert not searched.proposals  # without a search
    assert result.trial.id == finals.trials[0].id
    # A quarter of the training rows is watched, the validation rows are scored.
    watched, true = features_and_target(divide_once(*matrices, inner=0.25).watched)
    seen = (result.load_network()(watched).numpy().argmax(axis=1) == true).mean()
    assert len(true) == 20
    assert result.history["val_accuracy"].tolist() == pytest.approx([seen])
    assert len(result.outputs) == len(data.y_validation) != len(true)
