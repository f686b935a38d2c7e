"""Networks of every kind: what they are made of, and which rows they refuse."""

import numpy as np
import pytest

from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.resolve import resolve_network
from dnn_sweep.parameters import NetworkParameters


def schema(rank, *shape, padded=False):
    columns = tuple(Column(name=f"x{i}", kind="numeric") for i in range(int(np.prod(shape))))
    return Schema(
        task="multiclass", target="y", classes=(0, 1, 2), features=columns, rank=rank,
        shape=shape, padded=padded, rows=9, fingerprint="f",
    )  # fmt: skip


GREY, COLOUR = schema("image", 8, 6, 1), schema("image", 8, 8, 3)
SEQUENCE, PADDED = schema("sequence", 5, 3), schema("sequence", 5, 3, padded=True)
TABLE = schema("table", 4)
KINDS = {
    "dense": (TABLE, {"hidden": [4]}),
    "cnn": (COLOUR, {"convolutions": [4, {"filters": 5, "pool": 1}], "hidden": [6]}),
    "cnn without hidden layers": (GREY, {"kind": "cnn", "convolutions": [4], "dropout": 0.5}),
    "lstm": (SEQUENCE, {"recurrent": [4, 3], "hidden": [5]}),
    "gru": (PADDED, {"recurrent": [4], "hidden": [5]}),
    "lstm of an image": (GREY, {"kind": "lstm", "recurrent": [4], "recurrent_activation": True}),
    "branched": (TABLE, {"branches": [[4], [5, 6]], "hidden": [3]}),
    "inception": (GREY, {"kind": "branched", "inception": [2, 3]}),
}


def resolved(rows, activations=("relu",), initializer="glorot_uniform", **given):
    network = NetworkParameters(**given)
    inputs = len(rows.features)
    return resolve_network(network, rows, inputs, activations, network.dropout, initializer)


def network_of(name, **more):
    rows, given = KINDS[name]
    return resolved(rows, **({"kind": name.split()[0]} | given | more))


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_maps_rows_to_probabilities_and_repeats_with_its_seed(name):
    network = network_of(name)
    one, same, other = (build_network(network, seed) for seed in (1, 1, 2))
    x = np.random.default_rng(0).normal(size=(7, network.inputs)).astype(np.float32)
    outputs = np.asarray(one(x))
    assert outputs.shape == (7, 3)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(outputs, np.asarray(same(x)))
    assert not np.allclose(outputs, np.asarray(other(x)))


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_survives_json_and_names_itself(name):
    network = network_of(name)
    assert Network.model_validate(network.model_dump(mode="json")) == network
    assert network.name.startswith(network.kind if network.body else "relu")


def test_a_dense_network_is_stored_as_before_there_were_other_kinds():
    assert "body" not in network_of("dense").model_dump(mode="json")


def layers(network):
    return {layer.name: layer for layer in build_network(network).layers}


def test_a_convolution_block_is_made_of_what_it_says():
    block = {"filters": 4, "kernel_size": 5, "padding": "valid", "pool": 2, "pooling": "average",
             "dropout": 0.25, "activation": "tanh"}  # fmt: skip
    made = layers(
        resolved(GREY, kind="cnn", convolutions=[block], batch_normalization=True, l2=0.01)
    )
    convolution = made["convolution1"]
    assert convolution.output.shape == (None, 4, 2, 4)
    assert convolution.activation.__name__ == "tanh"
    assert float(convolution.kernel_regularizer.l2) == pytest.approx(0.01)
    assert type(made["convolution1_pooling"]).__name__ == "AveragePooling2D"
    assert made["convolution1_pooling"].output.shape == (None, 2, 1, 4)
    assert made["convolution1_dropout"].rate == 0.25
    assert "convolution1_normalization" in made


def test_dropout_stands_before_the_output_where_no_hidden_layer_follows():
    network = network_of("cnn without hidden layers")
    assert layers(network)["body_dropout"].rate == network.dropout == 0.5
    assert "body_dropout" not in layers(network_of("cnn", dropout=0.5))


