"""How often the alias moves, and how far its holder's score drifts, if nothing ever improves.

Every rerun trains another model that is as good as the holder, and both predict the same test
rows. Run ``python -m benchmarks.gate``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.champion.paired_test import compare_predictions
from dnn_sweep.core.objectives import ACCURACY

LEVEL = 0.05
RULES = {
    "at least as good": lambda test: test.challenger >= test.holder,
    "shown to be better": lambda test: test.p_value <= LEVEL,
}


@dataclass(frozen=True)
class Outcome:
    """What happens to the alias in chains of reruns.

    Args:
        first: Share of chains in which the first rerun moves the alias.
        ever: Share of chains in which any rerun does.
        optimism: How far the last holder's accuracy on the test rows is above the models' true
            accuracy on these rows, on average.
    """

    first: float
    ever: float
    optimism: float


def simulate(
    rule: str, accuracy: float, agreement: float, chains: int, rows: int = 360, reruns: int = 20
) -> Outcome:
    """Simulate chains of reruns in which no model is better than another.

    Args:
        rule: A name of ``RULES``.
        accuracy: Of every model.
        agreement: Correlation of two models' hits over the rows.
        chains: How many chains.
        rows: Test rows.
        reruns: Of a chain.
    """
    random, moves = np.random.default_rng(0), RULES[rule]
    weight = (1 - agreement) / agreement
    moved, optimism = np.zeros((chains, reruns), bool), np.zeros(chains)
    target = np.ones(rows, int)
    for chain in range(chains):
        chances = random.beta(accuracy * weight, (1 - accuracy) * weight, rows)

        def train(chances: NDArray[np.float64] = chances) -> NDArray[np.int64]:
            return (random.random(rows) < chances).astype(int)

        holder = train()
        for rerun in range(reruns):
            challenger = train()
            if moves(compare_predictions(challenger, holder, target, ACCURACY)):
                holder, moved[chain, rerun] = challenger, True
        optimism[chain] = holder.mean() - chances.mean()
    return Outcome(moved[:, 0].mean(), moved.any(axis=1).mean(), optimism.mean())


if __name__ == "__main__":
    print("accuracy  agreement  rule                first rerun  any of 20  optimism")
    for accuracy, agreement in ((0.95, 0.8), (0.9, 0.5)):
        for rule in RULES:
            found = simulate(rule, accuracy, agreement, chains=1500)
            print(
                f"{accuracy:8g}  {agreement:9g}  {rule:18}  {found.first:11.1%}  {found.ever:9.1%}"
                f"  {100 * found.optimism:.2f} points"
            )
