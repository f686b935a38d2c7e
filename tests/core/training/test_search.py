"""What a search proposes, what it trains of that, and what decides; nothing is trained here."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.importances import measure_importances
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.search_plan import plan_search
from dnn_sweep.core.plan.shapes import plan_shapes
from dnn_sweep.core.training.engine import build_engines
from dnn_sweep.core.training.judge import Judge
from dnn_sweep.core.training.search import Search
from dnn_sweep.core.training.stacked.spec import spec_of
from dnn_sweep.parameters import (
    GridParameters,
    NetworkParameters,
    SearchParameters,
    TrainingParameters,
)
from tests.builders import make_data, make_plan, make_result, schema_of

GRID = {"activations": ["relu", "tanh"], "optimizers": ["adam", "sgd", "rmsprop"]}
MOMENTUM = {"momentum": {"low": 0.5, "high": 0.99, "when": {"optimizer": ["sgd"]}}}
WIDE = {
    "layer_activations": True,
    "width": {"low": 4, "high": 64, "log": True},
    "depth": {"low": 1, "high": 3},
    "batch_size": [16, 32],
    "dropout": {"low": 0, "high": 0.5},
    "l2": {"low": 1e-6, "high": 1e-2, "log": True},
    "batch_normalization": [True, False],
    "kernel_initializer": ["matched", "glorot_uniform"],
    "schedule": [None, "CosineDecay", {"class": "CosineDecay", "alpha": 0.1}],
    "arguments": MOMENTUM | {"beta_1": {"low": 0.8, "high": 0.95}},
}


def plan(factors=WIDE, method="tpe", epochs=9, **settings):
    rows = [
        pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]).assign(**{TARGET: y})
        for x, y in (lambda d: [(d.x_train, d.y_train), (d.x_validation, d.y_validation)])(
            make_data()
        )
    ]
    return plan_search(
        make_plan(grid=GRID),
        schema_of("multiclass"),
        *rows,
        NetworkParameters(hidden=[8, 6]),
        GridParameters(**GRID),
        TrainingParameters(epochs=epochs, batch_size=16),
        SearchParameters(method=method, factors=factors, **settings),
    )


def search(planned, score, finished=None, goes_on=lambda done, begun: True, order=1):
    """Search where a trial's score follows from the trial; returns it and all that was trained."""
    found, trained = Search(planned, Judge()), {}
    for trials, known, _ in found.rungs(finished or {}, goes_on):
        for trial in list(trials)[::order]:
            if trial.id not in known and trial.id not in trained:
                trained[trial.id] = result = scored(trial, score(trial))
                found.add(result)
    return found, trained


def scored(trial, value):
    result = make_result(trial, np.zeros((1, 3)))
    if not np.isfinite(value):
        return replace(result, status="diverged")
    return replace(result, history=result.history.assign(val_accuracy=value))


def by_rate(trial):
    """A score that the learning rate alone decides: best at 0.003."""
    return 1 - abs(np.log10(trial.learning_rate / 0.003)) / 4


@pytest.mark.parametrize("method", ["random", "qmc", "tpe"])
def test_the_same_seed_proposes_the_same_and_another_seed_something_else(method):
    given = {"method": method, "proposals": 20, "batch": 10}
    first, _ = search(plan(**given), by_rate)
    again, _ = search(plan(**given), by_rate, order=-1)  # trials end in another order
    other, _ = search(plan(**given, seed=7), by_rate)
    assert again.record == first.record
    assert other.record.proposals[0].values != first.record.proposals[0].values