def test_the_rows_of_an_image_are_the_steps_of_a_sequence_in_order():
    assert layers(network_of("lstm of an image"))["shape"].output.shape == (None, 8, 6)
    wide = resolved(COLOUR, kind="gru", recurrent=[2])
    assert layers(wide)["shape"].output.shape == (None, 8, 24)


def test_recurrent_layers_keep_tanh_unless_the_grids_activation_is_asked_for():
    assert layers(network_of("lstm"))["lstm1"].activation.__name__ == "tanh"
    assert layers(network_of("lstm"))["hidden1"].activation.__name__ == "relu"
    assert layers(network_of("lstm of an image"))["lstm1"].activation.__name__ == "relu"


def test_steps_that_only_pad_change_nothing():
    network = build_network(network_of("gru"))
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    x[:, 3:] = 0
    padded = np.asarray(network(x.reshape(2, 15)))
    recurrent = network.get_layer("gru1")
    short = np.asarray(recurrent(x[:, :3]))
    for name in ("hidden1", "output"):
        short = network.get_layer(name)(short)
    np.testing.assert_allclose(padded, np.asarray(short), rtol=1e-5)


def test_an_inception_block_joins_four_paths_of_the_same_image():
    made = layers(network_of("inception"))
    sizes = {name: made[f"inception1_{name}"].kernel_size for name in ("1x1", "3x3", "5x5")}
    assert sizes == {"1x1": (1, 1), "3x3": (3, 3), "5x5": (5, 5)}
    assert made["inception1_pooling"].pool_size == (3, 3)
    assert made["inception1_joined"].output.shape == (None, 8, 6, 8)


def test_activations_go_to_the_layers_in_order_and_to_none_that_has_its_own():
    hidden = [4, {"units": 5, "activation": "elu"}, 6]
    network = resolved(GREY, ("relu", "tanh", "gelu"), "matched", kind="cnn", convolutions=[3],
                       hidden=hidden)  # fmt: skip
    assert [each.activation for each in network.layers] == [
        "relu",
        "tanh",
        "elu",
        "gelu",
    ]
    assert network.kernel_initializer == "he_uniform"
    assert [each.kernel_initializer for each in network.hidden] == [
        "glorot_uniform",
        "he_uniform",
        "he_uniform",
    ]


@pytest.mark.parametrize(
    ("rows", "given", "message"),
    [
        (
            TABLE,
            {"kind": "cnn"},
            "network.kind cnn takes rows that are images, but these are rows of a table",
        ),
        (TABLE, {"kind": "cnn"}, r"Kinds for it: dense, branched, custom\..*data\.image_shape"),
        (SEQUENCE, {"kind": "cnn"}, "Kinds for it: dense, lstm, gru, branched"),
        (TABLE, {"kind": "lstm"}, r"sequences or images.*data\.sequence or data\.image_shape"),
        (
            TABLE,
            {"kind": "branched", "inception": [2]},
            "network.inception takes rows that are images",
        ),
        (
            GREY,
            {"kind": "cnn", "convolutions": [4, {"filters": 4, "pool": 5}]},
            r"network\.convolutions, block 2: it gets 4 by 3 pixels.*pool 5",
        ),
        (
            GREY,
            {"kind": "cnn", "convolutions": [{"filters": 4, "kernel_size": 7, "padding": "valid"}]},
            r"block 1: it gets 8 by 6 pixels, of which kernel_size 7 \(valid\)",
        ),
    ],
)
def test_a_kind_that_does_not_fit_the_rows_is_refused(rows, given, message):
    with pytest.raises(SweepError, match=message):
        resolved(rows, **given)


def test_columns_that_scaling_multiplies_are_no_image():
    with pytest.raises(SweepError, match=r"48 cells of a row as they are, but scaling.*into 60"):
        resolve_network(NetworkParameters(kind="cnn"), GREY, 60, ("relu",), 0.0, "glorot_uniform")
