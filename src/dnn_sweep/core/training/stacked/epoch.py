"""The epoch program: a compiled function that trains a stack for an epoch and validates it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.weight_layout import weight_layout
from dnn_sweep.core.training.stacked.forward import (
    LaneSettings,
    StackedNetwork,
    Tensors,
    TrainingBatch,
)
from dnn_sweep.core.training.stacked.layout import stacked_shape
from dnn_sweep.core.training.stacked.optimizer import StackedOptimizer
from dnn_sweep.core.training.stacked.rows import Rows
from dnn_sweep.core.training.stacked.spec import ProgramSpec

Floats = NDArray[np.float32]


class State(NamedTuple):
    """What an epoch changes; each tensor has a leading axis for the lane."""

    weights: Tensors  # in the order of Keras, of the shapes that ``stacked_shape`` gives
    slots: tuple[Tensors, ...]  # the optimizers' state, by block


def row_scores(
    network: Network, logits: tf.Tensor, targets: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Compute the outputs, and each row's loss and metric, with Keras's functions for one network.

    Logits and outputs are ``[lanes, rows, outputs]``, losses and metrics ``[lanes, rows]``; targets
    are as the loss takes them, with a leading axis for the lane.
    """
    # Keras finds the logits behind these outputs and takes the loss from them.
    outputs = keras.activations.get(network.output_activation)(
        tf.reshape(logits, (-1, network.outputs))
    )
    flat = tf.reshape(targets, (-1, *targets.shape[2:]))
    losses = keras.losses.get(network.loss)(flat, outputs)
    metrics = tf.cast(_metric_function(network)(flat, outputs), tf.float32)
    each = logits.shape[:2]
    return tf.reshape(outputs, logits.shape), tf.reshape(losses, each), tf.reshape(metrics, each)


def _metric_function(network: Network) -> Any:
    """Choose the metric's function as Keras's ``compile`` chooses it for ``accuracy``."""
    if network.metric != "accuracy":
        return keras.losses.get(network.metric)
    if network.outputs == 1:
        return keras.metrics.binary_accuracy
    one_hot = network.loss == "categorical_crossentropy"
    return getattr(keras.metrics, f"{'' if one_hot else 'sparse_'}categorical_accuracy")


