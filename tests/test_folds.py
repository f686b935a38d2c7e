"""Cross-validation from the command line: every row outside the test split counts."""

import pandas as pd
import pytest

from tests.quick import champion, configure, leaderboard


def trained(project):
    return {
        path.parent.name for path in (project.path / "data/06_models/trials").glob("*/status.json")
    }


@pytest.mark.slow
def test_a_sweep_in_folds_scores_every_row_and_serves_a_network_of_all_rows(project):
    configure(project, split={"folds": 3}, grid={"activations": ["relu"], "optimizers": ["adam"]})
    done = project.kedro("run", "--pipeline=train", "--to-nodes=describe_champion")
    assert done.returncode == 0, done.stderr

    folds = pd.read_parquet(project.path / "data/03_primary/digits/folds.parquet")
    histories = pd.read_parquet(project.path / "data/07_model_output/digits/histories.parquet")
    comparison = (project.path / "data/07_model_output/digits/comparison.json").read_text()
    best = champion(project)
    assert len(folds) == 1437
    assert sorted(set(histories["fold"])) == [0, 1, 2]
    assert histories["trial_id"].nunique() == 2 * 3  # seeds × folds
    assert '"rows": 1437' in comparison
    assert best["rows"] == {"train": 1437, "validation": 1437, "test": 360, "folds": 3}
    assert best["best_epoch"] == best["epochs"] == 3  # no row that scores chose the epoch
    assert best["trial_id"] not in set(histories["trial_id"])
    assert leaderboard(project)["kind"].value_counts().to_dict() == {
        "baseline": 2,
        "combination": 1,
    }
    before = trained(project)
    assert best["served"]["epochs"] == 3
    assert len(before) == 2 * 3 + len(best["served"]["trial_ids"]) == 2 * 3 + 2

    again = project.kedro("run", "--pipeline=train", "--to-nodes=describe_champion")
    assert again.returncode == 0, again.stderr
    assert trained(project) == before
    assert champion(project)["test"] == best["test"]


def test_too_many_folds_are_refused_before_anything_is_trained(project):
    configure(project, split={"folds": 200})
    done = project.kedro("run", "--pipeline=train")
    assert done.returncode == 1
    assert "split.folds: 200" in done.stderr + done.stdout
    assert not trained(project)
