import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.leaderboard import collect_histories
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.pipelines.evaluation.diagnosis import diagnose_combinations
from tests.builders import make_plan, make_result

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
    metric = "val_mae" if task == "regression" else "val_accuracy"
    histories[metric] = float(no_skill)

    diagnostics, verdicts = diagnose_combinations(
        plan, results, histories, matrix(train), matrix(validation), TargetScaling(scale=4.0)
    )

    assert len(diagnostics) == 2 * len(LAYERS)
    assert verdicts.loc[0, "verdict"] == "dead units"
    assert f"against {no_skill} without looking at a row" in verdicts.loc[0, "evidence"]
