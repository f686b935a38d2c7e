"""The comparison of what can be served."""

import pandas as pd
import pytest

from benchmarks.served import METHODS, compare, summarize

COSTS = {"seconds": 1.0, "megabytes": 0.1, "milliseconds": 2.0}


def test_choices_are_compared_split_by_split():
    scores = {"best_seed": [40.0, 44.0], "ensemble": [38.0, 44.0], "refit": [37.0, 41.0]}
    rows = [
        {"experiment": "x", "split": split, "served": method, "mae": score, **COSTS}
        for method, of_splits in scores.items()
        for split, score in enumerate(of_splits)
    ]
    found = summarize(pd.DataFrame(rows))
    assert found["mae"].to_dict() == {"best_seed": 42.0, "ensemble": 41.0, "refit": 39.0}
    assert found.loc["refit", "mae minus best_seed"] == "-3.0000 ± 0.0000"
    assert found.loc["refit", "mae minus ensemble"] == "-2.0000 ± 1.0000"


@pytest.mark.slow
def test_every_choice_is_evaluated_on_the_test_rows():
    training = {"engine": "keras", "epochs": 1, "seeds": [0, 1]}
    evaluation = {"baselines": ["no_skill"], "resamples": 100}
    found = list(compare("diabetes", 0, training=training, evaluation=evaluation))
    assert [row["served"] for row in found] == list(METHODS)
    assert all(row["mae"] > 0 and row["megabytes"] > 0 for row in found)
