"""Sequential halving: who goes on to the next round, and with how many seeds.

The time that is left is divided equally among the rounds that are left. Half as many combinations
then get about twice as many seeds, so that most of the time goes to those that are hard to tell
apart.

References:
    Karnin, Koren & Somekh 2013, Almost Optimal Exploration in Multi-Armed Bandits.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

FEWEST_SEEDS = 2  # of the first round, where there is time: one seed shows nothing about seeds
MOST_SEEDS = 50  # of one combination: beyond, the validation rows limit what can be known


def halve(ranked: Sequence[str]) -> list[str]:
    """Keep the better half of combinations, best first; of an odd number the larger half.

    >>> halve(["a", "b", "c"])
    ['a', 'b']
    """
    return list(ranked[: (len(ranked) + 1) // 2])


def rounds_left(combinations: int) -> int:
    """Count the rounds from so many combinations down to two, which are the last round.

    >>> [rounds_left(n) for n in (30, 15, 8, 4, 2)]
    [5, 4, 3, 2, 1]
    """
    return max((combinations - 1).bit_length(), 1)


def afford_seeds(
    seeds: Iterator[int],
    cost: Callable[[int], float],
    share: float,
    left: float,
    least: int,
    most: int,
) -> list[int]:
    """Take as many seeds as a round's share of the time pays for.

    Args:
        seeds: Those that may be used, in order.
        cost: Seconds that all combinations of the round need for a seed.
        share: The round's share of the time.
        left: All of the time; the first seeds may take more than the share.
        least: How many seeds to take even beyond the share, if they fit in the time that is left.
        most: How many to take at most.

    >>> afford_seeds(iter([0, 1, 2, 3]), lambda seed: 2.0, share=5, left=20, least=1, most=50)
    [0, 1]
    """
    taken: list[int] = []
    spent = 0.0
    for seed in islice(seeds, most):
        spent += cost(seed)
        if spent > (left if len(taken) < least else share):
            break
        taken.append(seed)
    return taken


def next_round(
    ranked: Sequence[str],
    affordable: Callable[[Sequence[str], int], Sequence[int]],
) -> tuple[list[str], list[int]] | None:
    """Choose the next round's combinations and seeds; ``None`` if nothing more fits.

    Where half of the combinations do not fit in the time that is left, half of these are tried.

    Args:
        ranked: The combinations of the last round, best first.
        affordable: The seeds that so many rounds leave time for, given the combinations.

    >>> next_round(["a", "b", "c", "d"], lambda names, rounds: [7] if len(names) < 3 else [])
    (['a', 'b'], [7])
    """
    names = list(ranked)
    while len(names) > 2:
        names = halve(names)
        if seeds := affordable(names, rounds_left(len(names))):
            return names, list(seeds)
    return None
