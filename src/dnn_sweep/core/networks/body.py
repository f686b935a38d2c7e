"""What comes before the hidden layers of a network that is not dense, fully specified."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Cell = Literal["lstm", "gru"]


class Layer(BaseModel, frozen=True, extra="forbid"):
    """A fully specified hidden layer; activation and initializer by the names Keras gives them."""

    name: str
    units: int
    activation: str
    kernel_initializer: str
    dropout: float = 0.0
    batch_normalization: bool = False
    l2: float = 0.0


class Convolution(BaseModel, frozen=True, extra="forbid"):
    """A Conv2D layer with its normalization, pooling and dropout; ``pool`` 1 is no pooling."""

    name: str
    filters: int
    kernel_size: int
    padding: Literal["same", "valid"]
    activation: str
    kernel_initializer: str
    batch_normalization: bool = False
    pool: int = 1
    pooling: Literal["max", "average"] = "max"
    dropout: float = 0.0
    l2: float = 0.0


class Inception(BaseModel, frozen=True, extra="forbid"):
    """An Inception block: four paths of so many filters each, concatenated.

    References:
        Szegedy et al. 2015, "Going deeper with convolutions".
    """

    name: str
    filters: int
    activation: str
    kernel_initializer: str
    l2: float = 0.0


class Recurrent(BaseModel, frozen=True, extra="forbid"):
    """An LSTM or GRU layer; ``activation`` is that of its outputs, its gates are sigmoid."""

    name: str
    units: int
    activation: str
    kernel_initializer: str
    l2: float = 0.0


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
    convolutions: tuple[Convolution, ...]


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


class InceptionBody(_Body):
    """Inception blocks over an image, averaged over its pixels at the end."""

    kind: Literal["inception"] = "inception"
    blocks: tuple[Inception, ...]


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


Body = Annotated[
    ConvolutionalBody | RecurrentBody | BranchedBody | InceptionBody | CustomBody,
    Field(discriminator="kind"),
]
