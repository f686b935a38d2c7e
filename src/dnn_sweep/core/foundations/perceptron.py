"""Rosenblatt's perceptron, trained one example at a time.

References:
    Rosenblatt 1958, "The perceptron: a probabilistic model for information storage and
    organization in the brain".
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dnn_sweep.core.foundations.section import Claim, Floats, Section, code_of, finish
from dnn_sweep.core.lazy import LazyModule, go, keras, tf
from dnn_sweep.core.reporting.figures.style import COLOURS

plotly = LazyModule("plotly")

STUDY = "001 Perceptron"
POINTS = 100


def draw_points(points: int = POINTS, seed: int = 1) -> tuple[Floats, Floats]:
    """Draw two clouds that a line can separate; labels are -1 and +1."""
    rng = np.random.default_rng(seed)
    y = np.where(np.arange(points) % 2, 1.0, -1.0)
    x = rng.normal(size=(points, 2)) * 0.7 + np.outer(y, [1.5, 1.0])
    return x, y


def make_perceptron(seed: int = 0) -> tf.Module:
    """Build the module; TensorFlow is loaded only now."""

    class Perceptron(tf.Module):
        """A weighted sum; the decision is its sign."""

        def __init__(self) -> None:
            super().__init__()
            start = np.random.default_rng(seed).normal(size=2)
            self.w = tf.Variable(start, dtype=tf.float64)
            self.b = tf.Variable(0.0, dtype=tf.float64)

        def __call__(self, x: tf.Tensor) -> tf.Tensor:
            return tf.linalg.matvec(tf.reshape(x, (-1, 2)), self.w) + self.b

    return Perceptron()


def train_step(model: tf.Module, x: Floats, y: float, rate: float) -> float:
    """Learn from one example, if its decision is wrong: the loss is max(0, -y · sum)."""
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.relu(-y * model(tf.constant(x))))
    slope_w, slope_b = tape.gradient(loss, [model.w, model.b])
    model.w.assign_sub(rate * slope_w)
    model.b.assign_sub(rate * slope_b)
    return float(loss)


def decide(model: tf.Module, x: Floats) -> Floats:
    """The hard decision, -1 or +1."""
    return np.where(np.asarray(model(tf.constant(x))) > 0, 1.0, -1.0)


def perceptron(passes: int = 3) -> Section:
    """A perceptron on 100 points.

    >>> perceptron(passes=1).table.columns.tolist()
    ['passes', 'points that are right', 'loss of the pass']
    """
    x, y = draw_points()
    model = make_perceptron()
    rows = [(0, int((decide(model, x) == y).sum()), np.nan)]
    for number in range(1, passes + 1):
        loss = sum(train_step(model, *each, rate=0.1) for each in zip(x, y, strict=True))
        rows.append((number, int((decide(model, x) == y).sum()), loss))
    decided = decide(model, x)
    figure = go.Figure()
    for colour, label in ((COLOURS[0], -1), (COLOURS[3], 1)):
        for name, values, look in (
            ("truth", y, {"size": 13, "symbol": "circle-open"}),
            ("decision", decided, {"size": 6, "symbol": "circle"}),
        ):
            own = x[values == label]
            marker = {"color": colour, **look}
            figure.add_scatter(x=own[:, 0], y=own[:, 1], mode="markers", marker=marker,
                               name=f"{name} {label:+d}")  # fmt: skip
    (w1, w2), b = model.w.numpy(), float(model.b)
    ends = np.array([x[:, 0].min(), x[:, 0].max()])
    line = {"color": COLOURS[2], "width": 3}
    figure.add_scatter(x=ends, y=-(b + w1 * ends) / w2, mode="lines", name="boundary", line=line)
    figure.update_layout(yaxis_range=[x[:, 1].min() - 0.5, x[:, 1].max() + 0.5])
    right = rows[1][1]
    return Section(
        name="perceptron",
        title="The perceptron learns from its mistakes",
        paragraphs=(
            "The perceptron decides by the sign of a weighted sum. Its loss is 0 for an example "
            "that is decided rightly, and otherwise the size of the sum on the wrong side. So "
            "only mistakes move the line: towards the example, by a step.",
            "If a line separates the two classes, the perceptron finds one. It need not be the "
            "one in the middle: once nothing is wrong, nothing moves.",
        ),
        figure=finish(figure, "Truth (rings), decision (dots) and the line between them",
                      f"{POINTS} points after {passes} passes", height=440),
        table=pd.DataFrame(rows, columns=["passes", "points that are right", "loss of the pass"]),
        code=code_of(train_step),
        question="Exchange the labels of five points. Does training end now?",
        claims=(
            Claim(
                STUDY,
                "one pass over 100 points separates them",
                f"{right} of {POINTS} are right after one pass, {rows[-1][1]} after {passes}",
                right >= 0.95 * POINTS,
            ),
        ),
    )  # fmt: skip


ACTIVATIONS = ("identity", "sign", "sigmoid", "tanh", "softmax", "ReLU")
_KERAS = {"identity": "linear", "ReLU": "relu"}


def curve_and_slope(name: str, z: Floats) -> tuple[Floats, Floats]:
    """An activation and its derivative; softmax's first output, beside a second input of 0."""
    with tf.GradientTape() as tape:
        given = tf.constant(z)
        tape.watch(given)
        if name == "softmax":
            values = tf.nn.softmax(tf.stack([given, tf.zeros_like(given)], axis=1))[:, 0]
        elif name == "sign":
            values = tf.sign(given)
        else:
            values = keras.activations.get(_KERAS.get(name, name))(given)
    slope = tape.gradient(values, given)
    return values.numpy(), np.zeros_like(z) if slope is None else slope.numpy()


