"""Reading strings of digits without knowing where each digit stands.

References:
    Graves et al. 2006, "Connectionist temporal classification: labelling unsegmented sequence data
    with recurrent neural networks".
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dnn_sweep.core.foundations.models import KERAS
from dnn_sweep.core.foundations.section import Claim, Floats, Section, code_of, finish
from dnn_sweep.core.lazy import go, keras, sklearn, tf

LENGTH, WIDTH, SIDE = 3, 36, 8  # digits of a string, columns of its picture, side of a digit
BLANK = 0  # digits are labelled 1 to 10


def draw_strings(strings: int, seed: int) -> tuple[Floats, Floats]:
    """Draw pictures of three digits with random gaps, ``[strings, columns, rows]``, and labels."""
    images, digits = sklearn.datasets.load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(digits), (strings, LENGTH))
    pictures = np.zeros((strings, WIDTH, SIDE))
    spare = WIDTH - SIDE * LENGTH
    for picture, own in zip(pictures, chosen, strict=True):
        starts = np.sort(rng.integers(0, spare + 1, LENGTH)) + SIDE * np.arange(LENGTH)
        for start, each in zip(starts, own, strict=True):
            picture[start : start + SIDE] = images[each].reshape(SIDE, SIDE).T / 16
    return pictures, digits[chosen] + 1


def build_reader() -> keras.Model:
    """Build a network that gives each column a score for every digit and for the blank."""
    columns = keras.Input((WIDTH, SIDE))
    h = keras.layers.Conv1D(48, 7, padding="same", activation="relu")(columns)
    h = keras.layers.Conv1D(64, 7, padding="same", activation="relu")(h)
    reader = keras.Model(columns, keras.layers.Dense(11)(h))
    reader.compile(optimizer=keras.optimizers.Adam(0.004), loss=keras.losses.CTC())
    return reader


def read(reader: keras.Model, pictures: Floats) -> Floats:
    """Read strings: repeated labels are one, blanks are dropped; the rest is filled with 0."""
    scores = reader.predict(pictures, verbose=0)
    lengths = [WIDTH] * len(pictures)
    (labels, *_), _ = keras.ops.ctc_decode(scores, lengths, "greedy", mask_index=BLANK)
    found: Floats = np.maximum(np.asarray(labels), 0)
    return found


def edits(found: Floats, truth: Floats) -> float:
    """Mean number of digits to insert, delete or replace."""
    pair = (tf.sparse.from_dense(tf.constant(each, tf.int64)) for each in (found, truth))
    return float(tf.reduce_mean(tf.edit_distance(*pair, normalize=False)))


def unaligned_strings(epochs: int = 15, strings: int = 1000) -> Section:
    """Train with CTC; compare the edit distance before and after.

    >>> unaligned_strings(epochs=1, strings=50).table["strings"].tolist()
    ['before training', 'after training']
    """
    keras.utils.set_random_seed(0)
    reader = build_reader()
    pictures, truth = draw_strings(200, seed=1)
    before = edits(read(reader, pictures), truth)
    reader.fit(*draw_strings(strings, seed=0), epochs=epochs, batch_size=50, verbose=0)
    found = read(reader, pictures)
    after = edits(found, truth)
    said = "".join(str(label - 1) for label in found[0] if label)
    figure = go.Figure()
    figure.add_image(z=np.repeat(255 * (1 - pictures[0].T)[..., np.newaxis], 3, axis=2))
    figure.update_layout(yaxis_visible=False, xaxis_title="column")
    rows = [("before training", before), ("after training", after)]
    return Section(
        name="unaligned",
        title="Labels without places",
        paragraphs=(
            "A picture shows three digits, but nothing says in which columns each stands. The "
            "network gives every column a score for each digit and for a blank. A reading joins "
            "repeated labels and drops blanks, so many ways of labelling the columns read the "
            "same.",
            "The loss of Connectionist Temporal Classification adds the probabilities of all of "
            "them. The edit distance counts the digits to insert, delete or replace.",
        ),
        figure=finish(figure, f"Read as {said}", "one of 200 other strings", 260),
        table=pd.DataFrame(rows, columns=["strings", "mean edit distance of 3 digits"]),
        code=code_of(build_reader),
        question="Why does a string with the same digit twice in a row need a blank between them?",
        claims=(
            Claim(
                KERAS,
                "sequences whose labels are not aligned are learned with CTC",
                f"mean edit distance {before:.2f} before training, {after:.2f} after",
                bool(after < 1.5),
                "it was trained for too short a time",
            ),
        ),
    )
