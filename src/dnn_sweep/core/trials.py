"""A trial: one combination at one learning rate with one seed, and the id that names it."""

import hashlib
import json
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from dnn_sweep.parameters import CallbackParameters, Precision, Task


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
        return f"{activations}-{_digest(self.model_dump(mode='json'))[:6]}"


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


class Trial(BaseModel):
    """Everything that determines one training's result.

    Args:
        task: What is predicted.
        combination: Its name for people, such as ``relu + adam``.
        activation: The grid's activation.
        optimizer: The grid's name of the optimizer.
        optimizer_class: The Keras class.
        optimizer_arguments: Its constructor's arguments, without the learning rate.
        learning_rate: Step size.
        network: The network.
        batch_size: Rows a step.
        epochs: Passes over the training rows at most.
        callbacks: What may stop the trial or choose its weights.
        seed: The replicate.
        data: Fingerprint of the scaled training and validation rows.
        schedule: How the learning rate changes; ``None`` for one rate throughout.
        class_weight: A factor for the loss of each class's rows, by the class's position;
            ``None`` for classes that count alike.
        precision: Keras's dtype policy of the hidden layers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    combination: str
    activation: str
    optimizer: str
    optimizer_class: str
    optimizer_arguments: dict[str, Any]
    learning_rate: float
    network: Network
    batch_size: int
    epochs: int
    callbacks: CallbackParameters
    seed: int
    data: str
    schedule: Schedule | None = None
    class_weight: tuple[float, ...] | None = None
    precision: Precision = "float32"

    @cached_property
    def id(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of what determines the result."""
        labels = {"combination", "activation", "optimizer"}
        # Settings that came later: a trial without them keeps the id it was stored under.
        unused = {
            name
            for name in ("schedule", "class_weight", "precision")
            if getattr(self, name) == type(self).model_fields[name].default
        }
        return _digest(self.model_dump(mode="json", exclude=labels | unused))[:16]

    @property
    def dropout(self) -> float:
        """Dropout rate of the hidden layers."""
        return self.network.hidden[0].dropout

    @property
    def kernel_initializer(self) -> str:
        """Initializer of the first hidden layer's kernel."""
        return self.network.hidden[0].kernel_initializer


class TrialPlan(BaseModel):
    """Every trial of a sweep, in the order of the grid."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: tuple[Trial, ...]

    @property
    def combinations(self) -> list[str]:
        """Names of the combinations, in the order of the grid."""
        return list(dict.fromkeys(trial.combination for trial in self.trials))


def _digest(content: object) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
