"""A trial in its lane: Keras's callbacks decide about it after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.callback_state import read_callbacks, restore_callbacks
from dnn_sweep.core.training.callbacks import build_callbacks
from dnn_sweep.core.training.checkpoints import State, numbered
from dnn_sweep.core.training.epoch_objective import EpochObjective
from dnn_sweep.core.training.layer_log import LayerLog
from dnn_sweep.core.training.layer_measurements import Measurement
from dnn_sweep.core.training.optimizers import learning_rate_schedule
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import LoggingParameters


@dataclass
class Replay:
    """Epochs of a trial that an earlier run has trained, and that are not trained again.

    The trial takes up its lane for so many epochs all the same. A cohort then moves to a smaller
    program at the epoch at which it would have without the interruption: sums are taken in another
    order there.

    Args:
        trial: The trial.
        epochs: How many of its epochs are known.
        then: Builds the lane in which it goes on; ``None`` if it is finished.
    """

    trial: Trial
    epochs: int
    then: Callable[[], Lane] | None = None


class Lane:
    """Follows one trial and stops it when its callbacks say so.

    To Keras's callbacks the lane is the model: they set ``stop_training``, read and lower
    ``optimizer.learning_rate``, and ask for weights, which the cohort copies from the device only
    after an epoch that is to be kept. ``layers`` collects the trial's diagnostics, if any. Where
    there is a state to go on from, ``resumed`` is that. ``objective`` is what its callbacks watch
    beside Keras's metrics, if anything.
    """

    def __init__(
        self,
        trial: Trial,
        steps: int,
        progress: TrainingProgress,
        logs: LoggingParameters,
        layers: LayerLog | None = None,
        resumed: State | None = None,
        objective: EpochObjective | None = None,
    ) -> None:
        self.trial, self.layers, self.resumed = trial, layers, resumed
        self.objective = objective
        self.epoch, self.seconds, self.stop_training = 0, 0.0, False
        self._steps = steps
        self._schedule = _scheduled_rates(trial, trial.epochs * steps) if trial.schedule else None
        self.optimizer = SimpleNamespace(learning_rate=np.float32(trial.learning_rate))
        self._weights: Sequence[NDArray[Any]] = ()
        self._outputs: NDArray[np.float32] = np.empty((0, 0), np.float32)
        self._callbacks = build_callbacks(trial, progress, logs, lambda: self.seconds, resumed)
        for each in self._callbacks.in_order:
            each.set_params({"epochs": trial.epochs, "steps": steps, "verbose": 0})
            each.set_model(self)
        self._call_back(lambda each: each.on_train_begin())
        if resumed:
            self._restore(resumed)

    @property
    def taken(self) -> int:
        """Steps taken so far."""
        return self.epoch * self._steps

    @property
    def rates(self) -> NDArray[np.float32]:
        """Learning rate at each step of the coming epoch, ``[steps]``."""
        if self._schedule is None:
            return np.full(self._steps, self.optimizer.learning_rate, dtype=np.float32)
        return self._schedule[self.taken : self.taken + self._steps]

    @property
    def is_finished(self) -> bool:
        """Whether the trial has been stopped or has had all of its epochs."""
        return self.stop_training or self.epoch >= self.trial.epochs

    @property
    def is_due(self) -> bool:
        """Whether the layers are to be measured as they are now."""
        return self.layers is not None and self.layers.is_due(self.epoch, last=self.is_finished)

    def begin_epoch(self) -> None:
        """Let the callbacks begin an epoch."""
        self._call_back(lambda each: each.on_epoch_begin(self.epoch))

    def end_epoch(self, seconds: float, logs: dict[str, float]) -> bool:
        """Let the callbacks decide; return whether the network is to be kept as it is now.

        ``seconds`` is the trial's share of the cohort's time, ``logs`` has the epoch's metrics.
        """
        self.seconds += seconds
        done, self.epoch = self.epoch, self.epoch + 1
        if self._schedule is not None:
            self.optimizer.learning_rate = self._schedule[self.taken]
        self._call_back(lambda each: each.on_train_batch_end(self._steps - 1, dict(logs)))
        logs = dict(logs)  # to which a callback may add, as under Keras's ``fit``
        self._call_back(lambda each: each.on_epoch_end(done, logs))
        keeper = self._callbacks.keeper
        return self.is_finished if keeper is None else keeper.best_epoch == done

    def keep(self, weights: Sequence[NDArray[Any]], outputs: NDArray[np.float32]) -> None:
        """Keep weights, in the order of Keras, and outputs on the validation rows."""
        self._weights, self._outputs = weights, outputs

    def record(self, weights: Sequence[NDArray[Any]], figures: Measurement) -> None:
        """Record the layers as measured now."""
        if self.layers:
            self.layers.add(self.epoch, weights, figures)

    def state(self, weights: Sequence[NDArray[Any]], slots: Sequence[NDArray[Any]]) -> State:
        """What the training goes on from; weights and slots as the cohort holds them."""
        note, arrays = read_callbacks(self._callbacks)
        note["learning_rate"] = float(self.optimizer.learning_rate)
        arrays |= numbered("weights", weights) | numbered("slots", slots)
        arrays |= numbered("kept", self._weights) | {"outputs": self._outputs}
        arrays |= self.layers.state() if self.layers else {}
        return State(self.epoch, self.seconds, note, arrays)

    def _restore(self, state: State) -> None:
        self.epoch, self.seconds = state.epoch, state.seconds
        self.optimizer.learning_rate = state.note["learning_rate"]
        self._weights, self._outputs = state.listed("kept"), state.arrays["outputs"]
        restore_callbacks(self._callbacks, state)
        if self.layers:
            self.layers.restore(state)

    def result(self, **given: Any) -> TrialResult:
        """End the callbacks and build the result; ``given`` is for ``Callbacks.conclude``."""
        self._call_back(lambda each: each.on_train_end())
        given |= {"seconds": self.seconds, "layers": self.layers}
        return self._callbacks.conclude(self._outputs, **given).with_weights(self._weights)

    def get_weights(self) -> int:
        """What callbacks put aside: the epoch, since the cohort keeps its weights."""
        return self.epoch

    def set_weights(self, weights: int) -> None:
        """What callbacks restore at the end: nothing, since the result has what was kept."""

    def _call_back(self, event: Callable[[keras.callbacks.Callback], object]) -> None:
        for callback in self._callbacks.in_order:
            event(callback)


def _scheduled_rates(trial: Trial, steps: int) -> NDArray[np.float32]:
    """The learning rate before each step, and after the last one."""
    schedule: Any = learning_rate_schedule(trial)
    # One graph that calls the schedule with one step after another, as it expects.
    rates = tf.function(
        lambda: tf.map_fn(
            lambda step: tf.cast(schedule(step), tf.float32),
            tf.range(steps + 1),
            fn_output_signature=tf.float32,
        )
    )
    return np.asarray(rates())
