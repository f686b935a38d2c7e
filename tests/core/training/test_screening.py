"""Learning rates are chosen on seeds that the finals never see, and the grid grows at its edges."""

import dataclasses

import numpy as np
import pytest

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.training.screening import (
    asked_for,
    at_every_rate,
    best_rates,
    recall,
    screening_table,
    with_rates,
)
from dnn_sweep.parameters import ScreeningParameters
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


def run(plan, screening, accuracy):
    """Train all that is asked for; `accuracy` tells what a rate reaches."""
    results = {}
    while new := [t for t in asked_for(plan, results, screening) if t.id not in results]:
        results |= {trial.id: accuracy(trial) for trial in new}
    return results


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
    screening = settings(extensions=extensions)
    plan = at_every_rate(plan_of(), screening)
    results = run(
        plan, screening, lambda t: scored(t, 1 - abs(np.log10(t.learning_rate / peak)) / 20)
    )
    assert best_rates(plan, results, screening) == {"relu + adam": pytest.approx(best)}
    table = screening_table(plan, results, screening)
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
        return best_rates(plan, results, screening)["relu + adam"]

    assert best((0.5, 9.0), (0.4, 1.0), (0.3, 1.0)) == low.learning_rate
    assert best((0.5, 9.0), (0.5, 1.0), (0.5, 2.0)) == middle.learning_rate
    assert best((0.5, 1.0), (0.5, 1.0), (0.5, 1.0)) == low.learning_rate


def test_less_error_is_better_in_a_regression():
    screening = settings(extensions=0)
    plan = at_every_rate(make_plan("regression"), screening)
    results = {t.id: scored(t, error) for t, error in zip(plan.trials, (3, 1, 2), strict=True)}
    assert set(best_rates(plan, results, screening).values()) == {plan.trials[1].learning_rate}


def test_a_diverged_rate_is_never_chosen_over_one_that_has_not():
    screening = settings(extensions=0)
    plan = at_every_rate(plan_of(), screening)
    low, middle, high = plan.trials
    results = {
        low.id: scored(low, 0.2),
        middle.id: scored(middle, 0.9, status="diverged"),
        high.id: scored(high, 0.1),
    }
    assert best_rates(plan, results, screening) == {"relu + adam": low.learning_rate}
    table = screening_table(plan, results, screening)
    assert table["diverged"].tolist() == [False, True, False]
    assert np.isnan(table["val_accuracy"][1])


def test_what_was_trained_before_is_recalled_with_the_rates_it_led_to():
    screening = settings(extensions=1)
    plan = at_every_rate(plan_of(), screening)
    everything = run(plan, screening, lambda t: scored(t, t.learning_rate))
    assert recall(plan, {}, everything, screening).keys() == everything.keys()
    stranger = at_every_rate(make_plan(grid={"optimizers": ["sgd"]}), screening).trials[0]
    found = recall(plan, {}, everything | {stranger.id: scored(stranger, 1.0)}, screening)
    assert stranger.id not in found


def test_finals_train_at_the_chosen_rates_and_are_otherwise_as_planned():
    plan = plan_of(training={"seeds": [0, 1]})
    finals = with_rates(plan, {"relu + adam": 0.05})
    assert [(t.seed, t.learning_rate) for t in finals.trials] == [(0, 0.05), (1, 0.05)]
    assert with_rates(plan, {}) == plan
    assert finals.trials[0].id != plan.trials[0].id


def test_an_incomplete_screening_chooses_nothing():
    screening = settings()
    plan = at_every_rate(plan_of(), screening)
    with pytest.raises(SweepError, match="relu \\+ adam is not complete"):
        best_rates(plan, {}, screening)