def activation_gallery() -> Section:
    """Six activations with their derivatives.

    >>> activation_gallery().table["largest slope"].tolist()[1:4]
    [0.0, 0.25, 1.0]
    """
    z = np.linspace(-4.0, 4.0, 161)
    figure = plotly.subplots.make_subplots(
        rows=2, cols=3, subplot_titles=ACTIVATIONS, shared_xaxes=True
    )
    rows = []
    for at, name in enumerate(ACTIVATIONS):
        values, slope = curve_and_slope(name, z)
        place = {"row": at // 3 + 1, "col": at % 3 + 1}
        look = {"mode": "lines", "showlegend": at == 0}
        figure.add_scatter(x=z, y=values, name="value", line_color=COLOURS[0], **look, **place)
        figure.add_scatter(x=z, y=slope, name="derivative", line_color=COLOURS[3], **look, **place)
        rows.append((name, values.min(), values.max(), float(slope.max())))
    ranges = {name: (low, high) for name, low, high, _ in rows}
    relu = set(np.unique(curve_and_slope("ReLU", z)[1]))
    holds = relu <= {0.0, 1.0} and all(
        low <= ranges[name][0] <= ranges[name][1] <= 1
        for name, low in (("sigmoid", 0), ("softmax", 0), ("tanh", -1))
    )
    columns = ["activation", "smallest from -4 to 4", "largest", "largest slope"]
    return Section(
        name="activations",
        title="Activations and their derivatives",
        paragraphs=(
            "An activation decides what a unit passes on. Training needs its derivative: the "
            "gradient that reaches a unit is multiplied by it. The sign's derivative is 0 "
            "everywhere, so nothing before it could learn.",
            "The sigmoid's derivative is at most a quarter. Through five layers, less than a "
            "thousandth of a gradient may be left: it vanishes. ReLU passes the gradient on "
            "unchanged where its input is positive.",
        ),
        figure=finish(figure, "Value and derivative", "softmax: the first of two outputs",
                      height=520),
        table=pd.DataFrame(rows, columns=columns),
        code=code_of(curve_and_slope),
        question="What is the largest slope of tanh, and where does it lie? Which of the six keep "
        "the sign of their input?",
        claims=(
            Claim(STUDY, "the outputs of sigmoid and softmax lie between 0 and 1, those of tanh "
                  "between -1 and 1, and ReLU's derivative is 0 or 1",
                  f"so it is at {len(z)} points from -4 to 4", holds),
        ),
    )  # fmt: skip
