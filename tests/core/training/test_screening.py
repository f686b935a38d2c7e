"""Learning rates are chosen on seeds that the finals never see, and the grid grows at its edges."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.plan.learning_rates import at_every_rate, at_rate, plan_screening, with_rates
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.optimizers import learning_rate_schedule
from dnn_sweep.core.training.screening import Screening, choose_learning_rates
from dnn_sweep.parameters import ScreeningParameters, TrainingParameters
from tests.builders import make_plan, make_result

OUTPUTS = np.zeros((4, 3), np.float32)


def plan_of(**given):
    return make_plan(grid={"optimizers": [{"adam": {"learning_rate": 0.001}}]}, **given)


def settings(**given):
    return ScreeningParameters(enabled=True, **given)


def scored(trial, value, loss=1.0, **given):
    """A result whose kept epoch has this accuracy and loss."""
    result = make_result(trial, OUTPUTS, **given)
    metric = "val_mae" if trial.task == "regression" else "val_accuracy"
    history = result.history.assign(**{metric: value, "val_loss": loss})
    return dataclasses.replace(result, history=history)


def run(plan, settings, accuracy):
    """Train all that is asked for; `accuracy` tells what a rate reaches."""
    screening = Screening(plan, settings)
    while new := [t for t in screening.asked_for() if t.id not in screening.results]:
        screening.results.update({trial.id: accuracy(trial) for trial in new})
    return screening


def rates_of(screening):
    return {name: trial.learning_rate for name, trial in screening.best_trials().items()}


def test_every_rate_of_every_seed_is_tried():
    plan = at_every_rate(plan_of(training={"seeds": [7, 8]}), settings(factors=(10, 0.1, 1)))
    assert [(t.seed, t.learning_rate) for t in plan.trials] == [
        (7, 0.0001), (7, 0.001), (7, 0.01), (8, 0.0001), (8, 0.001), (8, 0.01),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("peak", "extensions", "best", "edge", "tried"),
    [
        (0.001, 2, 0.001, "", 3),
        (0.1, 2, 0.1, "", 5),  # one rate further, and the one beyond it is worse
        (10.0, 2, 1.0, "high", 5),
        (1e-9, 1, 1e-5, "low", 4),
        (0.1, 0, 0.01, "high", 3),
    ],
)
def test_the_grid_grows_while_its_edge_is_best(peak, extensions, best, edge, tried):
    given = settings(extensions=extensions)
    screening = run(
        at_every_rate(plan_of(), given),
        given,
        lambda t: scored(t, 1 - abs(np.log10(t.learning_rate / peak)) / 20),
    )
    assert rates_of(screening) == {"relu + adam": pytest.approx(best)}
    table = screening.table("multiclass")
    assert len(table) == tried
    (chosen,) = table[table["chosen"]].to_dict("records")
    assert (chosen["learning_rate"], chosen["edge"]) == (pytest.approx(best), edge)
    assert set(table.loc[~table["chosen"], "edge"]) == {""}


def test_the_objective_decides_then_the_loss_then_the_lower_rate():
    screening = settings(extensions=0)
    plan = at_every_rate(plan_of(), screening)
    low, middle, high = plan.trials

    def best(*values):
        results = {
            trial.id: scored(trial, *value)
            for trial, value in zip((low, middle, high), values, strict=True)
        }
        return rates_of(Screening(plan, screening, results))["relu + adam"]

    assert best((0.5, 9.0), (0.4, 1.0), (0.3, 1.0)) == low.learning_rate
    assert best((0.5, 9.0), (0.5, 1.0), (0.5, 2.0)) == middle.learning_rate
    assert best((0.5, 1.0), (0.5, 1.0), (0.5, 1.0)) == low.learning_rate


def test_less_error_is_better_in_a_regression():
    screening = settings(extensions=0)
    plan = at_every_rate(make_plan("regression"), screening)
    results = {t.id: scored(t, error) for t, error in zip(plan.trials, (3, 1, 2), strict=True)}
    rates = rates_of(Screening(plan, screening, results))
    assert set(rates.values()) == {plan.trials[1].learning_rate}


def test_a_diverged_rate_is_never_chosen_over_one_that_has_not():
    screening = settings(extensions=0)
    plan = at_every_rate(plan_of(), screening)
    low, middle, high = plan.trials
    results = {
        low.id: scored(low, 0.2),
        middle.id: scored(middle, 0.9, status="diverged"),
        high.id: scored(high, 0.1),
    }
    screened = Screening(plan, screening, results)
    assert rates_of(screened) == {"relu + adam": low.learning_rate}
    table = screened.table("multiclass")
    assert table["diverged"].tolist() == [False, True, False]
    assert np.isnan(table["val_accuracy"][1])


def test_what_was_trained_before_is_recalled_with_the_rates_it_led_to():
    screening = settings(extensions=1)
    plan = at_every_rate(plan_of(), screening)
    everything = run(plan, screening, lambda t: scored(t, t.learning_rate)).results
    stranger = at_every_rate(make_plan(grid={"optimizers": ["sgd"]}), screening).trials[0]
    found = Screening(plan, screening)
    found.recall(everything | {stranger.id: scored(stranger, 1.0)})
    assert found.results.keys() == everything.keys()


def test_finals_train_at_the_chosen_rates_and_are_otherwise_as_planned():
    plan = plan_of(training={"seeds": [0, 1]})
    finals = with_rates(plan, {"relu + adam": at_rate(plan.trials[0], 0.05)})
    assert [(t.seed, t.learning_rate) for t in finals.trials] == [(0, 0.05), (1, 0.05)]
    assert with_rates(plan, {}) == plan
    assert finals.trials[0].id != plan.trials[0].id


def test_an_incomplete_screening_chooses_nothing():
    screening = settings()
    plan = at_every_rate(plan_of(), screening)
    with pytest.raises(SweepError, match="relu \\+ adam is not complete"):
        Screening(plan, screening).best_trials()


def test_a_seed_of_the_finals_cannot_screen():
    training = TrainingParameters(seeds=(0, 1000))
    with pytest.raises(SweepError, match=r"screening\.seeds: 1000 is also among training\.seeds"):
        plan_screening(*[None] * 5, training, None, settings())


def test_the_peak_of_a_warm_up_is_screened_with_its_start():
    screening = settings(factors=(0.5, 1, 2), extensions=1)
    schedule = {"class": "CosineDecay", "warmup_target": 0.0123456789, "warmup_steps": 2}
    grid = {"optimizers": [{"sgd": {"learning_rate": 0.001, "schedule": schedule}}]}
    finals = make_plan(grid=grid, training={"epochs": 3})
    plan = at_every_rate(make_plan(grid=grid, training={"epochs": 2, "seeds": [9]}), screening)
    screened = run(plan, screening, lambda trial: scored(trial, trial.learning_rate))
    table = screened.table("multiclass")
    assert table[["learning_rate", "warmup_target"]].to_numpy().tolist() == [
        [0.0005, 0.00617284],
        [0.001, 0.0123456789],
        [0.002, 0.0246914],
        [0.004, 0.0493828],
    ]
    (final,) = with_rates(finals, screened.best_trials()).trials
    assert (final.learning_rate, final.schedule.arguments["warmup_target"]) == (0.004, 0.0493828)
    own_length = finals.trials[0].schedule.arguments["decay_steps"]
    assert final.schedule.arguments["decay_steps"] == own_length
    # The rates that Keras takes from the schedule: start and peak.
    built = learning_rate_schedule(final)
    assert [float(built(step)) for step in (0, 2)] == pytest.approx([0.004, 0.0493828])


def test_the_end_of_a_decay_is_screened_with_its_start():
    screening = settings(factors=(0.01, 1))
    grid = {"optimizers": [{"sgd": {"learning_rate": 0.001, "schedule": "PolynomialDecay"}}]}
    low, own = at_every_rate(make_plan(grid=grid), screening).trials
    assert low.schedule.arguments["end_learning_rate"] == 1e-6 < low.learning_rate
    assert own == make_plan(grid=grid).trials[0]


def test_a_rate_tried_unchanged_is_not_rounded():
    grid = {"optimizers": [{"adam": {"learning_rate": 0.0012345678}}]}
    (own,) = make_plan(grid=grid).trials
    assert own in at_every_rate(make_plan(grid=grid), settings()).trials


@pytest.mark.parametrize(
    ("task", "metric"), [("binary", "val_accuracy"), ("regression", "val_mae")]
)
def test_an_empty_table_has_the_columns_of_the_task(task, metric):
    none = TrialPlan(trials=())
    finals = make_plan(task)
    chosen, empty = choose_learning_rates(finals, none, {}, settings())
    plan = at_every_rate(finals, settings(extensions=0))
    results = {trial.id: scored(trial, 0.5) for trial in plan.trials}
    full = Screening(plan, settings(extensions=0), results).table(task)
    assert chosen == finals
    assert list(empty) == list(full)
    assert metric in empty


def test_the_objective_is_computed_from_outputs_where_epochs_do_not_measure_it():
    given = settings(extensions=0)
    plan = at_every_rate(make_plan("binary"), given)
    true = np.array([0, 0, 0, 0, 1, 1])
    order = np.float32([[0.1], [0.2], [0.3], [0.35], [0.4], [0.45]])  # perfect, below a half
    labels = np.float32([[0.1], [0.2], [0.9], [0.1], [0.8], [0.15]])
    low, middle, high = plan.trials
    results = {
        low.id: make_result(low, labels),
        middle.id: make_result(middle, order),
        high.id: make_result(high, labels, status="diverged"),
    }
    matrix = pd.DataFrame({"target": true})
    none = TrialPlan(trials=())
    judged = matrix, TargetScaling(), None, named_objective("roc_auc", "binary")
    _, table = choose_learning_rates(make_plan("binary"), plan, results, given, *judged)
    assert table["val_roc_auc"].tolist() == pytest.approx([0.625, 1.0, np.nan], nan_ok=True)
    assert table["chosen"].tolist() == [False, True, False]
    assert "val_accuracy" not in table
    _, empty = choose_learning_rates(make_plan("binary"), none, {}, given, *judged)
    assert "val_roc_auc" in empty
