"""The shapes of a search's programs: networks of several widths and depths can share one.

A narrower network trains as a part of a wider one whose other units are left out, a shallower one
passes by the layers that it lacks. That costs more work per epoch and saves compilations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import ceil, prod

from pydantic import BaseModel, ConfigDict

from dnn_sweep.core.networks.body import Layer
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.plan.proposal import SearchFactor
from dnn_sweep.parameters import NetworkParameters, SearchParameters

SHAPES = ("width", "depth")  # the factors that decide the shape of a network
# What a compilation costs, in floating-point operations: some seconds of a core. Not in seconds, so
# that the same search is planned alike on every machine.
WORK_OF_A_PROGRAM = 5e11
# How many proposals the programs are planned for. Fixed, so that a search that is made longer
# proposes the same configurations first.
PROPOSALS = 256
MOST_WIDTHS = 4
POINTS = 16  # of a range, at which work is averaged


class Shapes(BaseModel):
    """The shapes of the programs that train a search's networks.

    Args:
        widths: Units of every hidden layer, one program for each, rising.
        depth: Number of hidden layers.
        dropout: Whether there may be dropout.
        l2: Whether there may be a penalty on the weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    widths: tuple[int, ...]
    depth: int
    dropout: bool = False
    l2: bool = False

    def of(self, network: Network) -> Network:
        """The network whose program trains another one, which may be a part of it.

        That is the narrowest that is wide enough, or the network itself if none is.
        """
        units = max((each.units for each in network.hidden), default=0)
        wide = [each for each in self.widths if each >= units]
        more = any(e.dropout > self.dropout or e.l2 > self.l2 for e in network.hidden)
        if network.body or more or not wide or not 0 < len(network.hidden) <= self.depth:
            return network
        layer = Layer(
            name="",
            units=wide[0],
            activation="",
            kernel_initializer="",
            l2=float(self.l2),
            dropout=float(self.dropout),
            batch_normalization=network.hidden[0].batch_normalization,
        )
        return network.model_copy(update={"hidden": (layer,) * self.depth})


def plan_shapes(
    factors: Sequence[SearchFactor],
    network: NetworkParameters,
    built: Network,
    settings: SearchParameters,
    lengths: Sequence[int],
    rows: int,
) -> Shapes | None:
    """Decide whether networks of several shapes share programs, and which shapes these have.

    The number of widths is the one with the least work: that of all epochs and that of compiling.

    Args:
        factors: Those of the search.
        network: The network where no factor decides.
        built: The same, for its inputs and outputs.
        settings: Those of the search.
        lengths: Epochs of each rung.
        rows: That a network is trained on.

    Returns:
        The shapes; ``None`` if each network is trained in a program of its own shape.
    """
    by_name = {each.name: each for each in factors}
    if built.body or not any(name in by_name for name in SHAPES):
        return None
    hidden = [each.units for each in network.hidden]
    depths = _points(by_name["depth"]) if "depth" in by_name else [len(hidden)]
    widths = _points(by_name["width"]) if "width" in by_name else None
    networks = [
        [width] * depth if width else [*hidden, *hidden[-1:] * depth][:depth]
        for depth in depths
        for width in widths or [0]
    ]
    widest, depth = max(map(max, networks)), max(depths)

    def work(units: Sequence[int]) -> float:
        layers = pairwise((built.inputs, *units, built.outputs))
        return 6.0 * rows * sum((inputs + 1) * outputs for inputs, outputs in layers)

    batches = -(-PROPOSALS // settings.batch)
    epochs = batches * sum(
        length * ceil(settings.batch / settings.reduction**rung)
        for rung, length in enumerate(lengths)
    )
    others = [each for each in factors if each.of_program and each.name not in SHAPES]
    kinds = min(prod(each.choices for each in others), settings.programs)
    shapes = prod(by_name[name].choices for name in SHAPES if name in by_name)
    own = min(kinds * shapes, batches * settings.programs)
    costs = {0: own * WORK_OF_A_PROGRAM + epochs * _mean(map(work, networks))}
    for number in range(1, MOST_WIDTHS + 1):
        levels = _widths(widest, number)
        trained = [[min(w for w in levels if w >= max(units))] * depth for units in networks]
        programs = kinds * len({max(units) for units in trained})
        costs[number] = programs * WORK_OF_A_PROGRAM + epochs * _mean(map(work, trained))
    number = min(costs, key=lambda each: costs[each])
    if not number:
        return None
    dropout, l2 = (name in by_name or bool(getattr(network, name)) for name in ("dropout", "l2"))
    return Shapes(widths=_widths(widest, number), depth=depth, dropout=dropout, l2=l2)


def _widths(widest: int, number: int) -> tuple[int, ...]:
    """So many widths, each half of the next.

    >>> _widths(250, 3)
    (63, 125, 250)
    """
    return tuple(sorted({-(-widest // 2**at) for at in range(number)}))


def _points(factor: SearchFactor) -> list[int]:
    """Values of a factor of whole numbers, as evenly as they are drawn, its ends included."""
    if factor.values:
        return [int(str(each)) for each in factor.values]
    low, high = factor.low, factor.high
    shares = [at / (POINTS - 1) for at in range(POINTS)]
    if factor.log:
        return [round(low * (high / low) ** share) for share in shares]
    return [round(low + (high - low) * share) for share in shares]


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