@pytest.mark.parametrize("method", ["random", "qmc", "tpe"])
def test_conditions_are_respected_and_programs_are_few(method):
    planned = plan(method=method, proposals=60, batch=30, programs=3)
    found, _ = search(planned, by_rate)
    optimizers = set()
    for each in found.record.proposals:
        values = each.values
        optimizers.add(values["optimizer"])
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        assert ("beta_1" in values) == (values["optimizer"] == "adam")
        layers = [name for name in values if name.startswith("activation_")]
        assert layers == [f"activation_{at + 1}" for at in range(values["depth"])]
        trial = planned.trial(values, 3, planned.template)
        assert [layer.units for layer in trial.network.hidden] == [values["width"]] * values[
            "depth"
        ]
        assert trial.activation.split("-") == [values[name] for name in layers]
        assert trial.optimizer_arguments.get("momentum") == values.get("momentum")
        assert trial.learning_rate == values["learning_rate"]
        assert (trial.schedule is None) == (values["schedule"] == "none")
    assert optimizers == {"adam", "sgd", "rmsprop"}
    programs = {
        (each.batch, *(str(each.values.get(f.name)) for f in planned.factors if f.of_program))
        for each in found.record.proposals
    }
    assert len(programs) <= 6  # three in each of two batches


def test_the_first_batch_has_every_optimizer():
    found, _ = search(plan(proposals=9, batch=9, programs=3, seed=3), by_rate)
    optimizers = [each.values["optimizer"] for each in found.record.proposals]
    assert optimizers == ["adam"] * 3 + ["sgd"] * 3 + ["rmsprop"] * 3


def test_small_networks_of_several_shapes_share_programs_and_have_shapes_of_their_own():
    factors = {"width": {"low": 4, "high": 64, "log": True}, "depth": {"low": 1, "high": 3}}
    planned = plan(factors=factors, proposals=24, batch=24, programs=4)
    assert planned.shapes.widths == (64,)
    assert planned.shapes.depth == 3
    found, _ = search(planned, by_rate)
    drawn = [each.values for each in found.record.proposals]
    assert len({(each["width"], each["depth"]) for each in drawn}) > 12
    trials = [planned.trial(each, 3, planned.template) for each in drawn]
    assert len({spec_of(trial, planned.shapes)[0] for trial in trials}) == 1
    engine = build_engines(search=planned)[0]
    assert len(engine.plan(trials, make_data())) == 3  # one for each optimizer


@pytest.mark.parametrize(
    ("high", "rows", "widths"), [(64, 1000, 1), (1024, 1000, 3), (1024, 60_000, 0)]
)
def test_the_more_work_an_epoch_is_the_closer_programs_fit_their_networks(high, rows, widths):
    factors = {"width": {"low": 16, "high": high, "log": True}, "depth": {"low": 1, "high": 4}}
    planned = plan(factors=factors)
    given = planned.network, planned.template.network, planned.settings, planned.lengths
    shapes = plan_shapes(planned.factors, *given, rows)
    assert len(shapes.widths if shapes else ()) == widths


def test_what_is_not_shaped_alike_is_drawn_once_for_several_proposals():
    """Momentum from a range would need a program for each proposal."""
    factors = {"width": [4, 8], "arguments": MOMENTUM}
    found, _ = search(plan(factors=factors, proposals=30, batch=30, programs=6), by_rate)
    groups = {
        (each.values["optimizer"], each.values.get("momentum")) for each in found.record.proposals
    }
    assert 3 <= len(groups) <= 6


def test_names_tell_proposals_apart():
    planned = plan(proposals=60, batch=60)
    found, _ = search(planned, by_rate)
    names = {}
    for each in found.record.proposals:
        trial = planned.trial(each.values, 3, planned.template)
        assert names.setdefault(each.combination, trial.id) == trial.id
    assert len(set(names.values())) == len(names)


def test_the_better_ones_of_a_batch_train_for_longer_and_the_best_go_on():
    found, trained = search(plan(proposals=18, batch=9, finalists=3), by_rate)
    epochs = pd.Series([each.epochs for each in found.record.proposals])
    assert epochs.value_counts().to_dict() == {1: 12, 3: 4, 9: 2}
    assert len(trained) == 18 + 6 + 2 == found.trials
    for batch in (1, 2):
        own = [each for each in found.record.proposals if each.batch == batch]
        best = max(own, key=lambda each: each.score)
        assert best.epochs == 9
        assert len(best.trials) == 3
    ranked = [each.number for each in found.record.ranked[:3]]
    assert [each.number for each in found.record.finalists] == ranked
    finals = found.finals(make_plan(grid=GRID, training={"seeds": [0, 1]}))
    assert [trial.seed for trial in finals.trials] == [0, 1] * 3
    assert not {trial.seed for trial in finals.trials} & {found.plan.settings.seed}


