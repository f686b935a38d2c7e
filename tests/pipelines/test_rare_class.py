"""A table with a rare class: what ranks, what is said first, and what is offered."""

import re
from contextlib import chdir

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.reporting.model_card import write_model_card
from tests.iris_sweep import Kept, groups, train
from tests.stores import make_store, use_store


def rare_table() -> pd.DataFrame:
    """About 2 % of 3,000 rows are positive."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(3000, 2)), columns=["x0", "x1"])
    chance = 1 / (1 + np.exp(-(1.5 * table["x0"] + table["x1"] - 5.3)))
    return table.assign(fraud=np.where(random.random(3000) < chance, "yes", "no"))


@pytest.fixture(scope="module")
def made(tmp_path_factory, empty_store):
    folder = tmp_path_factory.mktemp("rare")
    given = groups(folder)
    changes = {
        "data": {"target": "fraud"},
        "scaling": {"numeric": "standard"},
        "grid": {"optimizers": ["sgd"]},
        "training": {"engine": "stacked", "epochs": 2, "seeds": [0, 1]},
        "screening": {"factors": [1, 2], "epochs": 1},
        "callbacks": {"checkpoint": {"enabled": True}},
        "evaluation": {"resamples": 100},
    }
    for group, values in changes.items():
        given[group] = type(given[group])(**{**given[group].model_dump(), **values})
    with chdir(folder):
        use_store(make_store(folder, empty_store, "dnn_sweep/rare"))
        return train(folder, Kept(rare_table()), "dnn_sweep_rare", given)


@pytest.mark.slow
def test_the_average_precision_of_the_rare_class_decides_everything(made):
    objective = made["objective"]
    assert (objective.metric, made["schema"].classes[objective.positive]) == (
        "average_precision",
        "yes",
    )
    assert "val_average_precision_mean" in made["leaderboard"]
    assert "val_accuracy_mean" in made["leaderboard"]
    trial = made["champion_trial"]
    assert trial.callbacks.checkpoint.monitor == "val_objective"
    by_epoch = made["histories"].query(f"trial_id == '{trial.id}'").set_index("epoch")
    kept = by_epoch.loc[made["champion"].best_epoch, "val_objective"]
    assert 0 < kept == by_epoch["val_objective"].max()
    champion = made["champion"]
    assert next(iter(champion.test)) == "average_precision"
    assert champion.metric == objective
    assert made["served_metrics"].metrics["test_average_precision"] == pytest.approx(
        champion.test["average_precision"].value
    )


@pytest.mark.slow
def test_what_speaks_against_the_champion_comes_first_and_class_weights_are_offered(made):
    # Two epochs of plain gradient descent do not suffice to find the rare class.
    report, results = made["class_report"].set_index("class"), made["sweep_results"]
    assert report.loc["yes", "recall"] == 0
    first = "relu + sgd has a recall of 0 for class 'yes': it recognises none of its"
    assert results.warnings[0].startswith(first)
    said = [str(each) for each in made["console"].renderables]
    at = next(place for place, text in enumerate(said) if text.startswith(first))
    assert at < said.index(results.decision) < said.index(made["objective"].reason)
    offered = next(text for text in said if "training.class_weight=balanced" in text)
    assert "kedro run --pipeline=train" in offered
    page = re.sub("</?abbr[^>]*>", "", made["report"])  # the glossary's hover texts
    assert 0 < page.index("has a recall of 0 for class") < page.index(results.decision)
    assert "ranks in place of the accuracy" in page
    card = write_model_card(results)
    assert card.index("## Warnings") < card.index("## Model details")
    assert "has a recall of 0 for class" in card
