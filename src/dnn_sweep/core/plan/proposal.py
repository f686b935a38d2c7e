"""The factors of a search as they are drawn, and the name of what was drawn."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from dnn_sweep.core.formatting import TIMES
from dnn_sweep.parameters import Factor, GridParameters, NetworkParameters, SearchFactors

DIGITS = 3  # significant ones of a drawn number: as many as its name shows, so that names are exact
WHOLE = ("batch_size", "width", "depth")
# What a compiled program is made for; all other factors may differ from lane to lane.
OF_PROGRAMS = ("optimizer", "batch_size", "width", "depth", "batch_normalization")
PER_LANE_ARGUMENTS = ("beta_1", "beta_2", "rho", "weight_decay")


class SearchFactor(BaseModel):
    """A factor: values to choose from, or a range.

    Args:
        whole: Whether it is a whole number.
        when: Values of other factors at which it applies.
        least_depth: Number of hidden layers from which on it applies.
        of_program: Whether each of its values needs a compiled program of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    values: tuple[bool | int | float | str | None, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    whole: bool = False
    when: dict[str, tuple[bool | int | float | str | None, ...]] = {}
    least_depth: int = 0
    of_program: bool = False

    @property
    def choices(self) -> float:
        """How many values there are."""
        if self.values:
            return len(self.values)
        if not (step := self.step or float(self.whole)):
            return inf
        return (self.high - self.low) // step + 1

    def applies(self, values: Mapping[str, JsonValue], depth: int) -> bool:
        """Whether it applies beside these values of other factors."""
        if depth < self.least_depth:
            return False
        return all(name in values and values[name] in own for name, own in self.when.items())

    def rounded(self, value: Any) -> JsonValue:
        """Round a drawn number to as many digits as names show, within the range."""
        if self.values or self.whole or self.step:
            return value  # type: ignore[no-any-return]
        return min(max(float(f"{value:.{DIGITS}g}"), self.low), self.high)


def search_factors(
    varied: SearchFactors,
    grid: GridParameters,
    network: NetworkParameters,
    activations: tuple[str, ...],
    optimizers: Mapping[str, Any],
    schedules: tuple[str, ...],
) -> tuple[SearchFactor, ...]:
    """List the factors in the order in which they are drawn, those with conditions last.

    Args:
        varied: The factors as they were given.
        grid: Its lists stand in for factors that were not given.
        network: The network, of whose layers each may have an activation of its own.
        activations: Names of the activations.
        optimizers: The optimizers by name; each ``takes`` some of the arguments.
        schedules: Names of the schedules.
    """
    given = dict(varied.factors)
    for name in ("batch_size", "dropout", "kernel_initializer"):
        if getattr(grid, name) and name not in given:
            given[name] = Factor(values=getattr(grid, name))
    found = [_choice("optimizer", tuple(optimizers), of_program=True)]
    found += [_planned(n, each) for n, each in given.items() if n not in varied.arguments]
    depth = varied.depth
    deepest = int(max(depth.values or (depth.high,))) if depth else 0  # type: ignore[arg-type, type-var]
    if depth is None or depth.when:  # where no depth is drawn, it is the network's own
        deepest = max(deepest, len(network.hidden))
    if varied.layer_activations:
        found += [
            _choice(f"activation_{at}", activations, least_depth=at) for at in range(1, deepest + 1)
        ]
    else:
        found.append(_choice("activation", activations))
    found += [_choice("schedule", schedules)] if schedules else []
    for name, factor in varied.arguments.items():
        takes = tuple(n for n, each in optimizers.items() if name in each.takes)
        own = tuple(n for n in takes if n in factor.when.get("optimizer", takes))
        found.append(_planned(name, factor, when={**factor.when, "optimizer": own}))
    return tuple(sorted(found, key=lambda each: bool(each.when or each.least_depth)))


def _choice(name: str, values: tuple[str, ...], **others: Any) -> SearchFactor:
    return SearchFactor(name=name, values=values, **others)


def _planned(name: str, factor: Factor, **others: Any) -> SearchFactor:
    fields = factor.model_dump() | {"low": factor.low or 0.0, "high": factor.high or 0.0} | others
    whole = name in WHOLE
    an_argument = "optimizer" in fields["when"] and name not in PER_LANE_ARGUMENTS
    own = an_argument or name in OF_PROGRAMS
    return SearchFactor(name=name, whole=whole, of_program=own, **fields)


def name_of(values: Mapping[str, JsonValue]) -> str:
    """Name a proposal by the values of its factors, which no other proposal has.

    >>> name_of({"activation": "relu", "optimizer": "adam", "learning_rate": 0.0031, "depth": 3,
    ...          "width": 128, "momentum": 0.9})
    'relu + adam, lr 0.0031, 3 × 128, momentum 0.9'
    """
    layers = [str(values[n]) for n in values if n.startswith("activation_")]
    activation = values.get("activation") or "-".join(layers)
    return ", ".join([f"{activation} + {values['optimizer']}", *_details(values)])


def _details(values: Mapping[str, JsonValue]) -> Iterable[str]:
    if (rate := values.get("learning_rate")) is not None:
        yield f"lr {rate:g}"
    width, depth = values.get("width"), values.get("depth")
    if width and depth:
        yield f"{depth} {TIMES} {width}"
    elif width:
        yield f"width {width}"
    elif depth:
        yield f"{depth} layer{'' if depth == 1 else 's'}"
    for name, value in values.items():
        match name:
            case "batch_size":
                yield f"batch {value}"
            case "batch_normalization":
                yield "batch norm" if value else "no batch norm"
            case "kernel_initializer":
                yield str(value)
            case "schedule":
                yield "constant" if value == "none" else str(value)
            case "activation" | "optimizer" | "learning_rate" | "width" | "depth":
                pass
            case _ if not name.startswith("activation_"):
                shown = f"{value:g}" if isinstance(value, float) else value
                yield f"{name} {shown}"
