"""``fit`` written by hand, and a gradient that is none."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dnn_sweep.core.foundations.gates import STUDY
from dnn_sweep.core.foundations.section import Claim, Floats, Section, code_of, finish
from dnn_sweep.core.lazy import go, keras
from dnn_sweep.core.reporting.figures.style import COLOURS

RATES = (0.01, 0.1, 0.5, 1.1)
X: Floats = np.linspace(-1.0, 1.0, 20)
Y: Floats = 2.0 * X + 1.0
START = (0.5, 0.0)  # weight and bias


def fit(x: Floats, y: Floats, epochs: int, rate: float) -> tuple[float, float, list[float]]:
    """Fit a line by gradient descent; return weight, bias and the loss before each step."""
    w, b = START  # initialise
    losses = []
    for _ in range(epochs):
        predicted = w * x + b  # predict
        error = predicted - y  # compare
        losses.append(float((error**2).mean()))
        slope_w, slope_b = 2 * (error * x).mean(), 2 * error.mean()  # differentiate the loss
        w, b = w - rate * slope_w, b - rate * slope_b  # update
    return w, b, losses


def fit_with_quotient(x: Floats, y: Floats, epochs: int, rate: float) -> tuple[float, float]:
    """As the study does: the error divided by the prediction takes the gradient's place."""
    w, b = START
    for _ in range(epochs):
        predicted = w * x + b
        step = ((y - predicted) / predicted).mean()
        w, b = w + rate * step, b + rate * step
    return w, b


def fit_with_keras(x: Floats, y: Floats, epochs: int, rate: float) -> tuple[float, float]:
    """The same by Keras: one dense unit, its mean squared error, its SGD."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[START[0]]]), np.array([START[1]])])
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="mean_squared_error")
    model.fit(x[:, None], y[:, None], epochs=epochs, batch_size=len(x), verbose=0)
    w, b = model.get_weights()
    return float(w[0, 0]), float(b[0])


def hand_written_fit(epochs: int = 50) -> Section:
    """Gradient descent by hand, at several learning rates, and against Keras.

    >>> hand_written_fit(epochs=5).claims[0].holds
    True
    """
    figure, rows = go.Figure(), []
    for colour, rate in zip(COLOURS, RATES, strict=False):
        w, b, losses = fit(X, Y, epochs, rate)
        rows.append((rate, w, b, losses[-1]))
        line = {"color": colour}
        figure.add_scatter(y=losses, mode="lines", name=f"rate {rate:g}", line=line)
    figure.update_layout(xaxis_title="step", yaxis_title="loss", yaxis_type="log")
    mine, theirs = fit(X, Y, epochs, 0.1)[:2], fit_with_keras(X, Y, epochs, 0.1)
    apart = max(abs(a - b) for a, b in zip(mine, theirs, strict=True))
    return Section(
        name="fit",
        title="What fit does",
        paragraphs=(
            "Training repeats five things: predict, compare with the truth, differentiate the "
            "loss, take a step against the gradient, begin again. Here a line is fitted to points "
            "on y = 2x + 1.",
            "The learning rate scales the steps. Too small, and little happens; too large, and "
            "each step overshoots further than the one before.",
        ),
        figure=finish(figure, "The loss at four learning rates", "logarithmic axis"),
        table=pd.DataFrame(rows, columns=["learning rate", "w", "b", "last loss"]),
        code=code_of(fit),
        question="From which learning rate on does the loss grow? Find it by trying; then "
        "calculate it from the mean of x².",
        claims=(
            Claim(
                STUDY,
                "the loop predict, error, gradient, update trains a neuron as fit does",
                f"weights differ from those of Keras's SGD by {apart:.1e} after {epochs} steps",
                bool(apart < 1e-4),
            ),
        ),
    )


def wrong_gradient(epochs: int = 200) -> Section:
    """The study's quotient beside the derivative.

    >>> wrong_gradient(epochs=20).claims[0].holds
    False
    """
    predicted = np.linspace(-2, 3, 251)
    # No line across the pole at 0.
    quotient = np.where(np.abs(predicted) < 0.1, np.nan, (1 - predicted) / (predicted + 1e-12))
    figure = go.Figure()
    for colour, name, step in (
        (COLOURS[0], "minus the derivative of (1 - p)²", 2 * (1 - predicted)),
        (COLOURS[3], "the study's (1 - p) / p", quotient),
    ):
        line = {"color": colour}
        figure.add_scatter(x=predicted, y=step, mode="lines", name=name, line=line)
    figure.add_hline(y=0, line_color="#7F7F7F", line_width=1)
    figure.update_layout(xaxis_title="prediction p, where 1 is right", yaxis_title="step")
    right = fit(X, Y, epochs, 0.1)[:2]
    wrong = fit_with_quotient(X, Y, epochs, 0.1)
    table = pd.DataFrame(
        [("derivative", *right), ("error / prediction", *wrong), ("truth", 2.0, 1.0)],
        columns=["step by", "w", "b"],
    )
    missed = max(abs(wrong[0] - 2), abs(wrong[1] - 1))
    return Section(
        name="wrong-gradient",
        title="A gradient that is none",
        paragraphs=(
            "One study updates with error / prediction. For a single example with a positive "
            "prediction this moves the right way, which is why it seemed to work. But it is not "
            "the derivative of any loss: it explodes near a prediction of 0 and changes its sign "
            "below, so that a negative prediction is pushed further away.",
            "It also moves weight and bias by the same amount, whatever the input was. With more "
            "than one example it ends somewhere else.",
        ),
        figure=finish(figure, "Only one of the two points to the truth from everywhere",
                      "the step for one example whose right answer is 1"),
        table=table,
        code=code_of(fit_with_quotient),
        question="Start from w = -0.5 with one example, x = 1 and y = 1. Where does each rule go?",
        claims=(
            Claim(
                STUDY,
                "error / prediction is the gradient",
                f"after {epochs} steps w and b are off by up to {missed:.2g}; with the derivative "
                f"by {max(abs(right[0] - 2), abs(right[1] - 1)):.1e}",
                False,
                "the quotient is no derivative of the loss and ignores the input",
            ),
        ),
    )  # fmt: skip
