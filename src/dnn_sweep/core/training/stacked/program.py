"""One epoch of a stack of networks, as one compiled program."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import tf
from dnn_sweep.core.training.stacked.board import Group
from dnn_sweep.core.training.stacked.measuring import Measuring
from dnn_sweep.core.training.stacked.network import (
    Pass,
    Settings,
    StackedNetwork,
    kernel_positions,
    moving_shapes,
    weight_shapes,
)
from dnn_sweep.core.training.stacked.optimizer import StackedOptimizer
from dnn_sweep.core.training.stacked.rows import Rows

Tensors = tuple[tf.Tensor, ...]


class State(NamedTuple):
    """What training changes; each tensor has a leading axis for the network.

    Args:
        weights: As :func:`~dnn_sweep.core.training.stacked.network.weight_shapes` orders them.
        slots: The optimizers', by section; these have a leading axis for its seats.
        moving: The normalisations' moving means and variances.
    """

    weights: Tensors
    slots: tuple[Tensors, ...]
    moving: Tensors


class Program:
    """Trains ``seats`` networks of one structure for an epoch; compiled when first used.

    Args:
        group: What they share, and what may differ.
        seats: Number of networks; each section has as many.
        rows: The data.
    """

    def __init__(self, group: Group, seats: int, rows: Rows) -> None:
        self.seats = seats
        self._structure = structure = group.structure
        self._sections = group.sections
        self._rows = rows
        self._network = StackedNetwork(group)
        self._measure = Measuring(structure)
        self.optimizer = StackedOptimizer(group.sections, weight_shapes(structure), seats)
        self._kernels = kernel_positions(structure)
        self._epoch = tf.function(self._train_epoch, jit_compile=True, autograph=False)

    def compile(self) -> None:
        """Compile, by running the program for no step at all."""
        structure, seats = self._structure, self.seats
        each = seats // len(self._sections)
        state = State(
            tuple(tf.zeros((seats, *shape)) for shape in weight_shapes(structure)),
            self.optimizer.fresh_slots,
            tuple(tf.zeros((seats, *shape)) for shape in moving_shapes(structure)),
        )
        steps = -(-self._rows.training // self._batch)
        self.run(
            state,
            np.zeros((seats, self._rows.training), np.int32),
            np.zeros((seats, steps), np.float32),
            np.zeros(seats, np.int32),
            Settings.empty(seats, len(structure.hidden)),
            [
                (tf.zeros((each, 1, 1), section.structure.scalar_type),) * len(section.scalars)
                for section in self._sections
            ],
            compile_only=True,
        )

    def run(
        self,
        state: State,
        orders: NDArray[np.int32],
        rates: NDArray[np.float32],
        taken: NDArray[np.int32],
        settings: Settings,
        scalars: Sequence[Tensors],
        *,
        compile_only: bool = False,
    ) -> tuple[State, NDArray[np.float32], NDArray[np.float32]]:
        """Train for an epoch.

        Args:
            state: Before the epoch.
            orders: Each network's order of the training rows, ``[seats, rows]``.
            rates: Each network's learning rate at each step, ``[seats, steps]``.
            taken: Steps each network has taken before, ``[seats]``.
            settings: What else is each network's own.
            scalars: By section, the optimizer's numbers that are each network's own, of shape
                ``[seats of a section, 1, 1]`` and the structure's type.
            compile_only: Take no step; the first call then only compiles.

        Returns:
            The state after the epoch, and each network's mean loss and metric over the rows
            while it trained, ``[seats]``.
        """
        steps = 0 if compile_only else rates.shape[1]
        filled = np.pad(orders, ((0, 0), (0, rates.shape[1] * self._batch - orders.shape[1])))
        after, sums = self._epoch(
            state,
            tf.constant(filled),
            tf.constant(rates),
            tf.constant(taken),
            settings,
            tuple(scalars),
            tf.constant(steps),
        )
        # Divided here: the compiler would multiply by a reciprocal, and 26 of 40 be another
        # number than Keras's, which decides whether an epoch counts as better.
        loss, metric = sums.numpy() / np.float32(self._rows.training)
        return after, loss, metric

    def _train_epoch(
        self,
        state: State,
        orders: tf.Tensor,
        rates: tf.Tensor,
        taken: tf.Tensor,
        settings: Settings,
        scalars: tuple[Tensors, ...],
        steps: tf.Tensor,
    ) -> tuple[State, tf.Tensor]:
        nothing = tf.zeros(self.seats)

        def step(
            at: tf.Tensor, state: State, loss: tf.Tensor, metric: tf.Tensor
        ) -> tuple[tf.Tensor, State, tf.Tensor, tf.Tensor]:
            batch = tf.slice(orders, [0, at * self._batch], [self.seats, self._batch])
            rate = tf.slice(rates, [0, at], [self.seats, 1])[:, :, tf.newaxis]
            after, new_loss, new_metric = self._train_step(
                state, batch, at, rate, taken + at, settings, scalars
            )
            return at + 1, after, loss + new_loss, metric + new_metric

        _, state, loss, metric = tf.while_loop(
            lambda at, *_: at < steps, step, (0, state, nothing, nothing)
        )
        return state, tf.stack([loss, metric])

    def _train_step(
        self,
        state: State,
        batch: tf.Tensor,
        at: tf.Tensor,
        rate: tf.Tensor,
        taken: tf.Tensor,
        settings: Settings,
        scalars: tuple[Tensors, ...],
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        """One step of every network; loss and metric come summed over the batch's rows."""
        mask = self._rows.mask(at, self._batch)
        count = tf.reduce_sum(mask)
        x, y, row_weights = self._rows.batch(batch)
        training = Pass(mask=mask, steps=taken, moving=list(state.moving))
        with tf.GradientTape() as tape:
            tape.watch(state.weights)
            logits = self._network.logits(state.weights, state.moving, settings, x, training)
            _, losses, metrics = self._measure(logits, y)
            # Rows that only fill up the last batch must not count, whatever their loss.
            losses = tf.where(mask > 0, losses * row_weights, 0.0)
            loss = tf.reduce_sum(losses, axis=1) / count
            loss += self._network.penalties(state.weights, settings)
            # A network's loss depends on its own weights alone, so the sum's gradient is each's.
            total = tf.reduce_sum(loss)
        gradients, between = tape.gradient(total, (list(state.weights), training.between))
        self._wait_for_backward_pass(gradients, between)
        weights, slots = self.optimizer.apply(state.weights, state.slots, gradients, rate, scalars)
        after = State(tuple(weights), tuple(map(tuple, slots)), tuple(training.moving))
        return after, loss * count, tf.reduce_sum(metrics * mask, axis=1)

    def _wait_for_backward_pass(self, gradients: list[Any], between: Sequence[tf.Tensor]) -> None:
        """Let a kernel be updated in place.

        The backward pass reads a kernel after its gradient is there. As long as the compiler
        sees no order between that and the update, it copies every kernel in every step. So each
        kernel's gradient is made to depend on what the backward pass computed from the kernel;
        what is added is 0, or not a number where training has diverged anyway.
        """
        for position, gradient in zip(self._kernels[1:], between, strict=True):
            one = tf.cast(gradient[:, :1, :1], tf.float32)
            gradients[position] += tf.where(tf.math.is_nan(one), one, 0.0)

    @property
    def _batch(self) -> int:
        return self._structure.batch_size
