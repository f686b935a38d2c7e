"""What is stacked: which trials can share a compiled program, and why a trial cannot."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from dnn_sweep.core.networks.body import Layer
from dnn_sweep.core.networks.keras_names import optimizer_classes
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.plan.shapes import Shapes
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.parameters import Precision

# Optimizers whose update of a weight reads that weight alone, so that a stack of networks is
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

# Networks of several shapes do not share a program with it: that they train as alone is not shown,
# since small ones diverge under one engine and not under the other, in programs of their own too.
OWN_SHAPE = ("Ftrl",)

# Arguments that Keras's updates only multiply with, so each lane may have its own value. All others
# are part of the program: a momentum decides whether there is a slot for it, and an epsilon goes
# through Keras's `ops.add`, which may take it for a bias and broadcast it along another axis.
_PER_LANE = ("beta_1", "beta_2", "rho", "weight_decay")


@dataclass(frozen=True)
class ModelSpec:
    """What all lanes of a program have in common."""

    # Without names, activations and initializers; ``dropout`` and ``l2`` are 1 where a layer has
    # any, since each lane has its own value.
    network: Network
    batch_size: int
    class_weight: tuple[float, ...] | None
    precision: Precision
    padded: bool = False  # whether lanes may hold narrower and shallower networks


@dataclass(frozen=True)
class OptimizerSpec:
    """An optimizer as part of a program."""

    class_name: str
    arguments: tuple[tuple[str, Any], ...]  # the same in all lanes, without the learning rate
    per_lane: tuple[str, ...]  # names of the arguments of which each lane has its own value

    @property
    def dtype(self) -> str:
        """The type in which the program takes per-lane arguments.

        As in Keras, whose numbers are float64: in float32 1 - 0.999 would be off by 5e-5 of its
        value. Nadam casts its numbers to float32 itself.
        """
        return "float32" if self.class_name == "Nadam" else "float64"

    def narrowed_to(self, trials: Sequence[Trial], but: Sequence[str] = ()) -> "OptimizerSpec":
        """Move what is equal in all of these trials into the program, where XLA knows its value.

        Arguments named by ``but`` stay, because other trials will have other values.
        """
        values = [lane_arguments(trial) for trial in trials]
        per_lane = tuple(n for n in self.per_lane if n in but or len({v[n] for v in values}) > 1)
        given = trials[0].optimizer_arguments
        equal = {k: v for k, v in given.items() if k in self.per_lane and k not in per_lane}
        arguments = tuple(sorted((dict(self.arguments) | equal).items()))
        return replace(self, arguments=arguments, per_lane=per_lane)


@dataclass(frozen=True)
class ProgramSpec:
    """What a compiled program is made from; equal specs share one."""

    model: ModelSpec
    optimizers: tuple[OptimizerSpec, ...]  # each updates a block of lanes, all equally large
    activations: tuple[str, ...]  # those that occur, sorted
    mixed: bool  # whether one layer may have different activations in different lanes


def spec_of(trial: Trial, shapes: Shapes | None = None) -> tuple[ModelSpec, OptimizerSpec]:
    """Describe what trials must have in common to train in each other's lanes.

    All else may differ: activations, initial weights, order of the rows, learning rate and its
    schedule, per-lane arguments, dropout rates, penalties, number of epochs, callbacks; and width
    and depth as far as networks share the ``shapes`` of their programs.
    """
    per_lane = tuple(lane_arguments(trial))
    others = {k: v for k, v in trial.optimizer_arguments.items() if k not in (*per_lane, "name")}
    optimizer = OptimizerSpec(trial.optimizer_class, tuple(sorted(others.items())), per_lane)
    shared = shapes if trial.optimizer_class not in OWN_SHAPE else None
    network = shared.of(trial.network) if shared else trial.network
    padded = network is not trial.network
    others_of_model = trial.batch_size, trial.class_weight, trial.precision, padded
    return ModelSpec(_without_details(network), *others_of_model), optimizer


def lane_arguments(trial: Trial) -> dict[str, float]:
    """Per-lane arguments of a trial's optimizer."""
    return _lane_arguments(trial.optimizer_class, tuple(sorted(trial.optimizer_arguments.items())))


def activations_of(trial: Trial) -> tuple[str, ...]:
    """The activation of each hidden layer."""
    return tuple(layer.activation for layer in trial.network.hidden)


def reason_against(trial: Trial) -> str | None:
    """Say why a trial cannot be stacked, in words for the user; ``None`` where it can."""
    if trial.network.body:
        return f"a {trial.network.kind} network trains faster without XLA on a processor"
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


@lru_cache(maxsize=1024)
def _without_details(network: Network) -> Network:
    names = {"name": "", "activation": "", "kernel_initializer": ""}

    def bare(layer: Layer) -> Layer:
        rates = {"dropout": float(layer.dropout > 0), "l2": float(layer.l2 > 0)}
        return layer.model_copy(update=names | rates)

    return network.model_copy(update={"hidden": tuple(map(bare, network.hidden))})


@lru_cache(maxsize=1024)
def _lane_arguments(class_name: str, arguments: tuple[tuple[str, Any], ...]) -> dict[str, float]:
    optimizer = optimizer_classes()[class_name](**dict(arguments))
    values = {name: getattr(optimizer, name, None) for name in _PER_LANE}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}
