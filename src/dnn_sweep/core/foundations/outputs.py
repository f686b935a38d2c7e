"""A network with two outputs, and weights that are saved and loaded."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from dnn_sweep.core.foundations.models import DNN, KERAS
from dnn_sweep.core.foundations.section import Claim, Floats, Section, code_of
from dnn_sweep.core.lazy import keras, sklearn

TRAINED = 1200  # rows; the others are for the evaluation
WEIGHTINGS = ((1.0, 0.0), (1.0, 1.0), (0.0, 1.0))  # of the two losses


def two_outputs(dropout: float = 0.0) -> keras.Model:
    """Tell a digit and whether it is odd, from the same hidden layer."""
    image = keras.Input((64,))
    hidden = keras.layers.Dense(32, activation="relu")(image)
    hidden = keras.layers.Dropout(dropout)(hidden)
    digit = keras.layers.Dense(10, activation="softmax", name="digit")(hidden)
    odd = keras.layers.Dense(1, activation="sigmoid", name="odd")(hidden)
    return keras.Model(image, {"digit": digit, "odd": odd})


def draw_digits() -> tuple[Floats, dict[str, Floats]]:
    """The digits of scikit-learn, in one random order, with both targets."""
    images, digits = sklearn.datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(digits))
    return images[order] / 16, {"digit": digits[order], "odd": digits[order] % 2}


def train_two_outputs(weighting: tuple[float, float], epochs: int) -> dict[str, float]:
    """Train with a weighted sum of both losses; return each output's accuracy on other rows."""
    keras.utils.set_random_seed(0)
    x, targets = draw_digits()
    network = two_outputs()
    network.compile(
        optimizer=keras.optimizers.RMSprop(0.01),
        loss={"digit": "sparse_categorical_crossentropy", "odd": "binary_crossentropy"},
        loss_weights=dict(zip(("digit", "odd"), weighting, strict=True)),
        metrics={"digit": "accuracy", "odd": "accuracy"},
    )
    before = {name: values[:TRAINED] for name, values in targets.items()}
    network.fit(x[:TRAINED], before, epochs=epochs, batch_size=64, verbose=0)
    after = {name: values[TRAINED:] for name, values in targets.items()}
    found = network.evaluate(x[TRAINED:], after, verbose=0, return_dict=True)
    return {name: float(found[f"{name}_accuracy"]) for name in targets}


def several_outputs(epochs: int = 12) -> Section:
    """Two outputs under a weighted sum of losses.

    >>> several_outputs(epochs=1).table.columns.tolist()
    ['weight of digit', 'weight of odd', 'digit', 'odd']
    """
    rows = [(*each, *train_two_outputs(each, epochs).values()) for each in WEIGHTINGS]
    table = pd.DataFrame(rows, columns=["weight of digit", "weight of odd", "digit", "odd"])
    both = rows[1]
    return Section(
        name="outputs",
        title="Two outputs, one sum of losses",
        paragraphs=(
            "A network may answer two questions at once. Training needs a single number to make "
            "smaller, so the two losses are added, each with a weight. An output whose loss has "
            "weight 0 is not trained: it guesses.",
        ),
        figure=None,
        table=table,
        code=code_of(two_outputs),
        question="The digit tells whether it is odd. Is the second output of any use, and for "
        "which pair of questions would it be?",
        claims=(
            Claim(KERAS, "several losses are combined into one, by a weighted sum",
                  f"with both weights 1: digit {both[2]:.2f}, odd {both[3]:.2f} on "
                  "597 other digits", min(both[2:]) > 0.85),
        ),
    )  # fmt: skip


def reload(network: keras.Model, file: Path) -> keras.Model:
    """Save the weights, build the network anew, load the weights."""
    network.save_weights(file)
    rebuilt = two_outputs(dropout=0.3)
    rebuilt.load_weights(file)
    return rebuilt


def saved_weights() -> Section:
    """Weights survive, whatever the new network started from.

    >>> saved_weights().claims[0].holds
    True
    """
    keras.utils.set_random_seed(0)
    x, _ = draw_digits()
    network, other = two_outputs(dropout=0.3), two_outputs(dropout=0.3)
    with TemporaryDirectory() as folder:
        rebuilt = reload(network, Path(folder, "model.weights.h5"))
    expected = np.asarray(network(x)["digit"])
    apart = {
        "rebuilt, weights loaded": float(np.abs(expected - np.asarray(rebuilt(x)["digit"])).max()),
        "rebuilt, weights not loaded": float(
            np.abs(expected - np.asarray(other(x)["digit"])).max()
        ),
    }
    loaded = apart["rebuilt, weights loaded"]
    return Section(
        name="weights",
        title="A network is its layers and its weights",
        paragraphs=(
            "A file of weights holds numbers only. The layers must be built again, in the same "
            "shapes, before the numbers can be loaded. Dropout has no weights and does nothing "
            "when a network predicts, so predictions are the same as before.",
        ),
        figure=None,
        table=pd.DataFrame(
            {"network": list(apart), "largest difference of predictions": list(apart.values())}
        ),
        code=code_of(reload),
        question="Build the second network with 33 hidden units. What does Keras say?",
        claims=(
            Claim(
                DNN,
                "saved weights, loaded into a network built anew, give the same predictions",
                f"predictions for 1,797 digits differ by at most {loaded:.1e}",
                loaded < 1e-6,
            ),
        ),
    )
