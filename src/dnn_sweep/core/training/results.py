"""What a trial leaves behind, whichever engine trained it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.plan.trial import Trial

if TYPE_CHECKING:
    import keras

Status = Literal["completed", "diverged"]


@dataclass(frozen=True)
class TrialResult:
    """One trained trial.

    Args:
        trial: What was trained.
        status: ``diverged`` where the loss stopped being finite.
        history: One row an epoch: ``epoch`` (from 1), ``loss``, the metric, ``val_loss``, the
            metric on the validation rows, ``learning_rate``, ``seconds``. Mean absolute errors
            are in the target's own unit; losses are as trained.
        best_epoch: The epoch whose weights were kept, from 1.
        outputs: The kept network's outputs on the validation rows, float32 of shape
            ``(rows, outputs)``.
        seconds: Wall-clock time of the training.
        engine: Which engine trained it.
        engine_reason: Why that engine.
        load_network: Returns the kept network.
        save_network: Writes the kept network as a ``.keras`` file, for engines that can do so
            without building it; ``None`` where it is built and asked to save itself.
        versions: Versions of the packages it was trained with.
        diagnostics: One row a measured epoch (0 is before training) and layer: ``epoch``,
            ``layer``, ``weight_gradient_norm``, ``signal_gradient_norm``, ``dead_units``,
            ``saturated`` (see :class:`~dnn_sweep.core.training.layer_measurements.Measurement`) and
            ``update_ratio``, the change of the layer's kernel by its norm, an epoch; ``None``
            where nothing was measured.
    """

    trial: Trial
    status: Status
    history: pd.DataFrame
    best_epoch: int
    outputs: NDArray[np.float32]
    seconds: float
    engine: str
    engine_reason: str
    load_network: Callable[[], "keras.Model"] = field(repr=False, compare=False)
    versions: dict[str, str] = field(default_factory=dict)
    save_network: Callable[[Path], None] | None = field(default=None, repr=False, compare=False)
    diagnostics: pd.DataFrame | None = field(default=None, repr=False, compare=False)

    def of(self, trial: Trial) -> "TrialResult":
        """The same result under another plan's names; both trials have one id."""
        return replace(self, trial=trial)

    def without_network(self) -> "TrialResult":
        """The same result without its weights and outputs, for those who wait with it."""
        return replace(self, outputs=self.outputs[:0], load_network=_no_network, save_network=None)

    @cached_property
    def kept(self) -> dict[str, float]:
        """What the history says of the epoch whose weights were kept; nothing without one."""
        columns = {str(name): self.history[name].to_numpy() for name in self.history}
        at = np.flatnonzero(columns["epoch"] == self.best_epoch)
        return {name: float(values[at[0]]) for name, values in columns.items()} if len(at) else {}

    @property
    def checkpoint_name(self) -> str:
        """Name of the kept network's file, from the pattern in ``callbacks.checkpoint``."""
        fields: dict[str, Any] = dict.fromkeys(_CHECKPOINT_DEFAULTS, float("nan"))
        fields |= self.kept
        fields["epoch"] = self.best_epoch
        return self.trial.callbacks.checkpoint.filename.format(**fields) + ".keras"


def _no_network() -> "keras.Model":
    raise RuntimeError("this result was handed on without its network; the trial store has it")


_CHECKPOINT_DEFAULTS = ("loss", "accuracy", "mae", "val_loss", "val_accuracy", "val_mae")


@dataclass(frozen=True)
class TrialReport:
    """A finished trial on its way to the tracking server.

    Args:
        result: The trial.
        replicates: How many trials its combination has, so that its run can be closed.
        left: How many trials of the sweep are still to come; after the last one everything is
            to be written before the sweep goes on.
        stage: Whether it is one of the finals, or of the screening for their learning rates.
    """

    result: TrialResult
    replicates: int
    left: int = 0
    stage: Literal["screening", "finals"] = "finals"
