"""What is varied (``params:grid``)."""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PositiveInt, field_validator, model_validator

from dnn_sweep.parameters.base import Fraction, Parameters
from dnn_sweep.parameters.keras_names import Initializer, known_activation, known_optimizer


class ScheduleEntry(Parameters):
    """A learning-rate schedule.

    Args:
        class_name: The Keras class, in upper or lower case.
        arguments: Its constructor's arguments without ``initial_learning_rate``, which is the
            optimizer's learning rate. ``decay_steps`` (``first_decay_steps``) is by default the
            length of the trial.

    >>> adam = {"adam": {"schedule": {"class": "CosineDecay", "alpha": 0.1}}}
    >>> GridParameters(activations=["relu"], optimizers=[adam]).optimizers[0].schedule.arguments
    {'alpha': 0.1}
    """

    class_name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


def read_schedule(value: object) -> object:
    """Turn ``CosineDecay`` or ``{class: CosineDecay, alpha: 0.1}`` into an entry's fields."""
    if isinstance(value, str):
        return {"class_name": value}
    if isinstance(value, dict) and "class_name" not in value:  # else it is read from a file
        if "class" not in value:
            raise ValueError("a schedule names its Keras class, as in {class: CosineDecay}")
        given = {str(name): each for name, each in value.items()}
        return {"class_name": given.pop("class"), "arguments": given}
    return value


class OptimizerEntry(Parameters):
    """One optimizer of the grid.

    Args:
        name: Its name in the results.
        class_name: The Keras class, in upper or lower case.
        arguments: Its constructor's arguments, with the learning rate; Keras's defaults where
            they are not given.
        schedule: The learning-rate schedule; ``None`` for a constant learning rate.

    >>> GridParameters(activations=["relu"], optimizers=["nesterov"]).optimizers[0].arguments
    {'momentum': 0.9, 'nesterov': True}
    """

    name: str
    class_name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    schedule: Annotated[ScheduleEntry, BeforeValidator(read_schedule)] | None = None


OPTIMIZER_SHORTHANDS: dict[str, dict[str, Any]] = {
    "momentum": {"class": "SGD", "momentum": 0.9},
    "nesterov": {"class": "SGD", "momentum": 0.9, "nesterov": True},
}


def read_optimizer(value: object) -> object:
    """Turn ``adam`` or ``{momentum: {class: SGD, momentum: 0.9}}`` into an entry's fields."""
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((name, given),) = value.items()
    if given is not None and not isinstance(given, dict):
        return value
    shorthand = OPTIMIZER_SHORTHANDS.get(str(name), {"class": str(name)})
    arguments = {"class": shorthand["class"], **(given or {})}
    if str(arguments["class"]).lower() == shorthand["class"].lower():
        arguments = {**shorthand, **arguments}
    return {
        "name": str(name),
        "class_name": arguments.pop("class"),
        "schedule": arguments.pop("schedule", None),
        "arguments": arguments,
    }


def activation_name(activations: str | tuple[str, ...]) -> str:
    """Name an entry of ``grid.activations``, as in ``sigmoid-relu`` for one of each.

    >>> activation_name(("sigmoid", "sigmoid", "relu"))
    'sigmoid-sigmoid-relu'
    """
    return activations if isinstance(activations, str) else "-".join(activations)


class Pair(Parameters):
    """One activation with one optimizer.

    >>> print(Pair(activation="relu", optimizer="adam"))
    {"activation":"relu","optimizer":"adam"}
    """

    activation: str
    optimizer: str


class GridParameters(Parameters):
    """The grid (``params:grid``); a combination is one choice from each list.

    Args:
        activations: Keras activations for the layers that name none of their own: one for all of
            them, or a list with one for each, input side first.
        optimizers: Keras optimizers, by name or as ``name: {class: …, argument: …}``.
        only: The pairs of activation and optimizer to train; empty for every pair.
        batch_size: Batch sizes to vary; empty takes ``training.batch_size``.
        dropout: Dropout rates to vary; empty takes ``network.dropout``.
        kernel_initializer: Initializers to vary; empty takes ``network.kernel_initializer``.

    >>> grid = GridParameters(activations=["relu", "elu"], optimizers=["sgd", "momentum"])
    >>> [optimizer.name for optimizer in grid.optimizers]
    ['sgd', 'momentum']
    """

    activations: tuple[str | Annotated[tuple[str, ...], Field(min_length=1)], ...]
    optimizers: tuple[Annotated[OptimizerEntry, BeforeValidator(read_optimizer)], ...] = Field(
        min_length=1
    )
    only: tuple[Pair, ...] = ()
    batch_size: tuple[PositiveInt, ...] = ()
    dropout: tuple[Fraction, ...] = ()
    kernel_initializer: tuple[Initializer, ...] = ()

    @field_validator("activations")
    @classmethod
    def _activations_are_known(cls, given: tuple[Any, ...]) -> tuple[Any, ...]:
        for entry in given:
            for name in (entry,) if isinstance(entry, str) else entry:
                known_activation(name)
        return given

    @field_validator("optimizers")
    @classmethod
    def _optimizers_are_known(cls, given: tuple[OptimizerEntry, ...]) -> tuple[Any, ...]:
        for entry in given:
            known_optimizer(entry.class_name)
        return given

    @model_validator(mode="after")
    def _nothing_is_listed_twice(self) -> Self:
        for key, entries in self:
            values = [getattr(each, "name", each) for each in entries]
            if key == "activations":
                values = list(map(activation_name, values))
            if twice := [str(value) for i, value in enumerate(values) if value in values[:i]]:
                raise ValueError(f"grid.{key} lists {', '.join(twice)} more than once")
        return self
