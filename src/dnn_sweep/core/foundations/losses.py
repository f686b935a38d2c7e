"""What losses measure, and what an outlier does to them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dnn_sweep.core.foundations.perceptron import STUDY
from dnn_sweep.core.foundations.section import Claim, Floats, Section, code_of, finish
from dnn_sweep.core.lazy import go, keras, sklearn
from dnn_sweep.core.reporting.figures.style import COLOURS

OUTLIER = (0.9, 12.0)
REGRESSION = ("MSE", "MAE")
# A network's outputs and loss by the problem.
PROBLEMS = {
    "two classes": ("sigmoid", "binary_crossentropy", 1),
    "three classes": ("softmax", "sparse_categorical_crossentropy", 3),
    "a number": (None, "mean_squared_error", 1),
}


def fit_line(x: Floats, y: Floats, loss: str) -> tuple[float, float]:
    """Fit a line that has the smallest mean error of a kind; return slope and intercept."""
    models = sklearn.linear_model
    if loss == "MSE":
        line = models.LinearRegression()
    else:  # the median has the smallest mean absolute error
        line = models.QuantileRegressor(quantile=0.5, alpha=0.0)
    line.fit(x[:, None], y)
    return float(line.coef_[0]), float(line.intercept_)


def cross_entropies() -> pd.DataFrame:
    """The cross-entropy of three predictions whose right class is the second, one-hot."""
    target = [[0.0, 1.0, 0.0]]
    predictions = {"sure and right": [0.05, 0.9, 0.05], "undecided": [1 / 3, 1 / 3, 1 / 3],
                   "sure and wrong": [0.98, 0.01, 0.01]}  # fmt: skip
    loss = keras.losses.CategoricalCrossentropy()
    rows = [(name, str(np.round(p, 2).tolist()), float(loss(target, [p])))
            for name, p in predictions.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["prediction", "probabilities", "cross-entropy"])


def outliers() -> Section:
    """One outlier under the mean squared and the mean absolute error.

    >>> outliers().claims[0].holds
    True
    """
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 21)
    y = 2 * x + 1 + rng.normal(size=21) * 0.2
    with_outlier = np.append(x, OUTLIER[0]), np.append(y, OUTLIER[1])
    figure = go.Figure()
    figure.add_scatter(x=with_outlier[0], y=with_outlier[1], mode="markers", name="points",
                       marker={"color": COLOURS[-1], "size": 8})  # fmt: skip
    rows, moved = [], {}
    for colour, short in zip(COLOURS, REGRESSION, strict=False):
        clean, bent = fit_line(x, y, short), fit_line(*with_outlier, short)
        moved[short] = abs(bent[0] - clean[0])
        rows.append((short, clean[0], bent[0], moved[short]))
        for name, (slope, intercept), dash in (("without", clean, "dot"), ("with", bent, "solid")):
            figure.add_scatter(x=x, y=slope * x + intercept, mode="lines",
                               name=f"{short}, {name} outlier",
                               line={"color": colour, "dash": dash})  # fmt: skip
    columns = ["loss", "slope without", "slope with outlier", "moved by"]
    entropies = cross_entropies().set_index("prediction")["cross-entropy"]
    return Section(
        name="losses",
        title="A loss decides what counts",
        paragraphs=(
            "The mean squared error counts an error twice as large four times; the mean absolute "
            "error counts it twice. So one outlier pulls the line of the first much more than "
            "that of the second.",
            "For classes, the cross-entropy with a one-hot target is minus the logarithm of the "
            "probability that was given to the right class; the others do not count. Sure and "
            f"right costs {entropies['sure and right']:.2f}, undecided between three "
            f"{entropies['undecided']:.2f}, sure and wrong {entropies['sure and wrong']:.2f}.",
        ),
        figure=finish(figure, "One outlier bends the line of MSE, hardly that of MAE",
                      f"22 points near y = 2x + 1, one of them at {OUTLIER}"),
        table=pd.DataFrame(rows, columns=columns),
        code=code_of(fit_line, cross_entropies),
        question="Move the outlier to y = 100. How far does each line move now?",
        claims=(
            Claim(STUDY, "MAE is robust against outliers, MSE is not",
                  f"one outlier moves the slope by {moved['MSE']:.2f} under MSE, by "
                  f"{moved['MAE']:.2f} under MAE", moved["MAE"] < moved["MSE"] / 3),
            Claim(STUDY, "with one-hot targets only the right class adds to the cross-entropy",
                  "-ln of its probability in all three cases", bool(np.isclose(
                      entropies["undecided"], np.log(3), atol=1e-3))),
        ),
    )  # fmt: skip


def draw_problem(name: str, rows: int = 300) -> tuple[Floats, Floats]:
    """Draw points of two moons, of three clouds, or of a sine."""
    if name == "two classes":
        x, y = sklearn.datasets.make_moons(rows, noise=0.15, random_state=0)
        return x, y
    if name == "three classes":
        x, y = sklearn.datasets.make_blobs(rows, centers=3, cluster_std=0.7, random_state=0)
        return x, y
    x = np.random.default_rng(0).uniform(-3, 3, size=(rows, 1))
    return x, np.sin(x[:, 0])


def train_for(name: str, epochs: int) -> tuple[str, float]:
    """Train a network with the outputs and the loss that a problem needs; score held-out rows."""
    activation, loss, outputs = PROBLEMS[name]
    x, y = draw_problem(name)
    network = keras.Sequential([
        keras.Input((x.shape[1],)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(outputs, activation=activation),
    ])  # fmt: skip
    metric = "mae" if activation is None else "accuracy"
    network.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=[metric])
    # Each epoch has the rows four times: an epoch of few steps takes mostly overhead.
    rows, targets = np.tile(x[:200], (4, 1)), np.tile(y[:200], 4)
    network.fit(rows, targets, epochs=epochs, batch_size=20, verbose=0)
    return metric, float(network.evaluate(x[200:], y[200:], verbose=0)[1])


def problems(epochs: int = 10) -> Section:
    """Outputs and loss by the problem.

    >>> problems(epochs=1).table["loss"].tolist()[0]
    'binary_crossentropy'
    """
    keras.utils.set_random_seed(0)
    rows = []
    for name, (activation, loss, outputs) in PROBLEMS.items():
        metric, value = train_for(name, epochs)
        rows.append((name, outputs, activation or "linear", loss, metric, value))
    columns = ["to predict", "outputs", "activation", "loss", "metric", "on 100 other rows"]
    table = pd.DataFrame(rows, columns=columns)
    return Section(
        name="problems",
        title="The problem decides outputs and loss",
        paragraphs=(
            "Two classes need one output with a sigmoid, several classes one output each with a "
            "softmax, a number one output as it is. Each has its loss. The hidden layers are the "
            "same.",
        ),
        figure=None,
        table=table,
        code=code_of(train_for),
        question="Predict the three classes with one output and the mean squared error. What is "
        "wrong with that, although it trains?",
        claims=(
            Claim("002 Keras", "binary cross-entropy for two classes, categorical cross-entropy "
                  "for several, mean squared error for a number",
                  ", ".join(f"{r[0]}: {r[4]} {r[5]:.2f}" for r in rows),
                  all(r[5] > 0.8 if r[4] == "accuracy" else r[5] < 0.2 for r in rows),
                  "one of the networks hardly learned"),
        ),
    )  # fmt: skip