def test_a_stopped_search_proposes_the_same_and_trains_only_what_is_missing():
    planned = plan(proposals=40, batch=10)
    whole, trained = search(planned, by_rate)
    for stop in (1, 17, len(trained) - 1):
        kept = dict(list(trained.items())[:stop])
        again, rest = search(planned, by_rate, kept)
        assert again.record == whole.record
        assert rest.keys() == trained.keys() - kept.keys()


def test_a_batch_that_had_begun_before_a_stop_is_not_asked_about_again():
    planned = plan(proposals=30, batch=10)
    whole, trained = search(planned, by_rate, goes_on=lambda done, begun: done < 20)
    kept = dict(list(trained.items())[: len(trained) - 3])  # stopped in the second batch
    again, rest = search(planned, by_rate, kept, goes_on=lambda done, begun: begun)
    assert again.record == whole.record
    assert len(rest) == 3


def test_layers_that_only_the_network_itself_has_get_an_activation_too():
    depth = {"values": [1], "when": {"optimizer": ["adam"]}}
    planned = plan({"layer_activations": True, "depth": depth}, proposals=30, batch=30)
    found, _ = search(planned, by_rate)
    layers = {
        each.values["optimizer"]: sum(name.startswith("activation_") for name in each.values)
        for each in found.record.proposals
    }
    assert layers == {"adam": 1, "sgd": 2, "rmsprop": 2}


def test_tpe_learns_where_the_best_are():
    given = {"factors": {"width": [4, 8]}, "proposals": 120, "batch": 20}
    near = {}
    for method in ("random", "tpe"):
        found, _ = search(plan(method=method, **given), by_rate)
        late = found.record.proposals[60:]
        near[method] = np.mean([abs(np.log10(p.values["learning_rate"] / 0.003)) for p in late])
    assert near["tpe"] < near["random"] / 2


def test_diverged_proposals_are_left_out_and_a_search_of_nothing_else_is_an_error():
    def above(limit):
        return lambda trial: np.nan if trial.learning_rate > limit else by_rate(trial)

    found, _ = search(plan(proposals=30, batch=15), above(0.001))
    assert all(each.values["learning_rate"] <= 0.001 for each in found.record.finalists)
    diverged = [each for each in found.record.proposals if not np.isfinite(each.score)]
    assert diverged
    assert {each.epochs for each in diverged} == {1}
    with pytest.raises(SweepError, match="all 30 proposals of the search diverged"):
        search(plan(proposals=30, batch=15), above(0))


def test_the_one_factor_that_decides_is_the_most_important():
    factors = {"dropout": {"low": 0, "high": 0.5}, "width": [4, 8, 16]}
    planned = plan(factors=factors, method="random", proposals=150, batch=30, programs=6)
    found, _ = search(planned, by_rate)
    table, importances = measure_importances(planned, found.record, resamples=20)
    assert len(table) == 150
    assert importances["factor"][0] == "learning_rate"
    first, others = importances.iloc[0], importances.iloc[1:]
    assert first["importance"] > 0.8
    assert importances["importance"].sum() == pytest.approx(1)
    assert (first["ci_low"] < first["importance"]) or first["ci_high"] > first["importance"]
    assert (others["ci_high"] < first["ci_low"]).all()
    assert first["groups"] == 150  # drawn one by one, since there are only three programs
    few = found.record.model_copy(update={"proposals": found.record.proposals[:60]})
    wide = measure_importances(planned, few, resamples=20)[1].iloc[0]
    assert wide["groups"] < first["groups"]


def test_optuna_stays_quiet(recwarn, capsys):
    search(plan(proposals=10, batch=5, method="qmc"), by_rate)
    search(plan(proposals=10, batch=5), by_rate)
    assert not [each for each in recwarn if "optuna" in str(each.filename)]
    assert capsys.readouterr() == ("", "")
