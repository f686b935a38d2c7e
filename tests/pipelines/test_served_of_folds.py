"""What is served after a cross-validation, and what baselines and validation figures rest on."""

from contextlib import chdir

import numpy as np
import pytest

from dnn_sweep.core.data.fingerprints import fingerprint_rows
from dnn_sweep.core.data.folds import rows_by_fold
from dnn_sweep.core.data.predictions import target_values
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.datasets.toy import ToyDataset
from tests.iris_sweep import groups, train
from tests.stores import make_store, use_store

TARGETS = {"iris": "species", "diabetes": "progression"}
SEEDS = [0, 1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, empty_store):
    """A finished cross-validation of a table, by what is served."""
    made = {}

    def of(table, champion):
        folder = tmp_path_factory.getbasetemp() / f"folds_of_{table}"
        if (table, champion) not in made:
            folder.mkdir(exist_ok=True)
            given = groups(folder)
            changes = {
                "data": {"target": TARGETS[table]},
                "split": {"folds": 3},
                "grid": {"activations": ["relu"], "optimizers": ["adam"]},
                "training": {"engine": "stacked", "epochs": 3, "seeds": SEEDS},
                "screening": {"enabled": False},
                "evaluation": {"resamples": 100},
                "registration": {"champion": champion},
            }
            for group, values in changes.items():
                given[group] = type(given[group])(**{**given[group].model_dump(), **values})
            with chdir(folder):
                store = made.setdefault(
                    table, make_store(folder, empty_store, f"dnn_sweep/{table}")
                )
                use_store(store)
                model = f"dnn_sweep_{table}"
                result = train(folder, ToyDataset(table), model, given, "champion")
                alias = result["champion"].registered.alias
                seen = result["scoring_model"][alias].seen  # is read from the store now
            made[table, champion] = result | {"seen": seen}
        return made[table, champion]

    return of


@pytest.mark.parametrize(
    ("table", "champion", "networks"),
    [("iris", "best_seed", 1), ("iris", "ensemble", 2), ("diabetes", "refit", 2)],
)
def test_every_choice_is_trained_on_all_rows_outside_the_test_split_once(
    finished, table, champion, networks
):
    made = finished(table, champion)
    served, rows = made["champion"].served, len(made["train_rows"])
    finals = {trial.id for trial in made["finals_plan"].trials}

    assert (served.method, len(served.trial_ids), served.epochs) == (champion, networks, 3)
    assert not finals & set(served.trial_ids)
    assert made["champion"].trial_id in served.trial_ids
    for name in served.trial_ids:
        assert len(made["refitted_trials"][name].outputs) == rows  # not twice as many
    assert made["champion"].rows.train == rows
    assert "on all rows outside the test split for 3 epochs" in made["champion"].what_is_served
    # The preprocessing was fitted on the same rows already.
    assert made["served_scaling"] == made["target_scaling"]


@pytest.mark.parametrize(("table", "champion"), [("iris", "best_seed"), ("diabetes", "refit")])
def test_validation_figures_are_of_networks_that_did_not_see_the_row(finished, table, champion):
    made = finished(table, champion)
    validated, outputs = rows_by_fold(made["folds"]), []
    for seed in made["champion"].served.seeds:
        joined = {}
        for trial in made["finals_plan"].trials:
            if trial.seed == seed:
                own = made["trial_results"][trial.id].outputs
                joined |= dict(zip(validated[trial.fold].tolist(), own, strict=True))
        outputs.append([joined[row] for row in range(len(made["train_rows"]))])
    mean, true = np.mean(outputs, axis=0), made["validation_matrix"][TARGET].to_numpy()
    found = made["champion"].validation
    if table == "iris":
        assert found["accuracy"].value == pytest.approx((mean.argmax(axis=1) == true).mean())
    else:
        scaling = made["target_scaling"]
        errors = target_values(mean[:, 0], scaling) - target_values(true, scaling)
        assert found["mae"].value == pytest.approx(np.abs(errors).mean(), rel=1e-5)


def test_the_model_knows_every_row_outside_the_test_split(finished):
    made = finished("diabetes", "refit")
    kinds = made["schema"].kinds
    trained_on, unseen = (fingerprint_rows(made[f"{s}_rows"], kinds) for s in ("train", "test"))
    assert sorted(made["seen"]) == sorted(set(trained_on))
    assert not np.isin(unseen, made["seen"]).any()


def test_baselines_predict_every_row_without_having_seen_it(finished):
    for table in TARGETS:
        made = finished(table, "ensemble")
        rows = len(made["train_rows"])
        for each in made["baselines"]:
            assert each.predictions.shape == (rows,)
            assert each.rows == each.training_rows == rows - len(rows_by_fold(made["folds"])[0])
        assert set(made["leaderboard"]["kind"]) == {"combination", "baseline"}
