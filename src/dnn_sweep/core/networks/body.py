"""The layers of a network before its output, fully specified, and what they are combined to."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Cell = Literal["lstm", "gru"]


class _Layer(BaseModel, frozen=True, extra="forbid"):
    """What all layers have; activation and initializer by the names Keras gives them."""

    name: str
    activation: str
    kernel_initializer: str
    l2: float = 0.0


class Layer(_Layer):
    """A fully specified hidden layer, with its normalization and dropout."""

    units: int
    dropout: float = 0.0
    batch_normalization: bool = False


class Convolution(_Layer):
    """A Conv2D layer with its normalization, pooling and dropout; ``pool`` 1 is no pooling."""

    filters: int
    kernel_size: int
    padding: Literal["same", "valid"]
    batch_normalization: bool = False
    pool: int = 1
    pooling: Literal["max", "average"] = "max"
    dropout: float = 0.0


class Inception(_Layer):
    """An Inception block: four paths of so many filters each, concatenated.

    References:
        Szegedy et al. 2015, "Going deeper with convolutions".
    """

    filters: int


class Recurrent(_Layer):
    """An LSTM or GRU layer; ``activation`` is that of its outputs, its gates are sigmoid."""

    units: int


class _Body(BaseModel, frozen=True, extra="forbid"):
    """What all have in common.

    Args:
        shape: Shape of a row, of which the scaled features are the cells in C order.
        dropout: Share dropped of what enters the output layer, where no hidden layer follows.
    """

    shape: tuple[int, ...]
    dropout: float = 0.0


class ConvolutionalBody(_Body):
    """Convolutions over an image of shape ``(height, width, channels)``, flattened at the end."""

    kind: Literal["cnn"] = "cnn"
    layers: tuple[Convolution, ...]


class RecurrentBody(_Body):
    """Recurrent layers over a sequence of shape ``(steps, features)``; the last state goes on.

    Args:
        masked: Whether steps whose features are all 0 are padding and skipped.
    """

    kind: Cell
    layers: tuple[Recurrent, ...]
    masked: bool = False


class BranchedBody(_Body):
    """Branches of dense layers, each from all features, concatenated."""

    kind: Literal["branched"] = "branched"
    branches: tuple[tuple[Layer, ...], ...]

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Those of all branches."""
        return tuple(layer for branch in self.branches for layer in branch)


class InceptionBody(_Body):
    """Inception blocks over an image, averaged over its pixels at the end."""

    kind: Literal["inception"] = "inception"
    layers: tuple[Inception, ...]


class CustomBody(_Body):
    """A network that a function of the user's builds, with its hidden layers and its output.

    Args:
        function: ``package.module:function``.
        source: SHA-256 of the module's source, in hexadecimal.
        activation: Given to the function.
    """

    kind: Literal["custom"] = "custom"
    function: str
    source: str
    activation: str

    @property
    def layers(self) -> tuple[()]:
        """None that are known before the function is called."""
        return ()


Body = Annotated[
    ConvolutionalBody | RecurrentBody | BranchedBody | InceptionBody | CustomBody,
    Field(discriminator="kind"),
]
