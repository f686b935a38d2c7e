"""Logic gates as threshold units, and why one unit is not enough for XOR."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dnn_sweep.core.foundations.section import Claim, Floats, Section, code_of, finish
from dnn_sweep.core.lazy import go
from dnn_sweep.core.reporting.figures.style import COLOURS

INPUTS: Floats = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR: Floats = np.array([0.0, 1.0, 1.0, 0.0])
# Two weights and a bias for each gate.
GATES = {"AND": (1.0, 1.0, -1.5), "OR": (1.0, 1.0, -0.5), "NAND": (-1.0, -1.0, 1.5)}
STUDY = "003 Gates and XOR"


def fires(x: Floats, gate: str) -> Floats:
    """1 where the weighted sum of the inputs exceeds the threshold, else 0."""
    w1, w2, bias = GATES[gate]
    return (w1 * x[:, 0] + w2 * x[:, 1] + bias > 0).astype(float)


def xor(x: Floats) -> Floats:
    """XOR: what is true for NAND and for OR."""
    return fires(np.column_stack([fires(x, "NAND"), fires(x, "OR")]), "AND")


def train_neurons(seeds: int, steps: int = 2000, rate: float = 0.5) -> Floats:
    """Train one sigmoid neuron on XOR from many starts; return the best accuracy of each."""
    rng = np.random.default_rng(0)
    w, b, best = rng.normal(size=(seeds, 2)), rng.normal(size=(seeds, 1)), np.zeros(seeds)
    for _ in range(steps):
        z = w @ INPUTS.T + b
        best = np.maximum(best, ((z > 0) == XOR).mean(1))
        slope = 1 / (1 + np.exp(-z)) - XOR  # of the cross-entropy by the weighted sum
        w, b = w - rate * slope @ INPUTS / 4, b - rate * slope.mean(1, keepdims=True)
    return best


def best_line(lines: int) -> float:
    """The best accuracy on XOR of many random lines."""
    w = np.random.default_rng(1).normal(size=(lines, 3))
    return float(((w[:, :2] @ INPUTS.T + w[:, 2:] > 0) == XOR).mean(1).max())


def logic_gates() -> Section:
    """AND, OR and NAND by hand, and XOR made of them.

    >>> logic_gates().table["XOR"].tolist()
    [0, 1, 1, 0]
    """
    table = pd.DataFrame(INPUTS.astype(int), columns=["x1", "x2"])
    table = table.assign(**{gate: fires(INPUTS, gate).astype(int) for gate in GATES})
    table["XOR"] = xor(INPUTS).astype(int)
    figure = go.Figure()
    ends = np.array([-0.5, 1.5])
    for colour, (gate, (w1, w2, bias)) in zip(COLOURS, GATES.items(), strict=False):
        y, look = -(bias + w1 * ends) / w2, {"color": colour, "width": 7 if gate == "AND" else 3}
        figure.add_scatter(x=ends, y=y, mode="lines", name=f"{gate}'s line", line=look)
    for value, symbol in ((0, "circle-open"), (1, "circle")):
        at = xor(INPUTS) == value
        marker = {"size": 16, "symbol": symbol, "color": COLOURS[3], "line": {"width": 3}}
        x, y = INPUTS[at].T
        figure.add_scatter(x=x, y=y, mode="markers", name=f"XOR is {value}", marker=marker)
    figure.update_layout(xaxis_title="x1", yaxis_title="x2", yaxis_range=[-0.5, 1.5])
    right = bool((xor(INPUTS) == XOR).all())
    return Section(
        name="gates",
        title="A neuron is a weighted vote",
        paragraphs=(
            "A threshold unit adds its weighted inputs and a bias, and fires if the sum is above "
            "0. With two inputs, the sum is 0 on a line: the unit fires on one side of it. AND, OR "
            "and NAND each need one line. NAND's is the same as AND's, with the sides exchanged.",
            "XOR is true between the two lines: where NAND and OR are both true. So a second "
            "layer, here one AND, combines what the first layer has decided.",
        ),
        figure=finish(figure, "XOR is true between two lines", "open: 0, filled: 1"),
        table=table,
        code=code_of(fires, xor),
        question="Which weights make NOR? Can XOR be made of NAND units alone, and of how many?",
        claims=(Claim(STUDY, "AND(NAND, OR) computes XOR", "all four rows are right", right),),
    )


def one_neuron(seeds: int = 1000, lines: int = 100_000) -> Section:
    """One neuron on XOR, from many starts.

    >>> one_neuron(seeds=10, lines=100).claims[0].holds
    True
    """
    accuracies, best = train_neurons(seeds), best_line(lines)
    values, counts = np.unique(accuracies, return_counts=True)
    figure = go.Figure()
    figure.add_bar(x=[f"{value:.0%}" for value in values], y=counts, marker_color=COLOURS[0])
    figure.update_layout(xaxis_title="points that are right", yaxis_title="neurons")
    most = max(float(accuracies.max()), best)
    note = f"{seeds:,} starts, 2,000 steps of gradient descent each"
    return Section(
        name="one-neuron",
        title="One neuron cannot learn XOR",
        paragraphs=(
            "No line has both ones of XOR on one side and both zeros on the other. If the sum is "
            "above 0 at (0, 1) and at (1, 0), then the two sums together are above 0. But together "
            "they equal the sums at (0, 0) and (1, 1) together, of which neither may be above 0.",
            "So at most three of four points can be right. Training does not even stay there: the "
            "cross-entropy is smallest where the neuron answers one half everywhere.",
        ),
        figure=finish(figure, "The best that each neuron reached while it trained", note),
        table=pd.DataFrame(
            {
                "neurons": [f"{seeds:,} trained", f"{lines:,} random lines"],
                "best accuracy": [float(accuracies.max()), best],
            }
        ),
        code=code_of(train_neurons),
        question="Which three points can a line get right? Write its weights down.",
        claims=(
            Claim(
                STUDY,
                "one neuron never exceeds 75 % on XOR",
                f"at most {most:.0%} in {seeds:,} trainings and {lines:,} random lines",
                most <= 0.75,
            ),
        ),
    )
