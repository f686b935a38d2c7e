"""The fully connected networks of LeCun, Bottou, Bengio and Haffner (1998), trained again.

``python -m benchmarks.squared_error FOLDER`` reads the four files of MNIST in a folder and prints
a row per network for docs/experiments.md. Their loss is the mean squared error, which a sweep
refuses for classes, so Keras's own ``fit`` trains them here. As in the paper, pixels go from -0.1
to 1.175, the units are scaled hyperbolic tangents, the right class is to be 1 and the others -1,
and all 60,000 images are learned in 20 passes, an image at a time. The paper's second-order
rates are replaced by plain gradient descent, whose rate falls linearly, in small batches.
"""

import argparse
from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from benchmarks.prepare import configuration, load_raw_table

# Hidden units, and the share of the test images that the paper's network got wrong.
PUBLISHED = {(300,): 0.047, (1000,): 0.045, (300, 100): 0.0305, (500, 150): 0.0295}
CLASSES, BATCH = 10, 16


def scaled_tanh(x: keras.KerasTensor) -> keras.KerasTensor:
    """The paper's activation, which is 1 at 1 and -1 at -1."""
    return 1.7159 * keras.ops.tanh(2 / 3 * x)


def build(hidden: Sequence[int], pixels: int, steps: int, rate: float) -> keras.Model:
    """Build and compile one of the paper's networks.

    Args:
        hidden: Units of each hidden layer.
        pixels: Pixels of an image.
        steps: Steps over which the rate falls to a fiftieth.
        rate: The first learning rate.
    """
    layers = [keras.layers.Dense(n, scaled_tanh, kernel_initializer="lecun_normal") for n in hidden]
    output = keras.layers.Dense(CLASSES, scaled_tanh, kernel_initializer="lecun_normal")
    model = keras.Sequential([keras.Input((pixels,)), *layers, output])
    falling = keras.optimizers.schedules.PolynomialDecay(rate, steps, rate / 50)
    model.compile(keras.optimizers.SGD(falling), "mean_squared_error")
    return model


def wrong(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> int:
    """Count the images whose largest output is not that of their class."""
    return int((model.predict(images, 1000, verbose=0).argmax(axis=1) != labels).sum())


def main() -> None:
    """Train the four networks, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="folder with MNIST's IDX files")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--rows", type=int, help="train on the first so many images only")
    options = parser.parse_args()
    table = load_raw_table(configuration("mnist", options.folder))
    train, test = (table[table["split"] == part] for part in ("train", "test"))
    (x, y), (x_test, y_test) = map(arrays, (train[: options.rows], test))
    targets = np.where(np.arange(CLASSES) == y[:, None], 1, -1).astype(np.float32)
    print("| hidden units | published: wrong | here: wrong, 95 % interval |\n| --- | --- | --- |")
    for hidden, published in PUBLISHED.items():
        keras.utils.set_random_seed(0)
        steps = options.epochs * (len(x) // BATCH)
        model = build(hidden, x.shape[1], steps, options.rate)
        model.fit(x, targets, BATCH, options.epochs, verbose=0)
        failed = wrong(model, x_test, y_test)
        low, high = proportion_confint(failed, len(x_test), method="wilson")
        found = f"{failed / len(x_test):.2%} [{low:.2%}, {high:.2%}]"
        print(f"| {' + '.join(map(str, hidden))} | {published:.2%} | {found} |", flush=True)


def arrays(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Scale the pixels as the paper does; return them and the labels."""
    pixels = rows.filter(like="pixel_").to_numpy(np.float32) / 255 * 1.275 - 0.1
    return pixels, rows["label"].to_numpy()


if __name__ == "__main__":
    main()
