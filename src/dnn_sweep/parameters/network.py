"""The network of every combination (``params:network``)."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from dnn_sweep.parameters.base import Fraction, Parameters, Task, listed
from dnn_sweep.parameters.keras_names import Activation, Initializer

NetworkKind = Literal["dense", "cnn", "lstm", "gru", "branched", "custom"]
KINDS_OF_RANK = {
    "table": ("dense", "branched", "custom"),
    "sequence": ("dense", "lstm", "gru", "branched", "custom"),
    "image": ("dense", "cnn", "lstm", "gru", "branched", "custom"),
}
_CROSSENTROPIES = ("sparse_categorical_crossentropy", "categorical_crossentropy")
# Losses that fit a task and its output activation, the default first.
LOSSES: dict[tuple[Task, str], tuple[str, ...]] = {
    ("multiclass", "softmax"): _CROSSENTROPIES,
    ("binary", "sigmoid"): ("binary_crossentropy", "binary_focal_crossentropy"),
    ("binary", "softmax"): _CROSSENTROPIES,
    ("regression", "linear"): ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"),
}
_SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "logcosh": "log_cosh"}


def _layer_from_units(value: object) -> object:
    return {"units": value} if isinstance(value, int) else value


def _convolution_from_filters(value: object) -> object:
    return {"filters": value} if isinstance(value, int) else value


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
    activation: Activation | None = None
    name: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]*$")


class ConvolutionBlock(Parameters):
    """A Conv2D layer and what follows it; a bare number in the configuration means its filters.

    Args:
        filters: Number of filters.
        kernel_size: Height and width of a filter, in pixels.
        padding: ``same`` keeps the size of the image, ``valid`` cuts off its border.
        activation: A Keras activation for this layer; ``None`` for the grid's.
        pool: Height and width of the pooling window, in pixels; 1 for no pooling.
        pooling: Whether the window's largest value or its mean is kept.
        dropout: Share of the block's outputs dropped while training.

    >>> blocks = NetworkParameters(kind="cnn", convolutions=[16, {"filters": 32, "pool": 1}])
    >>> [(block.filters, block.pool) for block in blocks.convolutions]
    [(16, 2), (32, 1)]
    """

    filters: PositiveInt
    kernel_size: PositiveInt = 3
    padding: Literal["same", "valid"] = "same"
    activation: Activation | None = None
    pool: PositiveInt = 2
    pooling: Literal["max", "average"] = "max"
    dropout: Fraction = 0.0


Hidden = Annotated[HiddenLayer, BeforeValidator(_layer_from_units)]
Block = Annotated[ConvolutionBlock, BeforeValidator(_convolution_from_filters)]


class NetworkParameters(Parameters):
    """The network of every combination (``params:network``).

    Args:
        kind: ``dense`` for fully connected layers, ``cnn`` for convolutions, ``lstm`` or ``gru``
            for recurrent layers, ``branched`` for parallel branches, each of these before the
            hidden layers; ``custom`` for a function of the user's that builds the whole network.
        hidden: The hidden layers, input side first.
        convolutions: The blocks of a ``cnn``, input side first.
        recurrent: Units of each recurrent layer of an ``lstm`` or ``gru``.
        recurrent_activation: Whether recurrent layers take the grid's activation too, in place of
            ``tanh``.
        branches: The hidden layers of each branch of a ``branched`` network, whose outputs are
            concatenated.
        inception: For images: filters of each path of each Inception block (1 × 1, 3 × 3, 5 × 5
            and pooling, concatenated) of a ``branched`` network, in place of ``branches``.
        function: For ``custom``: ``package.module:function``, importable from the project folder,
            that takes ``input_shape``, ``outputs``, ``activation`` and ``seed`` and returns a
            ``keras.Model``.
        dropout: Share of a hidden layer's outputs dropped while training; without hidden layers,
            of what enters the output layer.
        batch_normalization: Normalise the outputs of each hidden layer and of each convolution
            over the batch.
        kernel_initializer: A Keras initializer, or ``matched`` to choose by activation (He for
            the relu family, LeCun for selu, Glorot for the others).
        l2: L2 penalty on the kernels.
        output_activation: ``None`` follows the task (softmax, sigmoid, linear).
        loss: ``None`` follows the task and output.

    >>> [layer.units for layer in NetworkParameters(hidden=[64, 32]).hidden]
    [64, 32]
    """

    kind: NetworkKind = "dense"
    hidden: tuple[Hidden, ...] = ()
    convolutions: tuple[Block, ...] = (
        ConvolutionBlock(filters=32),
        ConvolutionBlock(filters=64),
    )
    recurrent: tuple[PositiveInt, ...] = (64,)
    recurrent_activation: bool = False
    branches: tuple[Annotated[tuple[Hidden, ...], Field(min_length=1)], ...] = (
        (HiddenLayer(units=64),),
        (HiddenLayer(units=64), HiddenLayer(units=64)),
    )
    inception: tuple[PositiveInt, ...] = ()
    function: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    dropout: Fraction = 0.0
    batch_normalization: bool = False
    kernel_initializer: Initializer = "glorot_uniform"
    l2: Annotated[float, Field(ge=0)] = 0.0
    output_activation: str | None = None
    loss: str | None = None

    @model_validator(mode="after")
    def _layers_are_named_once(self) -> Self:
        names = [layer.name or f"hidden{i}" for i, layer in enumerate(self.hidden, start=1)]
        beside = [f"{name}_{part}" for name in names for part in ("dropout", "normalization")]
        taken = [*names, *beside, "features", "output"]
        if twice := sorted({name for name in names if taken.count(name) > 1}):
            raise ValueError(
                f"network.hidden: layers must have distinct names; taken: {', '.join(twice)}"
            )
        return self

    @model_validator(mode="after")
    def _kind_has_its_layers(self) -> Self:
        of_kind = {
            "dense": "hidden",
            "cnn": "convolutions",
            "lstm": "recurrent",
            "gru": "recurrent",
            "custom": "function",
        }
        key = of_kind.get(self.kind)
        if key and not getattr(self, key):
            raise ValueError(f"network.{key}: must not be empty for network.kind {self.kind}")
        if self.kind == "branched" and not self.inception and len(self.branches) < 2:
            raise ValueError("network.branches: a branched network has two branches or more")
        if self.function and self.kind != "custom":
            raise ValueError(
                f"network.function is given, but network.kind is {self.kind}; "
                "network.kind: custom uses it"
            )
        return self

    def output_and_loss(self, task: Task) -> tuple[str, str]:
        """The output's activation and the loss for a task.

        Raises:
            ValueError: If one of them contradicts the task.
        """
        outputs = [output for known, output in LOSSES if known == task]
        output = self.output_activation or outputs[0]
        if output not in outputs:
            raise ValueError(
                f"network.output_activation: {output!r} contradicts the task, {task}; "
                f"allowed: {', '.join(outputs)}"
            )
        losses = LOSSES[task, output]
        loss = _SHORT.get(self.loss or "", self.loss) or losses[0]
        if loss not in losses:
            raise ValueError(
                f"network.loss (task {task}, output {output}): unknown loss {loss!r}."
                f"{listed(loss, losses)}"
            )
        return output, loss

    def misfit(self, rank: str) -> str | None:
        """Say why this kind does not take such rows; ``None`` where it does."""
        needs_image = self.kind == "branched" and self.inception and rank != "image"
        if self.kind in KINDS_OF_RANK[rank] and not needs_image:
            return None
        ranks = [r for r, kinds in KINDS_OF_RANK.items() if self.kind in kinds and r != "table"]
        wanted = ["image"] if needs_image else ranks
        own = "network.inception" if needs_image else f"network.kind {self.kind}"
        keys = {"image": "data.image_shape", "sequence": "data.sequence"}
        return (
            f"{own} takes rows that are {' or '.join(f'{each}s' for each in wanted)}, but these "
            f"are rows of a {rank}. Kinds for it: {', '.join(KINDS_OF_RANK[rank])}. Where the "
            f"columns are the cells of one, say so with {' or '.join(keys[r] for r in wanted)}"
        )

    def pixels_missing(self, shape: tuple[int, ...]) -> str | None:
        """Say which convolution block gets too few pixels of an image; ``None`` where none does."""
        height, width = shape[:2]
        for at, block in enumerate(self.convolutions, start=1):
            lost = block.kernel_size - 1 if block.padding == "valid" else 0
            after = [(side - lost) // block.pool for side in (height, width)]
            if min(after) < 1:
                return (
                    f"network.convolutions, block {at}: it gets {height} by {width} pixels, of "
                    f"which kernel_size {block.kernel_size} ({block.padding}) and pool "
                    f"{block.pool} leave none; use fewer blocks or a smaller pool"
                )
            height, width = after
        return None
