"""Fully specified networks and learning-rate schedules."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, SerializerFunctionWrapHandler, model_serializer


class Layer(BaseModel, frozen=True, extra="forbid"):
    """A fully specified hidden layer; activation and initializer by the names Keras gives them."""

    name: str
    units: int
    activation: str
    kernel_initializer: str
    dropout: float = 0.0
    batch_normalization: bool = False
    l2: float = 0.0


class Network(BaseModel, frozen=True, extra="ignore"):  # stored networks name their ``api``
    """A network, fully specified but for its seed.

    Args:
        inputs: Number of scaled features.
        hidden: The hidden layers, input side first.
        outputs: Number of output neurons.
        metric: The Keras metric reported each epoch.
    """

    inputs: int
    hidden: tuple[Layer, ...]
    outputs: int
    output_activation: str
    loss: str
    metric: str

    @model_serializer(mode="wrap")
    def _with_api(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # There was a choice once; as a constant it keeps the ids of stored trials valid.
        return {**plain(self), "api": "sequential"}

    @property
    def name(self) -> str:
        """Readable name for people and files, equal for equal networks."""
        activations = "-".join(dict.fromkeys(layer.activation for layer in self.hidden))
        return f"{activations}-{content_hash(self.model_dump(mode='json'))[:6]}"


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
