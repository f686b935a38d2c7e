"""Ways to write a model that are the same, and depth that is none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from dnn_sweep.core.foundations.section import Claim, Floats, Section, code_of, finish
from dnn_sweep.core.lazy import go, keras
from dnn_sweep.core.reporting.figures.style import COLOURS

KERAS, DNN = "002 Keras", "000 DNN"


def sequential_and_functional() -> tuple[keras.Model, keras.Model]:
    """The same network twice: as a stack of layers, and as functions of an input."""
    stack = keras.Sequential([
        keras.Input((784,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    image = keras.Input((784,))
    hidden = keras.layers.Dense(32, activation="relu")(image)
    functional = keras.Model(image, keras.layers.Dense(10, activation="softmax")(hidden))
    return stack, functional


def _trained(optimizer: object, passes: list[int]) -> Floats:
    """The weights of a small network after so many epochs in each call of ``fit``."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    network.compile(optimizer=optimizer, loss="mean_squared_error")
    x = np.random.default_rng(0).normal(size=(64, 4))
    for epochs in passes:
        network.fit(x, x.sum(1), epochs=epochs, batch_size=16, shuffle=False, verbose=0)
    return np.concatenate([each.ravel() for each in network.get_weights()])


def same_models() -> Section:
    """Sequential and functional, names and objects, one ``fit`` and many.

    >>> all(claim.holds for claim in same_models().claims)
    True
    """
    stack, functional = sequential_and_functional()
    functional.set_weights(stack.get_weights())
    images = np.random.default_rng(0).random((50, 784)).astype(np.float32)
    outputs = float(np.abs(np.asarray(stack(images)) - np.asarray(functional(images))).max())
    shapes = [w.shape for w in stack.weights] == [w.shape for w in functional.weights]
    by_name, by_object = _trained("sgd", [5]), _trained(keras.optimizers.SGD(0.01), [5])
    named = float(np.abs(by_name - by_object).max())
    often = float(np.abs(_trained("adam", [20]) - _trained("adam", [1] * 20)).max())
    rows = [
        ("Sequential and functional model", "outputs for 50 images", outputs),
        ('optimizer "sgd" and SGD(0.01)', "weights after 5 epochs", named),
        ("fit for 20 epochs and 20 times for one", "weights", often),
    ]
    return Section(
        name="same-models",
        title="Two ways to write the same model",
        paragraphs=(
            "A Sequential model is a list of layers. A functional model calls layers like "
            "functions, which also allows branches and several outputs. With the same weights "
            "they are the same model.",
            "An optimizer's name stands for the object with Keras's default settings. And a loop "
            "around fit with one epoch each, often written to show a progress bar, trains as one "
            "fit does, because the optimizer's state stays. This project shows its own bars, with "
            "an estimate of the time that is left.",
        ),
        figure=None,
        table=pd.DataFrame(rows, columns=["the two", "compared", "largest difference"]),
        code=code_of(sequential_and_functional),
        question="Give the functional model a second output that tells even digits from odd ones. "
        "Can a Sequential model do that?",
        claims=(
            Claim(KERAS, "Sequential and functional definitions give the same model",
                  f"the same shapes; outputs differ by at most {outputs:.1e}",
                  shapes and outputs < 1e-6),
            Claim(DNN, "an optimizer may be given by name or as an object",
                  f"weights differ by {named:.1e}", named == 0),
            Claim("003 Gates and XOR", "a loop of one-epoch fits with a progress bar trains as "
                  "one long fit", f"weights differ by {often:.1e} after 20 epochs", often < 1e-6),
        ),
    )  # fmt: skip


def collapse(kernels: list[Floats], biases: list[Floats]) -> tuple[Floats, Floats]:
    """Multiply layers without activations into one."""
    kernel, bias = kernels[0], biases[0]
    for next_kernel, next_bias in zip(kernels[1:], biases[1:], strict=True):
        kernel, bias = kernel @ next_kernel, bias @ next_kernel + next_bias
    return kernel, bias


def spiral(rows: int, seed: int) -> tuple[Floats, Floats]:
    """Draw two interleaved spirals."""
    rng = np.random.default_rng(seed)
    turn, arm = rng.uniform(0.5, 4.0, rows), rng.integers(0, 2, rows)
    angle = turn * 2.2 + arm * np.pi
    x = np.column_stack([turn * np.cos(angle), turn * np.sin(angle)])
    return x + rng.normal(size=x.shape) * 0.05, arm.astype(float)


def score_depth(hidden: list[int], activation: str | None, epochs: int) -> float:
    """Train a network on the spirals; return its accuracy on other points."""
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(units, activation=activation) for units in hidden]
    output = keras.layers.Dense(1, activation="sigmoid")
    network = keras.Sequential([keras.Input((2,)), *layers, output])
    network.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["accuracy"])
    x, kind = spiral(400, 0)
    rows, kinds = np.tile(x, (5, 1)), np.tile(kind, 5)
    network.fit(rows, kinds, epochs=epochs, batch_size=50, verbose=0)
    return float(network.evaluate(*spiral(400, 1), verbose=0)[1])


def depth(epochs: int = 8) -> Section:
    """Layers without activations, and shallow against deep.

    >>> depth(epochs=1).claims[0].holds
    True
    """
    rng = np.random.default_rng(0)
    widths = [2, 16, 16, 1]
    kernels = [rng.normal(size=pair) for pair in pairwise(widths)]
    biases = [rng.normal(size=units) for units in widths[1:]]
    x, kind = spiral(400, 1)
    through = x
    for kernel, bias in zip(kernels, biases, strict=True):
        through = through @ kernel + bias
    kernel, bias = collapse(kernels, biases)
    apart = float(np.abs(through - (x @ kernel + bias)).max())
    rows = [
        ("no hidden layer", score_depth([], None, epochs)),
        ("two hidden layers of 16 without activations", score_depth([16, 16], None, epochs)),
        ("one hidden layer of 16, relu", score_depth([16], "relu", epochs)),
        ("three hidden layers of 16, relu", score_depth([16, 16, 16], "relu", epochs)),
    ]
    figure = go.Figure()
    for colour, arm in ((COLOURS[0], 0), (COLOURS[3], 1)):
        own = x[kind == arm]
        figure.add_scatter(x=own[:, 0], y=own[:, 1], mode="markers", name=f"class {arm}",
                           marker={"color": colour, "size": 5})  # fmt: skip
    figure.update_layout(yaxis_scaleanchor="x")
    return Section(
        name="depth",
        title="Without activations, depth is an illusion",
        paragraphs=(
            "Two layers without activations between them are two matrices, and their product is "
            "one matrix. However many such layers there are, the network draws one line.",
            "With activations, each layer bends what the layers before have drawn. The table "
            "compares four networks on two spirals: two that can draw one line only, a shallow "
            "one and a deep one."
        ),
        figure=finish(figure, "Two spirals: no line separates them", "400 points", height=440),
        table=pd.DataFrame(rows, columns=["network", "accuracy on other points"]),
        code=code_of(collapse),
        question="How wide must a single hidden layer be to match three layers of 16?",
        claims=(
            Claim(DNN, "without hidden activations a deep network equals a linear one",
                  f"outputs of the three matrices and of their product differ by {apart:.1e}",
                  apart < 1e-10),
            Claim("001 Perceptron", "hidden layers separate what no line can",
                  f"accuracy {rows[0][1]:.2f} without, {rows[2][1]:.2f} with one and "
                  f"{rows[3][1]:.2f} with three hidden layers", rows[3][1] > rows[0][1] + 0.1),
        ),
    )  # fmt: skip