class EpochProgram:
    """Trains ``lanes`` networks of one shape for an epoch and validates them."""

    def __init__(self, spec: ProgramSpec, lanes: int, rows: Rows) -> None:
        self.spec, self.lanes, self.rows = spec, lanes, rows
        self._network = spec.model.network
        self._layout = weight_layout(self._network)
        self._stack = StackedNetwork(spec)
        shapes = [stacked_shape(each, 1)[1:] for each in self._layout if each.trainable]
        self._optimizer = StackedOptimizer(spec.optimizers, shapes, lanes)
        self._batch = spec.model.batch_size
        self.steps = -(-rows.training // self._batch)
        self._function = tf.function(self._train_and_validate, jit_compile=True, autograph=False)

    def initial_state(self) -> State:
        """A state in which no lane has been taken: weights of 0, optimizers before any step."""
        weights = tuple(tf.zeros(stacked_shape(each, self.lanes)) for each in self._layout)
        return State(weights, self._optimizer.fresh_slots)

    def compile(self) -> None:
        """Compile, by running the program for no step and no row."""
        lanes, layers = self.lanes, len(self._network.hidden)
        block = lanes // len(self.spec.optimizers)
        whole, real = tf.zeros((lanes, layers), tf.int32), tf.zeros((lanes, layers))
        arguments = tuple(
            tuple(tf.zeros((block, 1, 1), each.dtype) for _ in each.per_lane)
            for each in self.spec.optimizers
        )
        self.run(
            self.initial_state(),
            np.zeros((lanes, self.rows.training), np.int32),
            np.zeros((lanes, self.steps), np.float32),
            np.zeros(lanes, np.int32),
            LaneSettings(whole, real, whole, real, whole, arguments, tf.zeros(lanes, tf.int32)),
            compile_only=True,
        )

    def run(
        self,
        state: State,
        orders: NDArray[np.int32],
        rates: Floats,
        taken: NDArray[np.int32],
        settings: LaneSettings,
        *,
        compile_only: bool = False,
    ) -> tuple[State, dict[str, Floats], tf.Tensor]:
        """Train for an epoch, then validate; or only compile, by taking no step and no row.

        Each lane has its order of the training rows, ``[lanes, rows]``, its learning rate at each
        step, ``[lanes, steps]``, and the number of steps that it has taken before, ``[lanes]``.

        Returns:
            The state; loss and metric, ``[lanes]``, over the training rows while training and over
            the validation rows after it; outputs on the latter, ``[lanes, rows, outputs]``, which
            stay on the device.
        """
        missing = self.steps * self._batch - self.rows.training
        filled = np.pad(orders, ((0, 0), (0, missing)))
        steps, batches = (0, 0) if compile_only else (self.steps, self.rows.validation_batches)
        arrays = map(tf.constant, (filled, rates, taken, steps, batches))
        after, sums, outputs = self._function(state, *arrays, settings)
        loss, metric, val_loss, val_metric, penalties = sums.numpy()
        # Divided here: XLA would multiply by a reciprocal, and 26 of 40 be another float32 than in
        # Keras, which decides whether an epoch counts as better.
        training, validation = self.rows.counts(settings.folds.numpy())
        name = self._network.metric
        means = {
            name: metric / training,
            "loss": loss / training,
            f"val_{name}": val_metric / validation,
            "val_loss": val_loss / validation + penalties,
        }
        return after, means, outputs

    def _train_and_validate(
        self,
        state: State,
        orders: tf.Tensor,
        rates: tf.Tensor,
        taken: tf.Tensor,
        steps: tf.Tensor,
        batches: tf.Tensor,
        settings: LaneSettings,
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        def step(at: tf.Tensor, state: State, loss: tf.Tensor, metric: tf.Tensor) -> Any:
            positions = tf.slice(orders, [0, at * self._batch], [self.lanes, self._batch])
            rate = tf.slice(rates, [0, at], [self.lanes, 1])[:, :, tf.newaxis]
            mask = self.rows.mask(at, self._batch, settings.folds)
            batch = TrainingBatch(mask, taken + at)
            after, new_loss, new_metric = self._train_step(state, positions, rate, batch, settings)
            if self.rows.uneven(self._batch):  # some lanes have had all of their rows
                after = _where(tf.reduce_any(mask > 0, axis=1), after, state)
            return at + 1, after, loss + new_loss, metric + new_metric

        nothing = tf.zeros(self.lanes)
        _, state, loss, metric = tf.while_loop(
            lambda at, *_: at < steps, step, (0, state, nothing, nothing)
        )
        validated, outputs = self._validate(state.weights, settings, batches)
        return state, tf.stack([loss, metric, *validated]), outputs

    def _train_step(
        self,
        state: State,
        positions: tf.Tensor,
        rate: tf.Tensor,
        batch: TrainingBatch,
        settings: LaneSettings,
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        """One step of every network; loss and metric come summed over the batch's rows."""
        x, y, loss_weights = self.rows.batch(positions)
        count = tf.maximum(tf.reduce_sum(batch.mask, axis=-1), 1.0)
        trainable = self._trainable(state.weights)
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            logits, averages = self._stack.logits(state.weights, settings, x, batch)
            _, losses, metrics = row_scores(self._network, logits, y)
            # Rows that only fill up the last batch must not count, whatever their loss.
            losses = tf.where(batch.mask > 0, losses * loss_weights, 0.0)
            loss = tf.reduce_sum(losses, axis=1) / count
            loss += self._stack.penalties(state.weights, settings)
            # A network's loss depends on its own weights alone, so the sum's gradient is each's.
            total = tf.reduce_sum(loss)
        gradients = tape.gradient(total, trainable)
        updated, slots = self._optimizer.apply(
            trainable, state.slots, gradients, rate, settings.arguments
        )
        new, moving = iter(updated), iter(averages)
        weights = tuple(next(new if each.trainable else moving) for each in self._layout)
        return State(weights, slots), loss * count, tf.reduce_sum(metrics * batch.mask, axis=1)

    def _validate(
        self, weights: Tensors, settings: LaneSettings, batches: tf.Tensor
    ) -> tuple[Tensors, tf.Tensor]:
        """Sums over the rows of loss and metric, with the penalties; and the outputs."""
        rows, lanes, units = self.rows, self.lanes, self._network.outputs
        shape = (lanes, rows.validation_batch, units)
        collected = tf.TensorArray(tf.float32, rows.validation_batches, element_shape=shape)

        def step(at: tf.Tensor, loss: tf.Tensor, metric: tf.Tensor, collected: Any) -> Any:
            x, y, mask = rows.validation_at(at, lanes, settings.folds)
            logits, _ = self._stack.logits(weights, settings, x)
            outputs, losses, metrics = row_scores(self._network, logits, y)
            loss += tf.reduce_sum(tf.where(mask > 0, losses, 0.0), axis=1)
            metric += tf.reduce_sum(metrics * mask, axis=1)
            return at + 1, loss, metric, collected.write(at, outputs)

        nothing = tf.zeros(lanes)
        _, loss, metric, collected = tf.while_loop(
            lambda at, *_: at < batches, step, (0, nothing, nothing, collected)
        )
        outputs = tf.reshape(tf.transpose(collected.stack(), (1, 0, 2, 3)), (lanes, -1, units))
        penalties = self._stack.penalties(weights, settings)
        return (loss, metric, penalties), outputs[:, : rows.validated]

    def _trainable(self, weights: Tensors) -> list[tf.Tensor]:
        return [w for w, each in zip(weights, self._layout, strict=True) if each.trainable]


def _where(active: tf.Tensor, after: State, before: State) -> State:
    """Take the state after a step in active lanes, ``[lanes]``, and before it in the others."""

    def chosen(mask: tf.Tensor, new: Tensors, old: Tensors) -> Tensors:
        shaped = [tf.reshape(mask, [-1] + [1] * (len(each.shape) - 1)) for each in new]
        return tuple(map(tf.where, shaped, new, old))

    masks = tf.split(active, len(after.slots))
    slots = tuple(map(chosen, masks, after.slots, before.slots))
    return State(chosen(active, after.weights, before.weights), slots)
