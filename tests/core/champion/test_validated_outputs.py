"""What networks of folds predicted, where one of them has diverged."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.evaluation import _validated_outputs
from dnn_sweep.core.plan.trial import Trial
from tests.builders import make_plan, make_result

# Four rows in two folds, divided twice: each seed has a fold of its own.
FOLDS = pd.DataFrame({"repeat_1": [0, 0, 1, 1], "repeat_2": [2, 3, 2, 3]})


def outputs(seeds, diverged):
    planned = make_plan("binary", training={"seeds": list(range(seeds))}).trials
    results = []
    for trial in planned:
        fields = {name: getattr(trial, name) for name in Trial.model_fields}
        rows = np.flatnonzero(FOLDS.iloc[:, trial.seed // 2] == trial.seed)
        own = np.where(rows < 2, 0.9, 0.1)[:, np.newaxis].astype(np.float32)
        status = "diverged" if trial.seed == diverged else "completed"
        results.append(make_result(Trial(**fields | {"fold": trial.seed}), own, status=status))
    served = [seed for seed in range(seeds) if seed != diverged]
    return _validated_outputs(results, served, FOLDS.iloc[:, : seeds // 2])[:, 0]


def test_a_row_whose_network_diverged_is_predicted_by_the_other_repeat_alone():
    assert outputs(4, diverged=3) == pytest.approx([0.9, 0.9, 0.1, 0.1])


def test_a_row_that_no_network_predicts_gets_the_mean_of_the_others():
    assert outputs(2, diverged=1) == pytest.approx([0.9, 0.9, 0.9, 0.9])
