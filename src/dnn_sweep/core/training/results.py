"""Results of trials, the same for every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.build import build_network
from dnn_sweep.core.networks.files import network_file
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.parameters import CHECKPOINT_FIELDS

Status = Literal["completed", "diverged"]


@dataclass(frozen=True)
class TrialResult:
    """One trained trial.

    Args:
        status: ``diverged`` if the loss was not finite at some epoch.
        history: One row per epoch: ``epoch`` (from 1), ``loss``, the metric, ``val_loss``, the
            metric on the validation rows, ``val_objective`` where callbacks watch it (NaN where it
            has no value), ``learning_rate``, ``seconds``. Mean absolute errors are in the target's
            own unit, losses as trained.
        best_epoch: The epoch whose weights were kept, from 1.
        outputs: The kept network's outputs on the validation rows, float32 of shape
            ``(rows, outputs)``.
        seconds: Wall-clock time of the training.
        engine_reason: Why this engine trained it.
        load_network: Returns the kept network.
        save_network: Writes the kept network as a ``.keras`` file without building it; ``None``
            if the engine cannot.
        versions: Versions of the packages it was trained with.
        diagnostics: One row per measured epoch (0 is before training) and layer: ``epoch``,
            ``layer``, the figures of :class:`~.layer_measurements.Measurement`, and
            ``update_ratio``, the norm of the kernel's change per epoch relative to the kernel's;
            ``None`` if nothing was measured.
        replaces: Whether it takes the place of a stored trial with the same id.
    """

    trial: Trial
    status: Status
    history: pd.DataFrame
    best_epoch: int
    outputs: NDArray[np.float32]
    seconds: float
    engine: str
    engine_reason: str
    load_network: Callable[[], keras.Model] = field(repr=False, compare=False)
    versions: dict[str, str] = field(default_factory=dict)
    save_network: Callable[[Path], None] | None = field(default=None, repr=False, compare=False)
    diagnostics: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    replaces: bool = field(default=False, repr=False, compare=False)

    def of(self, trial: Trial) -> TrialResult:
        """Return the result under the names of another trial with the same id."""
        measured, new = self.diagnostics, [layer.name for layer in trial.network.layers]
        old = [layer.name for layer in self.trial.network.layers]
        if measured is not None and old != new:
            names = dict(zip(old, new, strict=True))
            layers = [names.get(each, each) for each in measured["layer"]]
            measured = measured.assign(layer=layers)
        return replace(self, trial=trial, diagnostics=measured)

    @property
    def is_diverged(self) -> bool:
        """Whether the loss was not finite at some epoch."""
        return self.status == "diverged"

    @property
    def keeps_network(self) -> bool:
        """Whether there is a network to load."""
        return self.save_network is not None or self.load_network is not no_network

    def discard_network(self) -> TrialResult:
        """Return the result without weights, as it is stored where these are never served."""
        return replace(self, load_network=no_network, save_network=None)

    def with_results_of(self, known: TrialResult) -> TrialResult:
        """Return the results of an earlier training of the trial with this one's network."""
        return replace(known, load_network=self.load_network, save_network=self.save_network)

    def without_network(self) -> TrialResult:
        """Return the result without weights and outputs, to save memory."""
        return replace(self.discard_network(), outputs=self.outputs[:0])

    def with_weights(self, weights: Sequence[NDArray[Any]]) -> TrialResult:
        """Return the result with the network that has these weights, in the order of Keras."""
        kept = _KeptNetwork(self.trial, weights)
        return replace(self, load_network=kept.load, save_network=kept.save)

    @cached_property
    def kept(self) -> dict[str, float]:
        """The history's row of the epoch whose weights were kept; empty if none was."""
        columns = {str(name): self.history[name].to_numpy() for name in self.history}
        at = np.flatnonzero(columns["epoch"] == self.best_epoch)
        return {name: float(values[at[0]]) for name, values in columns.items()} if len(at) else {}

    @property
    def score(self) -> float:
        """The objective on the validation rows at the kept epoch; NaN if none was kept."""
        return self.kept.get(objective_of(self.trial.task).validation_metric, float("nan"))

    @property
    def checkpoint_name(self) -> str:
        """File name of the kept network, from the pattern in ``callbacks.checkpoint``."""
        unknown: dict[str, Any] = dict.fromkeys(CHECKPOINT_FIELDS, float("nan"))
        fields = unknown | self.kept | {"epoch": self.best_epoch}
        return self.trial.callbacks.checkpoint.filename.format(**fields) + ".keras"


@dataclass(frozen=True)
class _KeptNetwork:
    """A trial's network as its weights, which can be pickled, unlike a Keras model."""

    trial: Trial
    weights: Sequence[NDArray[Any]]

    def load(self) -> keras.Model:
        network = build_network(self.trial.network, self.trial.seed, self.trial.precision)
        network.set_weights(self.weights)
        return network

    def save(self, path: Path) -> None:
        network_file(self.trial.network, self.trial.precision).write(path, self.weights)


def no_network() -> keras.Model:
    """Stand for the network of a result that was returned without it."""
    raise RuntimeError(
        "this result has no network: the trial store keeps those of the finals without folds, and "
        "those that are served"
    )


@dataclass(frozen=True)
class TrialReport:
    """A finished trial, for tracking.

    Args:
        replicates: Number of trials of its combination, after which the combination's run ends;
            ``None`` where that is not known before the sweep ends.
        left: Number of trials of the sweep that are not finished yet; after the last one,
            tracking writes everything before the sweep goes on.
        stage: Whether the trial belongs to the screening or to the finals.
    """

    result: TrialResult
    replicates: int | None
    left: int = 0
    stage: Literal["screening", "finals"] = "finals"
