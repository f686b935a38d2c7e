"""What trials must have in common to share one compiled program, or a section of one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from dnn_sweep.core.networks.keras_names import optimizer_classes
from dnn_sweep.core.plan.trial import Trial

# Optimizers whose update of a weight looks at that weight alone, so that a stack of networks is
# updated like one network. The others take norms or products over a whole layer.
ELEMENTWISE = (
    "SGD",
    "Adagrad",
    "Adadelta",
    "RMSprop",
    "Adam",
    "AdamW",
    "Nadam",
    "Adamax",
    "Lion",
    "Ftrl",
)

# Arguments that Keras's updates only multiply with, so each trial may have its own. All others are
# part of the program: a momentum also decides whether there is a slot for it, and what Keras's
# `ops.add` is given, such as an epsilon, it may take for a bias, and spread along another axis.
_PER_TRIAL = ("beta_1", "beta_2", "rho", "weight_decay")

# What of these differs between trials is passed to the program in double precision, as Keras's
# own numbers are: in single precision 1 - 0.999 would be off by 5e-5 of its value. Nadam turns
# its numbers into single precision itself.
_SINGLE_PRECISION = ("Nadam",)


@dataclass(frozen=True)
class LayerStructure:
    """One hidden layer.

    Args:
        units: Number of neurons.
        batch_normalization: Whether the outputs are normalised.
        dropout: Whether some are dropped; how many is each trial's own.
        l2: Whether the kernel is penalised; how much is each trial's own.
    """

    units: int
    batch_normalization: bool
    dropout: bool
    l2: bool


@dataclass(frozen=True)
class Structure:
    """Trials with equal structures can train in each other's seats.

    What is not listed here may differ from trial to trial: activations layer by layer, initial
    weights, order of the rows, learning rate and its schedule, the optimizer's other numbers,
    dropout rates, penalties, number of epochs, callbacks.

    Args:
        inputs: Number of scaled features.
        hidden: The hidden layers, input side first.
        outputs: Number of output neurons.
        output_activation: A Keras activation.
        loss: A Keras loss.
        metric: The Keras metric reported each epoch.
        batch_size: Rows a step.
        optimizer_class: The Keras class.
        optimizer_arguments: Those of its arguments that are part of the program, sorted.
        scalars: Names of its arguments that each trial may have its own value of.
        class_weight: A factor for the loss of each class's rows, or ``None``.
        precision: Keras's dtype policy of the hidden layers.
    """

    inputs: int
    hidden: tuple[LayerStructure, ...]
    outputs: int
    output_activation: str
    loss: str
    metric: str
    batch_size: int
    optimizer_class: str
    optimizer_arguments: tuple[tuple[str, Any], ...]
    scalars: tuple[str, ...]
    class_weight: tuple[float, ...] | None
    precision: str

    @property
    def scalar_type(self) -> str:
        """In which precision a program takes the numbers that differ between trials."""
        return "float32" if self.optimizer_class in _SINGLE_PRECISION else "float64"

    @property
    def without_optimizer(self) -> "Structure":
        """What trials of several optimizers must have in common to train in one program."""
        return replace(self, optimizer_class="", optimizer_arguments=(), scalars=())


def structure_of(trial: Trial) -> Structure:
    """Tell what a trial must have in common with others.

    Args:
        trial: One that :func:`obstacle` finds nothing against.

    Returns:
        Its structure.
    """
    network = trial.network
    scalars = tuple(scalars_of(trial))
    arguments = {k: v for k, v in trial.optimizer_arguments.items() if k not in (*scalars, "name")}
    return Structure(
        inputs=network.inputs,
        hidden=tuple(
            LayerStructure(layer.units, layer.batch_normalization, layer.dropout > 0, layer.l2 > 0)
            for layer in network.hidden
        ),
        outputs=network.outputs,
        output_activation=network.output_activation,
        loss=network.loss,
        metric=network.metric,
        batch_size=trial.batch_size,
        optimizer_class=trial.optimizer_class,
        optimizer_arguments=tuple(sorted(arguments.items())),
        scalars=scalars,
        class_weight=trial.class_weight,
        precision=trial.precision,
    )


def differing_scalars(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Tell which numbers of the optimizer differ between trials of one structure.

    A number that all share is better left in the program, where the compiler knows it.
    """
    values = [scalars_of(trial) for trial in trials]
    return tuple(name for name in values[0] if len({each[name] for each in values}) > 1)


def scalars_of(trial: Trial) -> dict[str, float]:
    """The optimizer's numbers that each trial may have its own value of, by name."""
    return _scalars(trial.optimizer_class, tuple(sorted(trial.optimizer_arguments.items())))


@lru_cache(maxsize=1024)
def _scalars(optimizer_class: str, arguments: tuple[tuple[str, Any], ...]) -> dict[str, float]:
    optimizer = optimizer_classes()[optimizer_class](**dict(arguments))
    values = {name: getattr(optimizer, name, None) for name in _PER_TRIAL}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def obstacle(trial: Trial) -> str | None:
    """Say what keeps a trial out of a stack, in words for the user; ``None`` where nothing does."""
    if trial.optimizer_class not in ELEMENTWISE:
        return f"{trial.optimizer_class} does not update each weight by itself"
    for name in ("use_ema", "gradient_accumulation_steps", "loss_scale_factor"):
        if trial.optimizer_arguments.get(name):
            return f"{name} of an optimizer belongs to one network"
    if trial.optimizer_class == "Ftrl" and trial.optimizer_arguments.get("beta"):
        return "Ftrl's beta is added to each trial's own learning rate"
    if trial.precision == "mixed_float16":
        return "mixed_float16 scales the loss of one network"
    return None
