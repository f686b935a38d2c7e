"""Workloads: data, network and trials, taken from the project's own experiments."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Workload:
    """An experiment of the project, at the size to be measured.

    Args:
        experiment: Environment below ``conf/`` that provides data, network and grid.
        title: Its name on the page.
        seeds: Number of replicates.
        slow_seeds: Number of replicates for contestants that train one trial after another. Their
            time per trial does not depend on the number of trials.
        slow_share: These contestants, and those that stack only replicates, train every n-th
            combination of the grid, along its diagonals, so that activations and optimizers stay
            balanced.
        epochs: Epochs per trial.
        counts: Numbers of trials to measure, in one race each; empty for all trials at once.
        ours_only: Whether only our own engine takes part.
        on_request: Whether it runs only if asked for by name.
        changes: Parameters that differ from the experiment's.
    """

    experiment: str
    title: str
    seeds: int
    slow_seeds: int
    slow_share: int = 1
    epochs: int = 20
    counts: tuple[int, ...] = ()
    ours_only: bool = False
    on_request: bool = False
    changes: dict[str, Any] = field(default_factory=dict)


def _relu(*optimizers: str) -> dict[str, Any]:
    return {"grid": {"activations": ["relu"], "optimizers": optimizers}}


WORKLOADS = {
    "mnist": Workload("mnist", "Three combinations on MNIST", seeds=4, slow_seeds=1),
    "digits": Workload(
        "digits", "The default sweep on digits", seeds=8, slow_seeds=1, slow_share=3
    ),
    "scaling": Workload(
        "digits",
        "Seconds per trial by number of trials (relu + adam on digits)",
        seeds=1000,
        slow_seeds=1000,
        epochs=5,
        counts=(1, 2, 5, 10, 30, 100, 300, 1000),
        ours_only=True,
        changes=_relu("adam"),
    ),
    "quick": Workload(
        "digits",
        "Two combinations on digits, to check that every contestant runs",
        seeds=1,
        slow_seeds=1,
        epochs=6,
        on_request=True,
        changes=_relu("momentum", "adam"),
    ),
}


@dataclass(frozen=True)
class TrialSpec:
    """One trial in terms that every library understands.

    Args:
        combination: Its name.
        activation: Activation of the hidden layers, by its Keras name.
        optimizer: The grid's name of the optimizer: ``sgd``, ``momentum`` …
        optimizer_class: The Keras class.
        arguments: Its arguments without the learning rate.
        learning_rate: Step size.
        seed: The replicate.
    """

    combination: str
    activation: str
    optimizer: str
    optimizer_class: str
    arguments: dict[str, Any]
    learning_rate: float
    seed: int


@dataclass(frozen=True)
class Work:
    """The input of a contestant.

    Args:
        x_train: Float32 of shape ``(rows, features)``, scaled to 0 … 1.
        y_train: Class positions, int32 of shape ``(rows,)``.
        x_validation: As ``x_train``.
        y_validation: As ``y_train``.
        hidden: Units of the hidden layers, input side first.
        classes: Units of the softmax output.
        batch_size: Rows per step; the last batch of an epoch may be smaller.
        epochs: Passes over the training rows.
        trials: The trials to train.
        planned: The same trials as the project plans them, for our own engines.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int32]
    x_validation: NDArray[np.float32]
    y_validation: NDArray[np.int32]
    hidden: tuple[int, ...]
    classes: int
    batch_size: int
    epochs: int
    trials: tuple[TrialSpec, ...]
    planned: tuple[dict[str, Any], ...]

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one epoch."""
        return -(-len(self.x_train) // self.batch_size)


@dataclass(frozen=True)
class Curve:
    """The result of a contestant for one trial.

    Args:
        combination: The trial's combination.
        seed: Its seed.
        steps: Number of optimizer steps, as counted by the contestant's library if it does.
        val_loss: Loss on the validation rows after each epoch.
        val_accuracy: Accuracy on the validation rows after each epoch.
    """

    combination: str
    seed: int
    steps: int
    val_loss: list[float]
    val_accuracy: list[float]

    @classmethod
    def of(
        cls, trial: TrialSpec, steps: int, val_loss: Sequence[float], val_accuracy: Sequence[float]
    ) -> "Curve":
        """Build a curve from a trial and two sequences of numbers."""
        losses, accuracies = (list(map(float, each)) for each in (val_loss, val_accuracy))
        return cls(trial.combination, trial.seed, int(steps), losses, accuracies)


def load_work(folder: Path, positions: Sequence[int]) -> Work:
    """Read what :mod:`benchmarks.prepare` wrote.

    Args:
        folder: The folder it wrote to.
        positions: Positions of the trials in the plan.

    Returns:
        The work; this takes NumPy alone, so that a contestant's memory is its own.
    """
    planned = json.loads((folder / "plan.json").read_text())["trials"]
    chosen = tuple(planned[position] for position in positions)
    first = chosen[0]
    with np.load(folder / "data.npz") as arrays:
        return Work(
            **{name: arrays[name] for name in arrays.files},
            hidden=tuple(layer["units"] for layer in first["network"]["hidden"]),
            classes=first["network"]["outputs"],
            batch_size=first["batch_size"],
            epochs=first["epochs"],
            trials=tuple(_spec_of(trial) for trial in chosen),
            planned=chosen,
        )


def _spec_of(trial: dict[str, Any]) -> TrialSpec:
    fields = {name: trial[name] for name in TrialSpec.__annotations__ if name in trial}
    return TrialSpec(**fields, arguments=trial["optimizer_arguments"])
