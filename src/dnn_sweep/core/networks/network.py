"""Fully specified networks and learning-rate schedules."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer

from dnn_sweep.core.networks.body import Body, Convolution, Inception, Layer, Recurrent


class Network(BaseModel, frozen=True, extra="ignore"):  # stored networks name their ``api``
    """A network, fully specified but for its seed.

    Args:
        inputs: Number of scaled features.
        hidden: The hidden layers, input side first.
        outputs: Number of output neurons.
        metric: The Keras metric reported each epoch.
        body: What comes before the hidden layers; ``None`` for a dense network.
    """

    inputs: int
    hidden: tuple[Layer, ...]
    outputs: int
    output_activation: str
    loss: str
    metric: str
    body: Body | None = None

    @model_serializer(mode="wrap")
    def _as_stored(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Ids of stored trials stay valid: once there was a choice of an API, and no body.
        content = {**plain(self), "api": "sequential"}
        return content if self.body else {k: v for k, v in content.items() if k != "body"}

    @property
    def identity(self) -> dict[str, Any]:
        """What determines a training: all but the names that layers were given."""
        content = self.model_dump(mode="json")
        dense = {"hidden": content["hidden"]}
        for number, branch in enumerate((content.get("body") or {}).get("branches", ()), start=1):
            dense[f"branch{number}_hidden"] = branch
        for name, layers in dense.items():
            for position, layer in enumerate(layers, start=1):
                layer["name"] = f"{name}{position}"  # as stored where none was given
        return content

    @property
    def kind(self) -> str:
        """``dense``, or the kind of its body."""
        return self.body.kind if self.body else "dense"

    @property
    def layers(self) -> tuple[Convolution | Inception | Recurrent | Layer, ...]:
        """Those before the output layer, input side first."""
        return (*(self.body.layers if self.body else ()), *self.hidden)

    @property
    def name(self) -> str:
        """Readable name for people and files, equal for equal networks."""
        kind = [self.body.kind] if self.body else []
        used = dict.fromkeys(layer.activation for layer in self.layers)
        return "-".join([*kind, *used, content_hash(self.model_dump(mode="json"))[:6]])

    @property
    def dropout(self) -> float:
        """Dropout rate of the hidden layers, or before the output where there are none."""
        if self.hidden:
            return self.hidden[0].dropout
        return self.body.dropout if self.body else 0.0

    @property
    def kernel_initializer(self) -> str:
        """Initializer of the first layer's kernel; ``custom`` where a function decides."""
        return self.layers[0].kernel_initializer if self.layers else "custom"


class Schedule(BaseModel, frozen=True, extra="forbid"):
    """A fully specified learning-rate schedule of Keras.

    Args:
        arguments: The constructor's, in optimizer steps, without ``initial_learning_rate``, which
            is the trial's learning rate.
    """

    class_name: str
    arguments: dict[str, Any]


def content_hash(content: object) -> str:
    """Return the SHA-256 of plain values in hexadecimal; the order of keys does not matter.

    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
