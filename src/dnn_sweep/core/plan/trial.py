"""A trial: one combination at one learning rate with one seed, and the id that names it."""

from functools import cached_property
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from dnn_sweep.core.networks.network import Network, Schedule, content_hash
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.parameters import CallbackParameters, CheckpointParameters, Precision, Task


class Trial(BaseModel, frozen=True, extra="forbid"):
    """Everything that determines the result of one training.

    Args:
        combination: Its name for people, such as ``relu + adam``.
        activation: The grid's activation.
        optimizer: The optimizer's name in the grid.
        optimizer_class: The Keras class.
        optimizer_arguments: Its constructor's arguments, without the learning rate.
        seed: The replicate.
        data: Fingerprint of the scaled training and validation rows, and of those watched.
        schedule: How the learning rate changes; ``None`` for a constant one.
        class_weight: Loss weight of each class, by its position; ``None`` for equal weights.
        precision: Keras's dtype policy of the hidden layers.
        fold: The fold whose rows it is scored on, numbered through all repeats; ``None`` without
            cross-validation. ``data`` is then the fingerprint of the fold.
        inner: Fraction of the training rows that the callbacks watch instead of training on
            them; 0 where no callback decides anything.
        target_scale: One unit of a regression's standardised target in the target's own unit, in
            which the history has its errors; ``None`` for classes.
        epoch_objective: What is computed after every epoch, because a callback watches it; ``None``
            where they watch what Keras measures.
        factors: What a search has drawn for it, by the factor's name; empty without a search.
    """

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
    fold: int | None = None
    inner: float = 0.0
    target_scale: float | None = None
    epoch_objective: Objective | None = None
    factors: dict[str, JsonValue] = Field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of what determines the result."""
        content = self._content()
        checkpoint, default = content["callbacks"]["checkpoint"], _unused_checkpoint(self.task)
        if self.callbacks.checkpoint.enabled:
            checkpoint["filename"] = default["filename"]
        else:
            content["callbacks"]["checkpoint"] = default
        return content_hash(content | {"network": self.network.identity})[:16]

    @property
    def earlier_id(self) -> str:
        """The id of version 0.1, which also hashed names of layers and files."""
        return content_hash(self._content())[:16]

    def _content(self) -> dict[str, Any]:
        labels = {"combination", "activation", "optimizer", "factors"}
        # Newer settings: a trial that does not use them keeps the id it was stored under.
        unused = {name for name in LATER if getattr(self, name) == LATER[name]}
        content = self.model_dump(mode="json", exclude=labels | unused)
        if self.epoch_objective:
            own = content["epoch_objective"]
            content["epoch_objective"] = {name: own[name] for name in DECIDING}
        return content

    @property
    def dropout(self) -> float:
        """Dropout rate of the hidden layers, or before the output where there are none."""
        return self.network.dropout

    @property
    def kernel_initializer(self) -> str:
        """Initializer of the first layer's kernel."""
        return self.network.kernel_initializer


LATER: dict[str, Any] = {
    name: Trial.model_fields[name].default
    for name in (
        *("schedule", "class_weight", "precision", "fold", "inner", "target_scale"),
        "epoch_objective",
    )
}
DECIDING = ("scorer", "positive", "source")  # of an objective; the callbacks have its direction


def _unused_checkpoint(task: Task) -> dict[str, Any]:
    """What the id of a trial without a checkpoint has in its place: the task's default."""
    measured = objective_of(task)
    default = CheckpointParameters(monitor=measured.validation_metric, mode=measured.mode)
    return default.model_dump(mode="json")


class TrialPlan(BaseModel, frozen=True, extra="forbid"):
    """The trials of a sweep, in the order of the grid."""

    trials: tuple[Trial, ...]

    @property
    def combinations(self) -> list[str]:
        """Names of the combinations, in the order of the grid."""
        return list(dict.fromkeys(trial.combination for trial in self.trials))

    @property
    def networks(self) -> list[Network]:
        """The distinct networks, in the order of the grid."""
        return list({trial.network.name: trial.network for trial in self.trials}.values())
