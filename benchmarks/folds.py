"""How often the intervals of a cross-validation hold, although its training sets overlap.

``python -m benchmarks.folds`` prints the table of decision 0018.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.comparison.intervals import mean_interval
from dnn_sweep.core.comparison.tied_set import compare_with_best

FEATURES = 10
SLOPES = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)  # of the activations that are compared
SETTINGS = ((5, 5, True), (5, 10, True), (4, 2, False), (4, 5, False), (10, 2, False))
DRAWS = 2000  # of the errors, fewer than for a sweep: there are many tables
FRESH_ROWS = 4000  # on which the true accuracy of a network is measured
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """A quick network: a random hidden layer by the seed, and a fitted linear output.

    Args:
        units: Of the hidden layer.
        slope: Of its activation at 0; another slope is another activation.
    """

    units: int = 20
    slope: float = 1.0

    def accuracy(
        self, seed: int, train: tuple[Floats, Floats], rows: tuple[Floats, Floats]
    ) -> Floats:
        """Fit on training rows; return for each of the other rows whether its class is right."""
        random = np.random.default_rng([seed, self.units])
        hidden = random.normal(size=(FEATURES + 1, self.units)) / np.sqrt(FEATURES)

        def features(x: Floats) -> Floats:
            with_bias = np.hstack([x, np.ones((len(x), 1))])
            return np.hstack([np.tanh(self.slope * with_bias @ hidden), np.ones((len(x), 1))])

        z = features(train[0])
        weights = np.linalg.solve(z.T @ z + np.eye(z.shape[1]), z.T @ train[1])
        return (np.sign(features(rows[0]) @ weights) == rows[1]).astype(float)


@dataclass(frozen=True)
class Setting:
    """What is simulated."""

    rows: int  # outside the test split
    folds: int
    seeds: int
    own: bool = False  # whether each seed trains in one fold, not in all of them


def draw(random: np.random.Generator, rows: int) -> tuple[Floats, Floats]:
    """Rows of two classes that no network separates: a noisy curved border."""
    x = random.normal(size=(rows, FEATURES))
    score = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.7 * random.normal(size=rows)
    return x, np.where(score > 0, 1.0, -1.0)


def cross_validate(
    network: Network,
    data: tuple[Floats, Floats],
    folds: Sequence[NDArray[np.int64]],
    seeds: range,
    *,
    own: bool = False,
) -> Floats:
    """Score rows by networks that did not see them, ``(seeds, rows)``.

    With every seed all rows, in the first of the divisions into ``folds``; or with ``own`` those
    of one fold, and NaN for the others.
    """
    x, y = data
    scores = np.full((len(seeds), len(y)), np.nan)
    for place, seed in enumerate(seeds):
        numbers = np.unique(folds[0])
        repeat, number = divmod(place, len(numbers))
        for fold in [number] if own else numbers:
            out = folds[repeat if own else 0] == fold
            train = x[~out], y[~out]
            scores[place, out] = network.accuracy(seed, train, (x[out], y[out]))
    return scores


def true_accuracy(network: Network, rows: int, repeats: int, random: np.random.Generator) -> float:
    """Mean accuracy of networks that are trained on so many fresh rows with fresh seeds."""
    fresh = [
        network.accuracy(10**6 + repeat, draw(random, rows), draw(random, FRESH_ROWS)).mean()
        for repeat in range(repeats)
    ]
    return float(np.mean(fresh))


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of a setting held."""

    setting: Setting
    interval: float  # share of intervals of an accuracy that hold its true value
    differences: float  # share of tables in which all intervals of differences hold
    naive: float  # the first, if every row were an independent test of one network


def simulate(setting: Setting, sweeps: int, seed: int = 0) -> Coverage:
    """Cross-validate some networks on many tables, and count the intervals that hold."""
    random = np.random.default_rng(seed)
    networks = [Network(slope=slope) for slope in SLOPES]
    trained_on = setting.rows - setting.rows // setting.folds
    truth = np.array([true_accuracy(each, trained_on, 4 * sweeps, random) for each in networks])
    held = np.zeros(3)
    for sweep in range(sweeps):
        data = draw(random, setting.rows)
        repeats = setting.seeds // setting.folds if setting.own else 1
        folds = [random.permutation(setting.rows) % setting.folds for _ in range(repeats)]
        seeds = range(sweep * setting.seeds, (sweep + 1) * setting.seeds)
        given = data, folds, seeds
        scores = np.array([cross_validate(each, *given, own=setting.own) for each in networks])
        low, high = mean_interval(scores, 0.95, "share")
        held[0] += ((low <= truth) & (truth <= high)).mean()
        found = compare_with_best(scores, 0, 1, 0.95, most_draws=DRAWS)
        held[1] += ((found.low <= truth - truth[0]) & (truth - truth[0] <= found.high)).all()
        once = np.nanmean(scores[:, : setting.folds], axis=1) if setting.own else scores[:, 0]
        half = 1.96 * once.std(axis=1) / np.sqrt(setting.rows)
        held[2] += (np.abs(once.mean(axis=1) - truth) <= half).mean()
    return Coverage(setting, *(held / sweeps))


def table(sweeps: int) -> Iterator[str]:
    """Write the table, a line at a time."""
    yield "| rows | folds | seeds | an accuracy | all differences | one seed, rows alone |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for rows in (120, 400, 1200):
        for setting in SETTINGS:
            found = simulate(Setting(rows, *setting), sweeps)
            shares = (found.interval, found.differences, found.naive)
            yield (
                f"| {rows} | {setting[0]} | {setting[1]}{', one per fold' * setting[2]} | "
                + " | ".join(f"{share:.1%}".replace("%", " %") for share in shares)
                + " |"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=1000)
    for line in table(parser.parse_args().sweeps):
        print(line, flush=True)
