"""What a search varies (``params:search``, ``factors``): lists of values, ranges and conditions."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from dnn_sweep.parameters.base import Parameters, listed
from dnn_sweep.parameters.grid import (
    OptimizerEntry,
    ScheduleEntry,
    activation_name,
    read_optimizer,
    read_schedule,
)
from dnn_sweep.parameters.keras_names import (
    known_activation,
    known_initializer,
    known_optimizer,
    known_schedule,
    optimizer_arguments,
)

# Fields that are chosen from a list of their own kind, in place of a Factor.
LISTS = ("activation", "optimizer", "schedule")


class Factor(Parameters):
    """One factor; a bare list in the configuration means its values.

    Args:
        values: The values to choose from.
        low: The lowest value of a range.
        high: The highest.
        log: Whether the logarithm of the value is drawn evenly.
        step: Distance between neighbouring values of a range; ``None`` for every value, or for
            every whole number.
        when: Values of other factors, by name, at which this one applies; elsewhere the
            optimizer or the network keeps what it has.

    >>> print(Factor(low=16, high=256, log=True).describe())
    16 to 256, logarithmic
    """

    values: tuple[bool | int | float | str | None, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: Annotated[float, Field(gt=0)] | None = None
    when: dict[str, tuple[bool | int | float | str | None, ...]] = Field(default_factory=dict)

    @field_validator("when", mode="before")
    @classmethod
    def _one_value_is_a_list_of_one(cls, when: Any) -> Any:
        if not isinstance(when, dict):
            return when
        return {k: each if isinstance(each, list | tuple) else [each] for k, each in when.items()}

    @model_validator(mode="after")
    def _is_a_list_or_a_range(self) -> Self:
        if self.values:
            if (self.low, self.high, self.step) != (None, None, None) or self.log:
                raise ValueError("give either values or a range (low, high), not both")
            if len(set(map(repr, self.values))) < len(self.values):
                raise ValueError("lists a value more than once")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give a list of values, or a range as {low: …, high: …}")
        if self.low >= self.high:
            raise ValueError(f"low ({self.low:g}) must be below high ({self.high:g})")
        if self.log and self.low <= 0:
            raise ValueError(f"low ({self.low:g}) must be above 0 where log is true")
        if self.log and self.step:
            raise ValueError("a range is either logarithmic or has a step, not both")
        return self

    def allows(self, value: object) -> bool:
        """Whether the factor can take a value."""
        if self.values:
            return value in self.values
        low, high = self.low or 0.0, self.high or 0.0
        return isinstance(value, int | float) and low <= value <= high

    def describe(self) -> str:
        """Say in a few words what it may be."""
        if self.values:
            return ", ".join(map(str, self.values))
        log, step = (
            ", logarithmic" if self.log else "",
            f", step {self.step:g}" if self.step else "",
        )
        return f"{self.low:g} to {self.high:g}{log}{step}"


def _values_from_list(given: object) -> object:
    return {"values": given} if isinstance(given, list | tuple) else given


def _numbers(factor: Factor, least: float, below: float | None, *, whole: bool) -> Factor:
    """Refuse what is no number, or none that the setting can take."""
    for each in factor.values or (factor.low, factor.high, *filter(None, [factor.step])):
        if isinstance(each, bool) or not isinstance(each, int | float):
            raise ValueError(f"{each!r} is not a number")
        if whole and each != int(each):
            raise ValueError(f"{each:g} is not a whole number")
        if each < least or (below is not None and each >= below):
            limits = f"at least {least:g}" + (f" and below {below:g}" if below is not None else "")
            raise ValueError(f"{each:g} must be {limits}")
    return factor


def _counts(factor: Factor) -> Factor:
    return _numbers(factor, 1, None, whole=True)


def _shares(factor: Factor) -> Factor:
    return _numbers(factor, 0, 1, whole=False)


def _not_negative(factor: Factor) -> Factor:
    return _numbers(factor, 0, None, whole=False)


def _above_zero(factor: Factor) -> Factor:
    if 0 in (factor.low, *factor.values):
        raise ValueError("0 must be above 0")
    return _not_negative(factor)


def _switches(factor: Factor) -> Factor:
    if not factor.values or any(not isinstance(each, bool) for each in factor.values):
        raise ValueError("give a list of true and false")
    return factor


def _initializers(factor: Factor) -> Factor:
    if not factor.values:
        raise ValueError("give a list of initializers")
    for each in factor.values:
        known_initializer(str(each))
    return factor


Read = BeforeValidator(_values_from_list)
Count = Annotated[Factor, Read, AfterValidator(_counts)]
Share = Annotated[Factor, Read, AfterValidator(_shares)]
Rate = Annotated[Factor, Read, AfterValidator(_above_zero)]
Penalty = Annotated[Factor, Read, AfterValidator(_not_negative)]


class SearchFactors(Parameters):
    """What a search varies; ``None`` takes the list of ``grid``, or else the one value there is.

    Args:
        activation: Keras activations, as in ``grid.activations``.
        layer_activations: Choose the activation of each hidden layer by itself.
        optimizer: Keras optimizers, as in ``grid.optimizers``.
        learning_rate: ``None`` for each optimizer's own.
        batch_size: Rows per optimizer step.
        width: Units of every hidden layer.
        depth: Number of hidden layers.
        dropout: Dropout rate of the hidden layers.
        batch_normalization: Whether hidden layers are normalised.
        kernel_initializer: Keras initializers, or ``matched``.
        l2: L2 penalty on the kernels.
        schedule: Learning-rate schedules; ``None`` in the list for a constant rate.
        arguments: Arguments of the optimizers by name, such as ``momentum``. An argument applies
            to every optimizer that takes it and for which ``optimizer`` does not set it.

    >>> SearchFactors(width=[64, 128], depth={"low": 1, "high": 4}).names
    ('activation', 'optimizer', 'learning_rate', 'width', 'depth')
    """

    activation: tuple[str | tuple[str, ...], ...] | None = None
    layer_activations: bool = False
    optimizer: tuple[Annotated[OptimizerEntry, BeforeValidator(read_optimizer)], ...] | None = None
    learning_rate: Rate | None = Factor(low=1e-4, high=0.1, log=True)
    batch_size: Count | None = None
    width: Count | None = None
    depth: Count | None = None
    dropout: Share | None = None
    batch_normalization: Annotated[Factor, Read, AfterValidator(_switches)] | None = None
    kernel_initializer: Annotated[Factor, Read, AfterValidator(_initializers)] | None = None
    l2: Penalty | None = None
    schedule: tuple[Annotated[ScheduleEntry, BeforeValidator(read_schedule)] | None, ...] | None = (
        None
    )
    arguments: dict[str, Annotated[Factor, Read]] = Field(default_factory=dict)

    @field_validator("activation", "optimizer", "schedule")
    @classmethod
    def _lists_are_known_and_distinct(cls, given: tuple[Any, ...] | None) -> Any:
        if given is None:
            return given
        if not given:
            raise ValueError("must not be empty; null takes the list of the grid")
        names = []
        for entry in given:
            if isinstance(entry, OptimizerEntry):
                known_optimizer(entry.class_name)
                names.append(entry.name)
            elif isinstance(entry, ScheduleEntry):
                known_schedule(entry.class_name)
                names.append(repr(entry))
            elif isinstance(entry, str | tuple):
                for name in (entry,) if isinstance(entry, str) else entry:
                    known_activation(name)
                names.append(activation_name(entry))
            else:
                names.append(repr(entry))
        if len(set(names)) < len(names):
            raise ValueError("lists an entry more than once")
        return given

    @property
    def factors(self) -> dict[str, Factor]:
        """Those that are varied, without the three that have lists of their own."""
        found = {n: getattr(self, n) for n in type(self).model_fields if n not in LISTS}
        return {n: each for n, each in found.items() if isinstance(each, Factor)} | self.arguments

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all that may be varied."""
        schedule = ("schedule",) if self.schedule else ()
        one = () if self.layer_activations else ("activation",)
        return (*one, "optimizer", *self.factors, *schedule)

    def contradiction(
        self, choices: dict[str, list[str]], optimizers: tuple[OptimizerEntry, ...]
    ) -> str | None:
        """Say which condition or argument names nothing that there is.

        ``choices`` are the values of factors by name, where these are lists of their own.
        """
        own = type(self).model_fields
        if twice := [name for name in self.arguments if name in own]:
            return f"arguments.{twice[0]}: {twice[0]} is a factor of its own, no argument"
        taken = sorted({n for each in optimizers for n in optimizer_arguments(each.class_name)})
        for name in self.arguments:
            if name not in taken:
                hint = listed(name, taken)
                return f"arguments: no optimizer of this search takes {name!r}.{hint}"
            if all(
                name in each.arguments or name not in optimizer_arguments(each.class_name)
                for each in optimizers
            ):
                return f"arguments.{name}: every optimizer that takes it sets it already"
        for name, factor in self.factors.items():
            where = f"{'arguments.' if name in self.arguments else ''}{name}.when"
            for other, values in factor.when.items():
                allowed = [each for each in self.names if each != name]
                if other not in allowed:
                    return (
                        f"{where}: {other!r} is no factor of this search.{listed(other, allowed)}"
                    )
                if other in self.factors and self.factors[other].when:
                    return f"{where}: {other} has a condition itself; name the factors behind it"
                for value in values:
                    if other in choices and value not in choices[other]:
                        told = listed(value, choices[other])
                        return f"{where}: {other} is never {value!r}.{told}"
                    if other in self.factors and not self.factors[other].allows(value):
                        told = self.factors[other].describe()
                        return f"{where}: {other} is never {value!r}. Allowed: {told}."
        return None
