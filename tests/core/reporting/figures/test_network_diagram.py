from dnn_sweep.core.networks.body import Layer
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.reporting.figures.network_diagram import draw_network, layer_boxes


def network(**first):
    units = (64, 128, 256, 128, 64)
    hidden = tuple(
        Layer(
            name=f"hidden{i}",
            units=n,
            activation="relu",
            kernel_initializer="he_normal",
            **(first if i == 1 else {}),
        )
        for i, n in enumerate(units, start=1)
    )
    return Network(
        inputs=64,
        hidden=hidden,
        outputs=10,
        output_activation="softmax",
        loss="sparse_categorical_crossentropy",
        metric="accuracy",
    )


def test_every_layer_has_a_box_with_its_parameters_as_keras_counts_them():
    boxes = layer_boxes(network())

    assert [(box.name, box.parameters) for box in boxes] == [
        ("input", 0),
        ("hidden1", 4_160),
        ("hidden2", 8_320),
        ("hidden3", 33_024),
        ("hidden4", 32_896),
        ("hidden5", 8_256),
        ("output", 650),
    ]


def test_batch_normalization_adds_four_numbers_per_unit_and_is_named_with_dropout_and_l2():
    box = layer_boxes(network(batch_normalization=True, dropout=0.25, l2=0.001))[1]

    assert box.parameters == 4_160 + 4 * 64
    assert box.description == (
        "64 units · relu · he_normal · batch normalization · dropout 0.25 · L2 0.001"
    )


def test_the_picture_names_layers_and_the_sum_of_parameters(tmp_path):
    drawn = draw_network(network())

    texts = [text.get_text() for text in drawn.axes[0].texts if text.get_text()]
    assert texts[0] == "input\n64 features"
    assert texts[1] == "hidden1   (4,160 parameters)\n64 units · relu · he_normal"
    assert texts[-1].endswith("10 units · softmax · sparse_categorical_crossentropy")
    assert drawn.get_suptitle() == f"{network().name}: 87,306 parameters"
    drawn.savefig(tmp_path / "network.png")
