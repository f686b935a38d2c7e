"""The network of every combination (``params:network``)."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from dnn_sweep.parameters.base import Fraction, Parameters


def _layer_from_units(value: object) -> object:
    return {"units": value} if isinstance(value, int) else value


class HiddenLayer(Parameters):
    """One hidden layer; a bare number in the configuration means its units.

    Args:
        units: Number of neurons.
        activation: A Keras activation for this layer; ``None`` for the grid's.
        name: The layer's name; ``hidden1``, ``hidden2`` … by default.

    >>> print(HiddenLayer(units=64, activation="tanh"))
    {"units":64,"activation":"tanh","name":null}
    """

    units: PositiveInt
    activation: str | None = None
    name: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]*$")


class NetworkParameters(Parameters):
    """The network of every combination (``params:network``).

    Args:
        hidden: The hidden layers, input side first.
        dropout: Share of a hidden layer's outputs dropped while training.
        batch_normalization: Normalise each hidden layer's outputs over the batch.
        kernel_initializer: A Keras initializer, or ``matched`` to choose by activation (He for
            the relu family, LeCun for selu, Glorot for the others).
        l2: L2 penalty on the kernels.
        output_activation: ``None`` follows the task (softmax, sigmoid, linear).
        loss: ``None`` follows the task and output.

    >>> [layer.units for layer in NetworkParameters(hidden=[64, 32]).hidden]
    [64, 32]
    """

    hidden: tuple[Annotated[HiddenLayer, BeforeValidator(_layer_from_units)], ...] = Field(
        min_length=1
    )
    dropout: Fraction = 0.0
    batch_normalization: bool = False
    kernel_initializer: str = "glorot_uniform"
    l2: Annotated[float, Field(ge=0)] = 0.0
    output_activation: str | None = None
    loss: str | None = None

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [layer.name or f"hidden{i}" for i, layer in enumerate(self.hidden, start=1)]
        beside = [f"{name}_{part}" for name in names for part in ("dropout", "normalization")]
        taken = [*names, *beside, "features", "output"]
        if twice := sorted({name for name in names if taken.count(name) > 1}):
            raise ValueError(
                f"network.hidden: layers must have distinct names; taken: {', '.join(twice)}"
            )
        return self
