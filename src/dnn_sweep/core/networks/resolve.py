"""A combination's network: layers by the parameters, output and loss by the task."""

from collections.abc import Iterator, Sequence
from itertools import cycle

from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.body import (
    Body,
    BranchedBody,
    Convolution,
    ConvolutionalBody,
    CustomBody,
    Inception,
    InceptionBody,
    Layer,
    Recurrent,
    RecurrentBody,
)
from dnn_sweep.core.networks.custom import source_of
from dnn_sweep.core.networks.keras_names import initializer_for
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.parameters import HiddenLayer, NetworkParameters

RECURRENT_ACTIVATION = "tanh"  # Keras's default


def resolve_network(
    network: NetworkParameters,
    schema: Schema,
    inputs: int,
    activations: Sequence[str],
    dropout: float,
    initializer: str,
) -> Network:
    """Decide a network's layers, output and loss.

    Args:
        network: The parameters.
        schema: The task, its classes and the shape of a row.
        inputs: Number of scaled features.
        activations: One for all layers that name none of their own, or one for each.
        dropout: Of the hidden layers.
        initializer: Of the kernels.

    Raises:
        SweepError: For whatever :func:`output_and_loss` refuses, and for a kind of network that
            takes the cells of a row where scaling changes them.
    """
    output, loss = output_and_loss(network, schema)
    build = _Resolver(network, schema, inputs, cycle(activations), dropout, initializer)
    body = build.body()
    return Network(
        inputs=inputs,
        hidden=() if network.kind == "custom" else build.dense(network.hidden, "hidden", dropout),
        outputs=len(schema.classes) if output == "softmax" else 1,
        output_activation=output,
        loss=loss,
        metric=objective_of(schema.task).metric,
        body=body,
    )


def output_and_loss(network: NetworkParameters, schema: Schema) -> tuple[str, str]:
    """Return the output's activation and the loss, if the network suits the task and the rows.

    Raises:
        SweepError: If the output's activation or the loss cannot serve the task, or the kind of
            network does not fit the rows.
    """
    problem = network.misfit(schema.rank)
    if not problem and network.kind == "cnn":
        problem = network.pixels_missing(schema.shape)
    if problem:
        raise SweepError(problem)
    try:
        return network.output_and_loss(schema.task)
    except ValueError as error:
        raise SweepError(str(error)) from None


def own_activations(network: NetworkParameters) -> dict[str, str | None]:
    """The activation that each layer names, by its place in ``network``; ``None`` for the grid's.

    >>> own_activations(NetworkParameters(hidden=[64, {"units": 32, "activation": "relu"}]))
    {'hidden, layer 1': None, 'hidden, layer 2': 'relu'}
    """
    before: dict[str, str | None] = {}
    match network.kind:
        case "custom":
            return {"function": None}
        case "cnn":
            blocks = enumerate(network.convolutions, start=1)
            before = {f"convolutions, block {at}": block.activation for at, block in blocks}
        case "lstm" | "gru" if network.recurrent_activation:
            before = {f"recurrent, layer {at + 1}": None for at in range(len(network.recurrent))}
        case "branched" if network.inception:
            before = {f"inception, block {at + 1}": None for at in range(len(network.inception))}
        case "branched":
            before = {
                f"branches, branch {number}, layer {at}": layer.activation
                for number, branch in enumerate(network.branches, start=1)
                for at, layer in enumerate(branch, start=1)
            }
    hidden = enumerate(network.hidden, start=1)
    return before | {f"hidden, layer {at}": layer.activation for at, layer in hidden}


class _Resolver:
    """Resolves layers in their order, each with its own activation or the next of the grid's."""

    def __init__(
        self,
        network: NetworkParameters,
        schema: Schema,
        inputs: int,
        activations: Iterator[str],
        dropout: float,
        initializer: str,
    ) -> None:
        self._network, self._schema, self._inputs = network, schema, inputs
        self._activations, self._initializer = activations, initializer
        self._dropout = 0.0 if network.hidden else dropout

    def body(self) -> Body | None:
        """Resolve what comes before the hidden layers."""
        network, shape, dropout = self._network, self._schema.shape, self._dropout
        match network.kind:
            case "dense":
                return None
            case "cnn":
                self._require_cells()
                blocks = tuple(self._convolution(at) for at in range(len(network.convolutions)))
                return ConvolutionalBody(shape=shape, dropout=dropout, layers=blocks)
            case "lstm" | "gru" as cell:
                self._require_cells()
                # The rows of an image are the steps of a sequence.
                steps, *cells = shape
                flat = (steps, cells[0] * (cells[1] if len(cells) > 1 else 1))
                return RecurrentBody(
                    kind=cell,
                    shape=flat,
                    dropout=dropout,
                    masked=self._schema.padded,
                    layers=tuple(self._recurrent(at) for at in range(len(network.recurrent))),
                )
            case "branched" if network.inception:
                self._require_cells()
                inception = tuple(self._inception(at) for at in range(len(network.inception)))
                return InceptionBody(shape=shape, dropout=dropout, layers=inception)
            case "branched":
                branches = tuple(
                    self.dense(branch, f"branch{at}_hidden", network.dropout)
                    for at, branch in enumerate(network.branches, start=1)
                )
                return BranchedBody(shape=(self._inputs,), dropout=dropout, branches=branches)
        function = str(network.function)
        return CustomBody(
            shape=(self._inputs,) if self._schema.rank == "table" else shape,
            function=function,
            source=source_of(function),
            activation=next(self._activations),
        )

    def dense(self, layers: Sequence[HiddenLayer], name: str, dropout: float) -> tuple[Layer, ...]:
        """Resolve dense layers."""
        resolved = []
        for position, layer in enumerate(layers, start=1):
            own = layer.activation or next(self._activations)
            resolved.append(
                Layer(
                    name=layer.name or f"{name}{position}",
                    units=layer.units,
                    activation=own,
                    kernel_initializer=self._initial(own),
                    dropout=dropout,
                    batch_normalization=self._network.batch_normalization,
                    l2=self._network.l2,
                )
            )
        return tuple(resolved)

    def _convolution(self, at: int) -> Convolution:
        block = self._network.convolutions[at]
        own = block.activation or next(self._activations)
        return Convolution(
            name=f"convolution{at + 1}",
            **block.model_dump(exclude={"activation"}),
            activation=own,
            kernel_initializer=self._initial(own),
            batch_normalization=self._network.batch_normalization,
            l2=self._network.l2,
        )

    def _inception(self, at: int) -> Inception:
        own = next(self._activations)
        return Inception(
            name=f"inception{at + 1}",
            filters=self._network.inception[at],
            activation=own,
            kernel_initializer=self._initial(own),
            l2=self._network.l2,
        )

    def _recurrent(self, at: int) -> Recurrent:
        varied = self._network.recurrent_activation
        own = next(self._activations) if varied else RECURRENT_ACTIVATION
        return Recurrent(
            name=f"{self._network.kind}{at + 1}",
            units=self._network.recurrent[at],
            activation=own,
            kernel_initializer=self._initial(own),
            l2=self._network.l2,
        )

    def _initial(self, activation: str) -> str:
        return initializer_for(self._initializer, activation)

    def _require_cells(self) -> None:
        """Refuse to look for the cells of a row in other columns than its own."""
        kind, cells = self._network.kind, len(self._schema.features)
        if cells != self._inputs:
            raise SweepError(
                f"network.kind: {kind} takes the {cells} cells of a row as they are, but scaling "
                f"turns them into {self._inputs}; columns must be numbers"
            )
