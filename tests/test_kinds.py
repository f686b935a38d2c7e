"""Every kind of network goes the whole way: planned, trained, compared, registered, served."""

import sys
from contextlib import chdir

import numpy as np
import pytest

from dnn_sweep import parameters
from dnn_sweep.core.champion.scoring import score_rows
from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.core.training.sweep import train_trials
from dnn_sweep.datasets.toy import ToyDataset
from tests.core.training.stacked.sweeps import Recorder
from tests.iris_sweep import groups, train
from tests.stores import make_store, use_store

OWN_NETWORK = '''"""A network of the user's own."""

import keras


def build(input_shape, outputs, activation, seed):
    """Separable convolutions, which the project does not offer."""
    image = keras.Input(input_shape)
    h = keras.layers.SeparableConv2D(8, 3, activation=activation)(image)
    h = keras.layers.GlobalMaxPooling2D()(h)
    return keras.Model(image, keras.layers.Dense(outputs, "softmax")(h))
'''
IMAGES = {"data": {"target": "digit", "image_shape": [8, 8], "max_rows": 300}}
KINDS = {
    "dense": {"network": {"hidden": [16, 8]}, "grid": {"activations": [["tanh", "relu"], "relu"]}},
    "cnn": {"network": {"convolutions": [6], "hidden": [8]}},
    "lstm": {"network": {"recurrent": [6], "hidden": [8]}},
    "branched": {"network": {"branches": [[6], [6, 4]]}},
    "custom": {"network": {"function": "own_network_of_a_test:build"}},
}


# The networks themselves are tested beside their code; here one with convolutions and one of the
# user's own stand for the others, which take as long.
FAST = ("cnn", "custom")


@pytest.fixture(
    scope="module",
    params=[pytest.param(kind, marks=() if kind in FAST else pytest.mark.slow) for kind in KINDS],
)
def sweep(request, tmp_path_factory, empty_store):
    """A finished sweep of one kind, with its folder and its store."""
    kind, folder = request.param, tmp_path_factory.mktemp(request.param)
    (folder / "own_network_of_a_test.py").write_text(OWN_NETWORK)
    sys.path.append(str(folder))
    given = groups(folder)
    seeds = [0, 1] if kind in FAST else [0]
    changes = IMAGES | {"training": {"epochs": 3, "seeds": seeds}} | KINDS[kind]
    changes["evaluation"] = {"resamples": 100, "baselines": ["no_skill"]}
    changes["network"] = {"kind": kind, "hidden": []} | changes["network"]
    for group, values in changes.items():
        given[group] = type(given[group])(**{**given[group].model_dump(), **values})
    with chdir(folder):
        store = make_store(folder, empty_store, "dnn_sweep/digits")
        made = train(folder, ToyDataset("digits"), "dnn_sweep_digits", given)
    yield made | {"folder": folder, "store": store, "kind": kind, "given": given}
    sys.path.remove(str(folder))
    sys.modules.pop("own_network_of_a_test", None)


@pytest.fixture(autouse=True)
def current_store(sweep):
    use_store(sweep["store"])


def test_every_combination_is_trained_compared_and_diagnosed(sweep):
    trials = sweep["finals_plan"].trials
    assert {trial.network.kind for trial in trials} == {sweep["kind"]}
    kinds = sweep["leaderboard"]["kind"].value_counts().to_dict()
    assert kinds == {"combination": len(sweep["finals_plan"].combinations), "baseline": 1}
    assert set(sweep["verdicts"]["combination"]) == set(sweep["finals_plan"].combinations)
    engines = {sweep["trial_results"][trial.id].engine for trial in trials}
    assert engines == ({"stacked"} if sweep["kind"] == "dense" else {"keras"})


def test_its_layers_are_measured_with_the_activations_they_have(sweep):
    measured = sweep["diagnostics"]
    last = measured[measured["epoch"] == 3].groupby("layer")["weight_gradient_norm"].min()
    assert (last > 0).all()
    if sweep["kind"] == "custom":  # a function decides
        assert measured["layer_activation"].isna().any()
    else:
        assert measured["layer_activation"].notna().all()
        assert "output" in last.index


def test_what_is_trained_is_not_trained_again(sweep):
    plans = sweep["trial_plan"], sweep["screening_plan"], sweep["finished_trials"]
    rows = sweep["train_matrix"], sweep["validation_matrix"], sweep["target_scaling"]
    given, progress = sweep["given"], Recorder()
    settings = given["training"], given["screening"], given["logs"]
    again = [result for result, *_ in train_trials(*plans, *rows, progress, *settings)]
    assert progress.started == []
    assert {result.trial.id for result in again} == {t.id for t in sweep["finals_plan"].trials}
    features, _ = features_and_target(sweep["validation_matrix"])
    for result in again:
        outputs = network_outputs(result.load_network(), features)
        np.testing.assert_allclose(outputs, result.outputs, atol=1e-5)


def test_the_registered_model_serves_raw_rows_as_the_champion_predicts_them(sweep):
    served, summary = score_rows(
        sweep["test_rows"], sweep["scoring_model"], parameters.InferenceParameters()
    )
    true = sweep["test_predictions"]
    assert served["prediction"].tolist() == true["predicted"].tolist()
    probabilities = [name for name in true if name.startswith("probability")]
    np.testing.assert_allclose(served[probabilities], true[probabilities], atol=1e-5)
    assert summary


def test_report_card_and_diagrams_name_the_kind(sweep):
    assert "<html" in sweep["report"]
    assert f"A {sweep['given']['network'].kind} network" in sweep["model_card"]
    assert all(text.strip() for text in sweep["network_summaries"].values())
    assert len(sweep["network_diagrams"]) == len(sweep["trial_plan"].networks)
