import io

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.time_to_target import (
    default_target,
    performance_profiles,
    summarize_times,
    time_to_target,
)
from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR


def histories_of(curves, metric="val_accuracy", status=None, seconds=None, batch_size=32):
    """Histories of trials, given as {(combination, seed): values epoch by epoch}."""
    rows = []
    for (combination, seed), values in curves.items():
        for epoch, value in enumerate(values, 1):
            rows.append(
                {
                    "trial_id": f"{combination}-{seed}",
                    "combination": combination,
                    "activation": combination,
                    "optimizer": "adam",
                    "batch_size": batch_size,
                    "seed": seed,
                    "status": (status or {}).get(combination, "completed"),
                    "epoch": epoch,
                    metric: value,
                    "seconds": (seconds or {}).get(combination, 1.0),
                }
            )
    return pd.DataFrame(rows)


def times_of(seconds):
    """A table of times, given as {combination: seconds seed by seed}."""
    return pd.DataFrame(
        [
            {
                "combination": name, "seed": seed, "reached": np.isfinite(each),
                "epochs": each, "steps": 10 * each, "seconds": each,
            }
            for name, values in seconds.items()
            for seed, each in enumerate(values)
        ]
    )  # fmt: skip


def test_a_trial_takes_the_epochs_steps_and_seconds_until_it_first_reaches_the_target():
    histories = histories_of(
        {("a", 0): [0.5, 0.8, 0.7, 0.9], ("b", 0): [0.1, 0.2, 0.3, 0.4]}, seconds={"a": 0.5}
    )

    times = time_to_target(histories, ACCURACY, training_rows=100, target=0.8)

    a, b = times.to_dict("records")
    assert (a["reached"], a["epochs"], a["steps"], a["seconds"]) == (True, 2, 8, 1.0)
    assert (b["reached"], b["epochs"], b["steps"], b["seconds"]) == (False, *[np.inf] * 3)
    assert (times["target"] == 0.8).all()


def test_of_an_error_less_reaches_the_target():
    histories = histories_of({("a", 0): [50, 45, 40]}, metric="val_mae")

    times = time_to_target(histories, MEAN_ABSOLUTE_ERROR, training_rows=32, target=45)

    assert times["epochs"].tolist() == [2]


def test_a_trial_that_diverged_counts_as_never_there_also_if_it_was():
    histories = histories_of(
        {("a", 0): [0.9, np.nan], ("b", 0): [0.9, 0.9]}, status={"a": "diverged"}
    )

    times = time_to_target(histories, ACCURACY, training_rows=32, target=0.8)

    assert times["reached"].tolist() == [False, True]
    assert times["seconds"].tolist() == [np.inf, 1.0]


def test_rows_out_of_order_change_nothing():
    histories = histories_of({("a", 0): [0.5, 0.8, 0.9], ("b", 0): [0.1, 0.2, 0.9]})

    shuffled = histories.sample(frac=1, random_state=1)

    expected = time_to_target(histories, ACCURACY, 32, 0.8).set_index("combination")
    found = time_to_target(shuffled, ACCURACY, 32, 0.8).set_index("combination")
    pd.testing.assert_frame_equal(found.loc[expected.index], expected)


def test_the_default_target_is_a_share_of_what_the_best_combination_reaches_on_average():
    curves = {("a", 0): [0.5, 1.0, 0.9], ("a", 1): [0.8, 0.7, np.inf], ("b", 0): [0.85, 0.2, 0.1]}

    accuracy = default_target(histories_of(curves), ACCURACY)
    error = default_target(
        histories_of({("a", 0): [50.0, 45.0], ("b", 0): [90.0, 60.0]}, metric="val_mae"),
        MEAN_ABSOLUTE_ERROR,
    )

    assert accuracy.value == pytest.approx(0.98 * 0.9)
    words = accuracy.describe(ACCURACY)
    assert words == "validation accuracy 0.8820 (98 % of the best combination's)"
    assert error.value == pytest.approx(50)
    assert "11 % above the best one's" in error.describe(MEAN_ABSOLUTE_ERROR)


def test_a_combinations_median_is_never_when_half_of_its_seeds_never_got_there():
    times = times_of({"slow": [9, 9, 9], "half": [1, np.inf], "most": [1, 2, np.inf]})

    summary = summarize_times(times).set_index("combination")

    assert summary.index.tolist() == ["most", "slow", "half"]
    assert summary["seconds"].tolist() == [2, 9, np.inf]
    assert summary["reached"].tolist() == [2, 3, 1]


def test_a_profile_is_the_share_of_seeds_within_a_factor_of_the_fastest_on_each():
    # By hand: on seed 0 a takes 1 and b twice that; on seed 1 b is the fastest, a takes 3 times.
    profiles = {
        profile.combination: profile
        for profile in performance_profiles(times_of({"a": [1, 6], "b": [2, 2], "c": [np.inf] * 2}))
    }

    assert profiles["a"].factors.tolist() == [1, 3, 3]
    assert profiles["a"].shares.tolist() == [0.5, 1, 1]
    assert profiles["b"].factors.tolist() == [1, 2, 3]
    assert profiles["b"].shares.tolist() == [0.5, 1, 1]
    assert profiles["c"].shares.tolist() == [0, 0]


def test_the_profile_with_the_largest_area_comes_first():
    times = times_of({"late": [3, 3], "never": [np.inf] * 2, "fast": [1, 1]})
    assert [p.combination for p in performance_profiles(times)] == ["fast", "late", "never"]


def test_a_seed_on_which_no_combination_is_ready_stays_in_the_denominator():
    (profile,) = performance_profiles(times_of({"a": [1, np.inf]}))
    assert profile.shares.max() == 0.5


def test_the_table_comes_back_from_a_file_as_it_was():
    times = time_to_target(
        histories_of({("a", 0): [0.9], ("b", 0): [0.1]}), ACCURACY, training_rows=32, target=0.8
    )

    read = pd.read_csv(io.StringIO(times.to_csv(index=False)))

    assert summarize_times(read).equals(summarize_times(times))
