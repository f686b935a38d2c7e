"""A network and its learning-rate schedule with everything decided but the seed."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Layer(BaseModel):
    """One hidden layer with everything decided.

    Args:
        name: The Dense layer's name.
        units: Number of neurons.
        activation: A Keras activation.
        kernel_initializer: A Keras initializer.
        dropout: Share of outputs dropped while training.
        batch_normalization: Normalise the outputs over the batch.
        l2: L2 penalty on the kernel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    units: int
    activation: str
    kernel_initializer: str
    dropout: float = 0.0
    batch_normalization: bool = False
    l2: float = 0.0


class Network(BaseModel):
    """A network with everything decided but its seed.

    Args:
        inputs: Number of scaled features.
        hidden: The hidden layers, input side first.
        outputs: Number of output neurons.
        output_activation: A Keras activation.
        loss: A Keras loss.
        metric: The Keras metric reported each epoch.
        api: ``sequential`` or ``functional``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: int
    hidden: tuple[Layer, ...]
    outputs: int
    output_activation: str
    loss: str
    metric: str
    api: str = "sequential"

    @property
    def name(self) -> str:
        """A name for people and files, the same for the same network."""
        activations = "-".join(dict.fromkeys(layer.activation for layer in self.hidden))
        return f"{activations}-{content_hash(self.model_dump(mode='json'))[:6]}"


class Schedule(BaseModel):
    """How the learning rate changes from step to step, with everything decided.

    Args:
        class_name: A Keras schedule.
        arguments: Its constructor's arguments, all but ``initial_learning_rate``, which is the
            trial's learning rate; steps are optimizer steps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    class_name: str
    arguments: dict[str, Any]


def content_hash(content: object) -> str:
    """The SHA-256 of plain values, in hexadecimal; the order of keys does not matter."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
