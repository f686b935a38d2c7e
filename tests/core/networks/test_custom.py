"""Networks of the user's own: what a function must take and return."""

import re
from pathlib import Path

import numpy as np
import pytest

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.networks.custom import check_custom, source_of
from tests.core.networks.test_kinds import GREY, TABLE, resolved

HEAD = "import keras\n\n\n"
GOOD = (
    HEAD
    + """def build(input_shape, outputs, activation, seed):
    return keras.Sequential([
        keras.Input(input_shape),
        keras.layers.Flatten(),
        keras.layers.Dense(4, activation),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(outputs, "softmax"),
    ])
"""
)


def custom(function, rows=TABLE, activation="relu"):
    return resolved(rows, (activation,), kind="custom", function=function)


def test_the_model_is_built_for_the_shape_of_a_row_and_repeats_with_the_seed(function):
    network = custom(function(GOOD), GREY)
    one, same, other = (build_network(network, seed) for seed in (3, 3, 4))
    check_custom(network, build_network(network))
    x = np.ones((2, 48), np.float32)
    assert one(x).shape == (2, 3)
    np.testing.assert_array_equal(one(x, training=True), same(x, training=True))
    assert not np.array_equal(one(x), other(x))


def test_a_change_of_the_module_makes_another_network(function):
    first, second = custom(function(GOOD)), custom(function(GOOD + "\n# better\n"))
    assert first.body.source != second.body.source
    assert first.body.source == source_of(first.body.function)
    assert first.kernel_initializer == first.kind == "custom"


def test_the_example_of_the_documentation_can_be_trained_and_served(function):
    page = Path(__file__).parents[3] / "docs" / "networks.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    network = custom(function(example), GREY)
    check_custom(network, build_network(network))


def body(*lines, head=HEAD, arguments="input_shape, outputs, activation, seed"):
    return f"{head}def build({arguments}):\n" + "".join(f"    {line}\n" for line in lines)


def model(*layers):
    listed = ", ".join(f"keras.layers.{layer}" for layer in layers)
    return body(f"return keras.Sequential([keras.Input(input_shape), {listed}])")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (body("return 3"), "returned int, not a keras.Model"),
        (body("return 1 / 0"), "failed for.*'outputs': 3.*ZeroDivisionError"),
        (body("return None", arguments="shape"), r"build\(shape\) must take input_shape, outputs"),
        (GOOD.replace("def build", "def biuld"), "unknown function of own.*Did you mean 'biuld'"),
        ("import nothing_of_the_kind\n", "cannot be imported.*nothing_of_the_kind"),
        ("1 / 0\n", "importing 'own.*failed: ZeroDivisionError"),
        (model("Dense(2)"), r"returns \(None, 2\), but here a row returns \(None, 3\)"),
        (
            body("return keras.Sequential([keras.Input((7,)), keras.layers.Dense(outputs)])"),
            r"takes \(None, 7\), but here a row takes \(None, 4\)",
        ),
        (model("Dense(outputs)"), "probabilities.*activation='softmax'"),
        (model("Dense(outputs, 'softmax', trainable=False)"), "no trainable weights"),
        (
            model("Lambda(lambda x: x)", "Dense(outputs, 'softmax')"),
            "cannot be loaded where it is served",
        ),
        (
            body(
                "x = keras.Input(input_shape)",
                "h = keras.layers.Dense(outputs, 'softmax')(x)",
                "y = keras.layers.Dense(1, name='apart')(x)",
                "return keras.Model(x, h + 0 * keras.ops.stop_gradient(y))",
            ),
            "do not depend on apart/kernel",
        ),
    ],
)
def test_what_cannot_be_trained_or_served_is_refused(function, source, message):
    with pytest.raises(SweepError, match=rf"network\.function: .*{message}"):
        network = custom(function(source))
        check_custom(network, build_network(network))


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(SweepError, match=r"'my_package\.networks' cannot be imported"):
        custom("my_package.networks:build")
