from dnn_sweep.core.comparison.histories import collect_histories
from tests.core.comparison.test_leaderboard import sweep


def test_histories_have_one_row_per_trial_and_epoch():
    plan, results = sweep({"sgd": [20, 21], "adam": [30, 31]}, diverged=[("adam", 1)])
    histories = collect_histories(plan, results)

    assert len(histories) == 4 * 3
    assert histories.groupby("trial_id")["epoch"].apply(list).tolist() == [[1, 2, 3]] * 4
    assert histories.groupby("trial_id", sort=False)["status"].first().tolist() == [
        *["completed"] * 3,
        "diverged",
    ]
    named = {"combination", "activation", "optimizer", "learning_rate", "seed", "status",
             "loss", "accuracy", "val_loss", "val_accuracy"}  # fmt: skip
    assert named <= set(histories.columns)
