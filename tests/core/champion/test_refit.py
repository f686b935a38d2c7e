import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.choice import suggested_epochs
from dnn_sweep.core.champion.refit import plan_served
from dnn_sweep.core.champion.served import ServedNetworks, join_networks
from dnn_sweep.core.data.preprocessing import fit_preprocessor
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.build import build_network, network_outputs
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.parameters import RegistrationParameters, ScalingParameters
from tests.builders import FEATURES, make_data, make_plan, make_result, schema_of

SCALING = ScalingParameters()


def raw_rows(count, seed=0):
    data = make_data(rows=count, seed=seed)
    names = {f"x{i}": data.x_train[:, i] for i in range(FEATURES)}
    return pd.DataFrame(names | {"t": data.y_train})


def planned(champion, epochs=(3, 3), **given):
    """What is planned after finals whose best epochs were these, one for each seed."""
    seeds = list(range(len(epochs)))
    settings = {"epochs": 3, "batch_size": 16, "seeds": seeds} | given.pop("training", {})
    plan = make_plan(training=settings, **given)
    results = {
        trial.id: make_result(
            trial.model_copy(update={"epochs": epoch}), np.zeros((20, 3)), status="completed"
        ).of(trial)
        for trial, epoch in zip(plan.trials, epochs, strict=True)
    }
    rows, schema = (raw_rows(40), raw_rows(24, seed=1)), schema_of("multiclass")
    fitted = fit_preprocessor(rows[0], schema, SCALING)
    registration = RegistrationParameters(champion=champion)
    given = plan, results, *rows, *fitted, schema, SCALING, registration
    return plan, *plan_served(plan.trials[0], *given), fitted


@pytest.mark.parametrize(("champion", "count"), [("best_seed", 1), ("ensemble", 2)])
def test_networks_of_the_sweep_are_served_with_its_own_preprocessing(champion, count):
    plan, served, preprocessor, scaling, fitted = planned(champion)
    assert served.trials == plan.trials[:count]
    assert (preprocessor, scaling) == fitted


def test_a_refit_keeps_the_last_epoch_and_stops_at_none_before():
    callbacks = {"early_stopping": {"enabled": True, "patience": 2}}
    plan, served, preprocessor, _, fitted = planned("refit", (2, 5), callbacks=callbacks)
    assert preprocessor is not fitted[0]
    for before, trial in zip(plan.trials, served.trials, strict=True):
        assert (trial.seed, trial.epochs) == (before.seed, 4)
        assert not trial.callbacks.checkpoint.enabled
        assert not trial.callbacks.early_stopping.enabled
        same = ("network", "learning_rate", "optimizer_class", "batch_size", "combination")
        assert all(getattr(trial, name) == getattr(before, name) for name in same)
        assert trial.id != before.id
        assert trial.data != before.data


@pytest.mark.parametrize("watched", ["objective", "val_loss"])
def test_a_refit_computes_the_objective_of_epochs_only_where_it_is_watched(watched):
    callbacks = {
        "checkpoint": {"enabled": True, "monitor": "objective"},
        "reduce_on_plateau": {"enabled": True, "monitor": watched},
    }
    objective = named_objective("f1_macro", "multiclass")
    plan, served, *_ = planned("refit", callbacks=callbacks, objective=objective)
    assert plan.trials[0].epoch_objective
    assert bool(served.trials[0].epoch_objective) == (watched == "objective")


def test_a_refits_ids_follow_from_its_rows_and_epochs():
    ids = {planned("refit", epochs)[1].trials[0].id for epochs in [(2, 2), (2, 2), (3, 3)]}
    assert len(ids) == 2


def test_the_mean_best_epoch_is_rounded():
    trial = make_plan().trials[0]

    def suggested(*epochs):
        results = [make_result(trial, np.zeros((1, 3))) for _ in epochs]
        for result, epoch in zip(results, epochs, strict=True):
            object.__setattr__(result, "best_epoch", epoch)
        return suggested_epochs(results)

    assert [suggested(1), suggested(1, 2), suggested(3, 3, 4)] == [1, 2, 3]


def test_a_schedule_takes_as_many_epochs_as_before():
    decay = {"class": "CosineDecay", "alpha": 0.1}
    adam = {"adam": {"learning_rate": 0.01, "schedule": decay}}
    # 80 rows were planned with, but 40 rows, 3 steps per epoch, are there: with 64 it has 4.
    plan, served, *_ = planned("refit", grid={"optimizers": [adam]})
    before, after = (each.trials[0].schedule.arguments for each in (plan, served))
    assert after["decay_steps"] == round(before["decay_steps"] * 4 / 3)
    assert {k: v for k, v in after.items() if k != "decay_steps"} == {
        k: v for k, v in before.items() if k != "decay_steps"
    }


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression"])
def test_joined_networks_give_the_mean_of_their_outputs(task, tmp_path):
    import keras

    network, features = make_plan(task).trials[0].network, make_data(task).x_train
    alone = [build_network(network, seed) for seed in range(3)]
    expected = np.mean([network_outputs(each, features) for each in alone], axis=0)
    joined = join_networks({f"seed_{seed}": each for seed, each in enumerate(alone)})
    joined.save(tmp_path / "joined.keras")
    loaded = keras.saving.load_model(tmp_path / "joined.keras", compile=False, safe_mode=True)

    np.testing.assert_allclose(network_outputs(loaded, features), expected, atol=1e-6)
    assert loaded.count_params() == sum(each.count_params() for each in alone)


def test_a_single_network_stays_as_it_is():
    network = build_network(make_plan().trials[0].network)
    assert join_networks({"seed_0": network}) is network


def test_networks_that_are_missing_or_have_all_diverged_are_not_served():
    plan = make_plan(training={"seeds": [0, 1]})
    with pytest.raises(SweepError, match=r"2 of the 2 networks .* have not been trained"):
        ServedNetworks.of(plan, {})
    lost = {t.id: make_result(t, np.zeros((1, 3)), status="diverged") for t in plan.trials}
    with pytest.raises(SweepError, match=r"diverged; .* set registration.champion: ensemble"):
        ServedNetworks.of(plan, lost)
