"""Verdicts from made-up curves, where each figure can be put on either side of its threshold."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.histories import collect_histories
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.diagnosis.layer_tables import COLUMNS, collect_diagnostics
from dnn_sweep.core.diagnosis.verdicts import VERDICTS, diagnose_combinations, judge_combinations
from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR
from tests.builders import make_plan, make_result

EPOCHS = 20
FALLING = np.geomspace(2.3, 0.1, EPOCHS)
SETTLED = np.r_[np.geomspace(2.3, 0.2, 10), np.full(10, 0.2)]
GOOD = {"loss": FALLING, "val_loss": SETTLED, "accuracy": 0.96, "val_accuracy": 0.95}
STUCK = {"loss": 2.3, "val_loss": 2.3, "accuracy": 0.1, "val_accuracy": 0.1}
WORSE = {"loss": FALLING, "val_loss": SETTLED, "accuracy": 0.72, "val_accuracy": 0.7}
SOUND = {
    "weight_gradient_norm": 1.0,
    "signal_gradient_norm": [0.5, 0.5, 1.0],
    "dead_units": [0.1, 0.2, np.nan],
    "saturated": [0.1, 0.1, np.nan],
    "update_ratio": 0.05,
}


def history(combination, seed=0, status="completed", **columns):
    identity = {"combination": combination, "trial_id": f"{combination} {seed}", "seed": seed}
    epochs = {"epoch": np.arange(1, EPOCHS + 1)}
    return pd.DataFrame({**identity, "status": status, **epochs, **columns})


def layers(combination, seed=0, activation="relu", **figures):
    """Two hidden layers and the output, at three epochs, always the same figures."""
    frames = [
        pd.DataFrame(
            {
                "trial_id": f"{combination} {seed}",
                "combination": combination,
                "activation": activation,
                "optimizer": "sgd",
                "learning_rate": 0.01,
                "seed": seed,
                "epoch": epoch,
                "layer": ["hidden1", "hidden2", "output"],
                "layer_activation": [activation, activation, "softmax"],
                **SOUND,
                **figures,
            }
        )
        for epoch in (0, 1, EPOCHS)
    ]
    return pd.concat(frames)


def judge(*trials, objective=ACCURACY, no_skill=0.1, **others):
    """Verdicts by combination; `trials` are pairs of a history and its layers."""
    histories = pd.concat([each for each, _ in trials], ignore_index=True)
    diagnostics = pd.concat([each for _, each in trials], ignore_index=True)
    table = judge_combinations(histories, diagnostics, objective, no_skill, **others)
    return table.set_index("combination")


def champion():
    return history("champion", **GOOD), layers("champion")


def patient(curves, activation="relu", **figures):
    """One trial beside a good one."""
    own = history("patient", **curves), layers("patient", activation=activation, **figures)
    return judge(champion(), own).loc["patient"]


def test_what_trains_well_is_healthy_and_says_so_with_a_figure():
    table = judge(champion())
    assert table.loc["champion", "verdict"] == "healthy"
    assert "0.95" in table.loc["champion", "evidence"]
    assert table.loc["champion", "symptoms"] == ""


CASES = {
    "dead units": (STUCK, {"dead_units": [0.1, 0.5, np.nan]}, {"dead_units": [0.1, 0.49, np.nan]}),
    "saturated": (
        STUCK,
        {"saturated": [0.75, 0.1, np.nan], "activation": "tanh"},
        {"saturated": [0.74, 0.1, np.nan], "activation": "tanh"},
    ),
    "vanishing gradient": (
        STUCK,
        {"signal_gradient_norm": [0.009, 0.1, 1], "update_ratio": [0.02, 0.02, 0.05]},
        {"signal_gradient_norm": [0.011, 0.1, 1], "update_ratio": [0.02, 0.02, 0.05]},
    ),
    "learning rate too high": (WORSE, {"update_ratio": 4.1}, {"update_ratio": 3.9}),
    "learning rate too low": (STUCK, {"update_ratio": 0.0049}, {"update_ratio": 0.0051}),
}


@pytest.mark.parametrize("verdict", CASES)
def test_a_figure_beyond_its_threshold_gives_the_verdict_and_the_evidence(verdict):
    curves, beyond, within = CASES[verdict]

    found = patient(curves, **beyond)

    assert found["verdict"] == found["symptoms"] == verdict
    assert "threshold" in found["evidence"]
    assert patient(curves, **within)["symptoms"] == ""


@pytest.mark.parametrize("verdict", CASES)
def test_a_symptom_is_no_verdict_where_it_did_no_harm(verdict):
    _, beyond, _ = CASES[verdict]

    found = patient(GOOD, **beyond)

    assert (found["verdict"], found["symptoms"]) == ("healthy", verdict)


def test_one_sided_activations_do_not_saturate_by_having_a_side_without_slope():
    assert patient(STUCK, saturated=[0.9, 0.9, np.nan])["symptoms"] == ""


def test_an_optimizer_that_makes_up_for_small_gradients_is_not_said_to_suffer_from_them():
    found = patient(STUCK, signal_gradient_norm=[0.001, 0.1, 1], update_ratio=[0.03, 0.05, 0.05])
    assert found["symptoms"] == ""


def test_a_loss_that_climbs_back_says_that_the_steps_are_too_large():
    climbing = WORSE | {"loss": np.r_[FALLING[:15], np.full(5, 0.7)]}
    assert patient(climbing)["verdict"] == "learning rate too high"


def test_a_validation_loss_still_on_its_way_says_that_they_are_too_small():
    falling = WORSE | {"val_loss": np.linspace(2.3, 1.5, EPOCHS)}
    found = patient(falling)
    assert found["verdict"] == "learning rate too low"
    assert "last quarter" in found["evidence"]
    # Not where it has been far lower before: that is noise, or overfitting.
    jumping = falling["val_loss"].copy()
    jumping[9] = 1.2
    assert patient(falling | {"val_loss": jumping})["symptoms"] == ""
    flat = np.full(EPOCHS, 2.3) - np.linspace(0, 0.1, EPOCHS)
    assert patient(falling | {"val_loss": flat})["symptoms"] == ""


def test_a_validation_loss_that_rises_while_the_training_loss_falls_is_overfitting():
    rising = np.r_[np.geomspace(2.3, 0.5, 5), np.linspace(0.5, 0.9, 15)]
    curves = WORSE | {"val_loss": rising, "accuracy": 1.0}
    assert patient(curves)["verdict"] == "overfitting"
    assert patient(curves | {"accuracy": 0.72})["symptoms"] == ""
    assert "overfitting" not in patient(curves | {"loss": rising})["symptoms"]


def test_the_most_upstream_of_several_symptoms_is_the_verdict_and_all_are_listed():
    found = patient(
        STUCK,
        dead_units=[1.0, 1.0, np.nan],
        signal_gradient_norm=[0.0, 0.0, 1.0],
        update_ratio=[0.0, 0.0, 0.0001],
    )
    assert found["verdict"] == "dead units"
    assert found["symptoms"] == "dead units, vanishing gradient, learning rate too low"
    order = list(VERDICTS)
    assert order.index("dead units") < order.index("vanishing gradient")


def test_a_whole_sweep_that_learned_nothing_has_no_healthy_best():
    alone = history("only", **STUCK), layers("only", dead_units=[1.0, 1.0, np.nan])
    assert judge(alone).loc["only", "verdict"] == "dead units"


@pytest.mark.parametrize(("reached", "verdict"), [(0.905, "dead units"), (0.91, "healthy")])
def test_to_miss_a_twentieth_of_what_the_best_gained_is_clearly_worse(reached, verdict):
    found = patient(
        GOOD | {"accuracy": 0.9, "val_accuracy": reached}, dead_units=[1.0, 1.0, np.nan]
    )
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("reached", "loss", "verdict"),
    [
        (0.18, FALLING, "dead units"),
        (0.3, FALLING, "healthy"),
        (0.3, np.linspace(2.3, 2.2, EPOCHS), "dead units"),
        (0.6, np.linspace(2.3, 2.2, EPOCHS), "healthy"),
    ],
)
def test_the_best_itself_is_sick_where_it_learned_nothing(reached, loss, verdict):
    curves = GOOD | {"accuracy": reached, "val_accuracy": reached, "loss": loss}
    alone = history("only", **curves), layers("only", dead_units=[1.0, 1.0, np.nan])
    assert judge(alone).loc["only", "verdict"] == verdict


@pytest.mark.parametrize("curves", [WORSE, STUCK])
def test_to_fail_without_any_symptom_is_unexplained(curves):
    found = patient(curves)
    assert (found["verdict"], found["symptoms"]) == ("unexplained", "")
    assert "no symptom" in found["evidence"]
    assert f"{curves['val_accuracy']}" in found["evidence"]


@pytest.mark.parametrize(("reached", "verdict"), [(0.84, "unexplained"), (0.87, "healthy")])
def test_a_small_difference_to_the_best_needs_no_explanation(reached, verdict):
    assert patient(GOOD | {"val_accuracy": reached})["verdict"] == verdict


def test_units_that_died_in_training_were_killed_by_too_large_steps():
    own = layers("patient", dead_units=[0.1, 0.9, np.nan])
    alive = own["epoch"] == 0
    own.loc[alive, "dead_units"] = [0.1, 0.44, np.nan]
    found = judge(champion(), (history("patient", **STUCK), own)).loc["patient"]
    assert found["verdict"] == "learning rate too high"
    assert "90 %" in found["evidence"]
    assert "44 % before training" in found["evidence"]
    own.loc[alive, "dead_units"] = [0.1, 0.46, np.nan]
    found = judge(champion(), (history("patient", **STUCK), own)).loc["patient"]
    assert found["verdict"] == "dead units"


def test_a_layer_that_saturates_at_the_end_did_not_hinder_the_training():
    own = layers("patient", activation="tanh", saturated=[0.2, 0.2, np.nan])
    own.loc[own["epoch"] == EPOCHS, "saturated"] = [0.9, 0.9, np.nan]
    found = judge(champion(), (history("patient", **STUCK), own)).loc["patient"]
    assert found["symptoms"] == ""


LEVEL = np.r_[np.geomspace(2.3, 1.2, 10), np.full(10, 1.2)]
SMALL = {"loss": LEVEL, "val_loss": LEVEL, "accuracy": 0.55, "val_accuracy": 0.54}


def test_a_training_loss_that_settles_far_from_what_others_reach_is_underfitting():
    found = patient(SMALL)
    assert found["verdict"] == found["symptoms"] == "underfitting"
    assert "0.55" in found["evidence"]
    assert patient(SMALL | {"loss": FALLING})["verdict"] == "unexplained"
    assert patient(SMALL | {"accuracy": 0.8})["verdict"] == "unexplained"
    assert patient(SMALL | {"accuracy": 0.15})["verdict"] == "unexplained"


@pytest.mark.parametrize(
    ("reference", "verdict"), [(0.7, "underfitting"), (0.64, "healthy"), (np.nan, "healthy")]
)
def test_the_best_itself_underfits_where_another_learner_is_far_better(reference, verdict):
    found = judge((history("only", **SMALL), layers("only")), reference=reference)
    assert found.loc["only", "verdict"] == verdict


@pytest.mark.parametrize(
    ("reached", "reference", "verdict"),
    [
        (0.12, 0.08, "no signal"),
        (0.12, 0.5, "unexplained"),  # the other learner found a signal
        (0.12, np.nan, "unexplained"),
        (0.24, 0.08, "no signal"),  # chance may lead to 0.25
        (0.26, 0.08, "healthy"),
    ],
)
def test_labels_that_nobody_can_predict_have_no_signal(reached, reference, verdict):
    curves = GOOD | {"val_accuracy": reached}
    own = history("only", **curves), layers("only")
    found = judge(own, chance=0.15, reference=reference).loc["only"]
    assert found["verdict"] == verdict


def test_rows_learned_by_heart_are_overfitting_even_of_the_best():
    rising = np.r_[np.geomspace(2.3, 0.5, 5), np.linspace(0.5, 0.9, 15)]
    curves = {"loss": FALLING, "val_loss": rising, "accuracy": 1.0, "val_accuracy": 0.7}
    assert judge((history("only", **curves), layers("only"))).loc["only", "verdict"] == (
        "overfitting"
    )
    curves["accuracy"] = 0.9
    found = judge((history("only", **curves), layers("only"))).loc["only"]
    assert (found["verdict"], found["symptoms"]) == ("healthy", "overfitting")


def test_what_hinders_the_training_is_no_cause_where_the_training_rows_were_fitted():
    found = patient(WORSE | {"accuracy": 0.95}, dead_units=[1.0, 1.0, np.nan])
    assert (found["verdict"], found["symptoms"]) == ("unexplained", "dead units")


def test_a_diverged_trial_is_diverged_whatever_it_had_reached():
    ended = GOOD | {"loss": np.r_[FALLING[:-1], np.nan]}
    own = history("patient", status="diverged", **ended), layers("patient")
    found = judge(champion(), own).loc["patient"]
    assert found["verdict"] == "diverged"
    assert str(EPOCHS) in found["evidence"]


def test_most_seeds_decide_and_of_equally_many_the_most_upstream():
    def seeds(*curves):
        trials = [
            (history("patient", seed, **each), layers("patient", seed, dead_units=[0, 1, np.nan]))
            for seed, each in enumerate(curves)
        ]
        return judge(champion(), *trials).loc["patient"]

    slightly_worse = GOOD | {"accuracy": 0.85, "val_accuracy": 0.85}
    found = seeds(slightly_worse, GOOD, GOOD)
    assert (found["verdict"], found["agreeing"], found["trials"]) == ("healthy", 2, 3)
    assert found["symptoms"] == "dead units"
    assert seeds(STUCK, STUCK, GOOD)["verdict"] == "dead units"
    assert seeds(STUCK, GOOD)["verdict"] == "dead units"
    # A seed that fails may make the mean over the seeds clearly worse than the best.
    found = seeds(STUCK, GOOD, GOOD)
    assert (found["verdict"], found["agreeing"], found["trials"]) == ("dead units", 1, 3)


def test_a_regressions_error_is_judged_the_other_way_round():
    def curves(error):
        return {"loss": FALLING, "val_loss": SETTLED, "mae": error, "val_mae": error}

    table = judge(
        (history("best", **curves(40.0)), layers("best", update_ratio=4.1)),
        (history("worse", **curves(55.0)), layers("worse", update_ratio=4.1)),
        objective=MEAN_ABSOLUTE_ERROR,
        no_skill=65.0,
    )
    assert list(table["verdict"]) == ["healthy", "learning rate too high"]


def test_trials_of_which_nothing_was_measured_are_judged_by_their_curves():
    nothing = pd.DataFrame(columns=list(COLUMNS))
    climbing = WORSE | {"loss": np.r_[FALLING[:15], np.full(5, 0.7)]}
    table = judge((history("a", **GOOD), nothing), (history("b", **climbing), nothing))
    assert list(table["verdict"]) == ["healthy", "learning rate too high"]


def test_diagnostics_are_collected_with_what_identifies_the_trial_and_its_layers():
    network = {"hidden": [{"units": 8, "activation": "tanh"}, 6]}
    plan = make_plan(network=network, grid={"optimizers": ["sgd", "adam"]})
    table = pd.DataFrame({"epoch": [0] * 3, "layer": ["hidden1", "hidden2", "output"], **SOUND})
    results = {
        trial.id: make_result(trial, np.zeros((2, 3)), diagnostics=own)
        for trial, own in zip(plan.trials, [None, table], strict=True)
    }

    found = collect_diagnostics(plan, results)

    assert list(found) == list(COLUMNS)
    assert set(found["combination"]) == {"relu + adam"}
    assert list(found["layer_activation"]) == ["tanh", "relu", "softmax"]
    pd.testing.assert_frame_equal(found[list(table)], table)
    plan, results = make_plan(), {make_plan().trials[0].id: next(iter(results.values()))}
    assert list(collect_diagnostics(plan, results)) == list(COLUMNS)


LAYERS = pd.DataFrame(
    {
        "epoch": [0, 0, 0, 3, 3, 3],
        "layer": ["hidden1", "hidden2", "output"] * 2,
        "weight_gradient_norm": 0.0,
        "signal_gradient_norm": 0.0,
        "dead_units": [1.0, 1.0, np.nan] * 2,
        "saturated": [0.5, 0.5, np.nan] * 2,
        "update_ratio": 0.0,
    }
)


def matrix(target):
    return pd.DataFrame({"x0": np.zeros(len(target)), "target": target})


@pytest.mark.parametrize(
    ("task", "train", "validation", "no_skill"),
    [
        # The training rows' most frequent class, on the validation rows.
        ("multiclass", [2, 2, 1, 0], [2, 1, 0, 0], "0.25"),
        # Their median, in the target's unit: errors of 1, 1, 3, 5 standard deviations of 4.
        ("regression", [-1.0, 0.0, 9.0], [1.0, -1.0, 3.0, 5.0], "10"),
    ],
)
def test_a_combination_is_compared_with_no_skill(task, train, validation, no_skill):
    plan = make_plan(task, grid={"optimizers": ["sgd"]}, training={"seeds": [0, 1]})
    results = {
        trial.id: make_result(trial, np.zeros((4, 3)), diagnostics=LAYERS) for trial in plan.trials
    }
    histories = collect_histories(plan, results)
    metric = "mae" if task == "regression" else "accuracy"
    histories[[metric, f"val_{metric}"]] = float(no_skill)

    diagnostics, verdicts = diagnose_combinations(
        plan, results, histories, matrix(train), matrix(validation), TargetScaling(scale=4.0)
    )

    assert len(diagnostics) == 2 * len(LAYERS)
    assert verdicts.loc[0, "verdict"] == "dead units"
    assert f"against {no_skill} without looking at a row" in verdicts.loc[0, "evidence"]
