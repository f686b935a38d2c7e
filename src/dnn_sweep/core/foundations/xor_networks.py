"""How often networks with a hidden layer solve XOR, and how many parameters they have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.foundations.gates import INPUTS, STUDY, XOR
from dnn_sweep.core.foundations.section import Claim, Section, code_of, finish
from dnn_sweep.core.lazy import LazyModule, go, keras
from dnn_sweep.core.plan.planner import expand_grid
from dnn_sweep.core.reporting.figures.style import COLOURS
from dnn_sweep.core.training.engine import assign_engines
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    LoggingParameters,
    NetworkParameters,
    TrainingParameters,
)

proportion = LazyModule("statsmodels.stats.proportion")

COPIES = 100  # of the four points in an epoch
WIDTHS, ACTIVATIONS = (2, 4, 8), ("relu", "tanh", "sigmoid")
# Units of each layer, as in the study.
COUNTED = ((1,), (1, 1), (2, 1), (4, 2, 1))


def solve_xor(width: int, activations: Sequence[str], seeds: int, epochs: int) -> pd.DataFrame:
    """Train networks of one hidden layer on the four points; one row per trial."""
    rows = np.tile(INPUTS.astype(np.float32), (COPIES, 1))
    labels = np.tile(XOR.astype(np.int32), COPIES)
    data = TrainingData(rows, labels, rows[:4], labels[:4])
    schema = Schema(
        task="binary", target="xor", classes=(0, 1), rows=len(rows), fingerprint="",
        features=(Column(name="x1", kind="numeric"), Column(name="x2", kind="numeric")),
    )  # fmt: skip
    plan = expand_grid(
        schema,
        2,
        "",
        NetworkParameters(hidden=[width]),
        GridParameters(activations=activations, optimizers=[{"adam": {"learning_rate": 0.01}}]),
        TrainingParameters(epochs=epochs, batch_size=4, seeds=range(seeds)),
        CallbackParameters(checkpoint={"enabled": False}),
        labels,
    )
    (assigned,) = assign_engines(plan.trials, "stacked")
    logs = LoggingParameters(folder="", csv=False)
    results = assigned.engine.train(plan.trials, data, TrainingProgress(), logs, assigned.reason)
    return pd.DataFrame(
        [(each.trial.activation, width, each.score == 1.0) for each in results],
        columns=["activation", "width", "solved"],
    )


def count_parameters(units: Sequence[int], inputs: int = 2) -> int:
    """Each unit has a weight for every input of its layer, and a bias."""
    widths = [inputs, *units]
    return sum((before + 1) * after for before, after in pairwise(widths))


def xor_networks(seeds: int = 200, epochs: int = 12) -> Section:
    """Width, activation and luck: the share of networks that solve XOR.

    >>> section = xor_networks(seeds=2, epochs=1)
    >>> section.table.columns.tolist()
    ['activation', 'width', 'solved', 'of', 'share', 'low', 'high']
    """
    trials = pd.concat([solve_xor(width, ACTIVATIONS, seeds, epochs) for width in WIDTHS])
    grouped = trials.groupby(["activation", "width"], sort=False)["solved"]
    table = grouped.agg(solved="sum", of="size").reset_index()
    low, high = proportion.proportion_confint(table["solved"], table["of"], method="wilson")
    table = table.assign(share=table["solved"] / table["of"], low=low, high=high)
    figure = go.Figure()
    for colour, (activation, own) in zip(COLOURS, table.groupby("activation"), strict=False):
        bars = {
            "array": own["high"] - own["share"],
            "arrayminus": own["share"] - own["low"],
        }
        figure.add_bar(
            x=[f"{width} units" for width in own["width"]], y=own["share"], error_y=bars,
            name=str(activation), marker_color=colour,
        )  # fmt: skip
    figure.update_layout(yaxis_title="share that solves XOR", yaxis_tickformat=".0%")
    relu = table[table["activation"] == "relu"].set_index("width")
    two, eight = relu.loc[2], relu.loc[8]
    note = f"{seeds} seeds each, Adam, {epochs * COPIES:,} steps of four points; 95 % intervals"
    return Section(
        name="xor-networks",
        title="Two hidden units can solve XOR; more do it more reliably",
        paragraphs=(
            "Two lines are enough for XOR, so two hidden units are enough in principle. But "
            "training starts at random weights and can end where no small step helps, for "
            "instance with a ReLU unit that is 0 at every point. More units make it likelier "
            "that some start well.",
            "One training says little about a network: the same network with another seed may "
            "fail. Hence the share of many seeds, with its interval.",
        ),
        figure=finish(figure, "More units find the solution more often", note),
        table=table,
        code=code_of(solve_xor),
        question="Train the networks that failed for longer. Which of them recover, and why not "
        "all of them?",
        claims=(
            Claim(
                STUDY,
                "XOR is not always learned with two units; four were needed",
                f"relu: {two['share']:.0%} [{two['low']:.0%}, {two['high']:.0%}] with two units, "
                f"{eight['share']:.0%} [{eight['low']:.0%}, {eight['high']:.0%}] with eight",
                bool(two["high"] < eight["low"]),
                "" if two["high"] < eight["low"] else "the intervals overlap",
            ),
        ),
    )


def parameter_counts() -> Section:
    """The number of parameters by the formula and by Keras.

    >>> parameter_counts().table["formula"].tolist()
    [3, 5, 9, 25]
    """
    rows = []
    for units in COUNTED:
        layers = [keras.layers.Dense(each) for each in units]
        built = keras.Sequential([keras.Input((2,)), *layers])
        said = " → ".join(map(str, (2, *units)))
        rows.append((said, count_parameters(units), built.count_params()))
    table = pd.DataFrame(rows, columns=["inputs → units", "formula", "Keras"])
    same = bool((table["formula"] == table["Keras"]).all())
    return Section(
        name="parameters",
        title="Counting parameters",
        paragraphs=(
            "A dense layer has one weight for each pair of an input and a unit, and one bias for "
            "each unit: (inputs + 1) × units. The units of one layer are the inputs of the next.",
        ),
        figure=None,
        table=table,
        code=code_of(count_parameters),
        question="How many parameters has the default network of this project, 64 inputs and "
        "64-128-256-128-64 hidden units with 10 outputs?",
        claims=(
            Claim(STUDY, "the networks have 3, 5, 9 and 25 parameters",
                  ", ".join(map(str, table["formula"])),
                  same and table["formula"].tolist() == [3, 5, 9, 25]),
        ),
    )  # fmt: skip
