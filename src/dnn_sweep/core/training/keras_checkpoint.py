"""The checkpoint of a trial under ``keras.Model.fit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dnn_sweep.core.lazy import keras
from dnn_sweep.core.training.callback_state import read_callbacks, restore_callbacks
from dnn_sweep.core.training.callbacks import Callbacks
from dnn_sweep.core.training.checkpoints import Checkpoint, State, Timer, numbered
from dnn_sweep.core.training.layer_log import LayerLog


class KerasCheckpoint(keras.callbacks.Callback):
    """Saves a training now and then, and lets it go on where it was saved.

    It must be the last callback: what the others do at the end of an epoch is saved, and what they
    forget at the beginning of a training is restored.

    Args:
        checkpoint: The trial's file.
        timer: Says when to save.
        callbacks: The other callbacks.
        layers: The measurements, if there are any.
        known: What to go on from; ``None`` to begin.
        seconds: Returns how long the trial has trained, earlier runs included.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        timer: Timer,
        callbacks: Callbacks,
        layers: LayerLog | None,
        known: State | None,
        seconds: Callable[[], float],
    ) -> None:
        super().__init__()
        self._checkpoint, self._timer, self._seconds = checkpoint, timer, seconds
        self._callbacks, self._layers, self._known = callbacks, layers, known

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore what is known."""
        if (known := self._known) is None:
            return
        for variable, value in zip(self._variables(), known.listed("variables"), strict=True):
            variable.assign(value)
        restore_callbacks(self._callbacks, known)
        if self._layers:
            self._layers.restore(known)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, if it is time and another epoch follows."""
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if last or not self._timer.is_due:
            return
        note, arrays = read_callbacks(self._callbacks)
        arrays |= numbered("variables", (each.numpy() for each in self._variables()))
        arrays |= self._layers.state() if self._layers else {}
        self._checkpoint.save(State(epoch + 1, self._seconds(), note, arrays))
        self._timer.restart()

    def _variables(self) -> list[keras.Variable]:
        """Weights and the states of random generators, then what the optimizer keeps."""
        optimizer = self.model.optimizer
        optimizer.build(self.model.trainable_variables)  # nothing where it is built
        return [*self.model.variables, *optimizer.variables]
