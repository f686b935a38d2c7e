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
    assert best["rows"] == {
        "train": 1437,
        "validation": 1437,
        "test": 360,
        "folds": 3,
        "one_seed_per_fold": False,
    }
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


@pytest.mark.slow
def test_by_default_each_seed_has_a_fold_and_more_seeds_train_nothing_again(new_project):
    project = new_project()
    one = {"activations": ["relu"], "optimizers": ["adam"]}
    configure(project, grid=one, training={"epochs": 1, "seeds": 5})
    done = project.kedro("run", "--pipeline=train", "--to-nodes=describe_champion")
    assert done.returncode == 0, done.stderr
    before, best = trained(project), champion(project)
    assert best["rows"]["folds"] == 5
    assert best["rows"]["one_seed_per_fold"]
    assert best["served"]["seeds"] == [0, 1, 2, 3, 4]
    assert len(before) == 5 + 5  # networks of folds, and those of all rows that are served
    scores = pd.read_csv(project.path / "data/07_model_output/digits/seed_scores.csv")
    assert leaderboard(project)["val_accuracy_mean"].max() > scores["val_accuracy"].min()

    more = ("run", "--pipeline=train", "--params=training.seeds=10")
    done = project.kedro(*more, "--to-nodes=describe_champion")
    assert done.returncode == 0, done.stderr
    assert before < trained(project)
    assert len(trained(project)) == 10 + 10
    folds = pd.read_parquet(project.path / "data/03_primary/digits/folds.parquet")
    assert folds.max().tolist() == [4, 9]


def test_too_many_folds_are_refused_before_anything_is_trained(project):
    configure(project, split={"folds": 200})
    done = project.kedro("run", "--pipeline=train")
    assert done.returncode == 1
    assert "split.folds: 200" in done.stderr + done.stdout
    assert not trained(project)
