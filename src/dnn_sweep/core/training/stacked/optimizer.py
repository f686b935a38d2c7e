"""Keras's own optimizers, each updating its block of lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.keras_names import optimizer_classes
from dnn_sweep.core.training.stacked.forward import Tensors
from dnn_sweep.core.training.stacked.spec import OptimizerSpec

_BASES = {each.__name__: each for each in keras.optimizers.Optimizer.__mro__}


class _Stateless(keras.optimizers.Optimizer):
    """Keras's optimizer as all backends share it.

    TensorFlow's backend overrides some methods to write to TensorFlow's variables. Here the state
    is passed in and out, so the shared methods are put back below.
    """


for _name in vars(_BASES["TFOptimizer"]):
    if not _name.startswith("__") and _name in vars(_BASES["BaseOptimizer"]):
        setattr(_Stateless, _name, getattr(_BASES["BaseOptimizer"], _name))


def _for_a_stack(optimizer: type[keras.Optimizer]) -> type[keras.Optimizer]:
    """Take norms over each network instead of the whole stack."""

    class Stacked(optimizer, _Stateless):
        def _clip_by_norm(self, values: Any, axes: Any = None) -> Any:
            return super()._clip_by_norm(values, axes=(1, 2))

        def _clip_gradients(self, grads: list[Any]) -> list[Any]:
            limit = self.global_clipnorm
            if not limit:
                return list(super()._clip_gradients(grads))
            squares = [tf.reduce_sum(tf.square(each), axis=(1, 2), keepdims=True) for each in grads]
            norm = tf.sqrt(tf.add_n(squares))
            scale = limit * tf.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)  # NaN stays NaN
            return [each * scale for each in grads]

    return Stacked


class BlockOptimizer:
    """One Keras optimizer for a block of lanes, as a function of its state.

    Kernels are ``[lanes, inputs, units]``, other weights ``[lanes, 1, units]``, and a lane's own
    numbers ``[lanes, 1, 1]``. The updates are elementwise, so broadcasting gives each lane its own.

    Attributes:
        fresh_slots: The optimizer's state before the first step.
    """

    def __init__(self, spec: OptimizerSpec, shapes: Sequence[tuple[int, ...]], lanes: int) -> None:
        self._per_lane = spec.per_lane
        self._rate: Any = None
        any_value = dict.fromkeys(spec.per_lane, 0.5)  # each step sets the lanes' own
        self._optimizer = _for_a_stack(optimizer_classes()[spec.class_name])(
            learning_rate=lambda: self._rate, **dict(spec.arguments), **any_value
        )
        self._weights = [keras.Variable(np.zeros((lanes, *shape), np.float32)) for shape in shapes]
        self._optimizer.build(self._weights)
        own: dict[int, keras.Variable] = {}
        for name, value in list(vars(self._optimizer).items()):
            # The count of steps and other scalars are per lane: its trial may have begun later.
            if isinstance(value, keras.Variable) and value.shape == ():
                start = np.full((lanes, 1, 1), np.asarray(value))
                own[id(value)] = keras.Variable(start, dtype=value.dtype)
                object.__setattr__(self._optimizer, name, own[id(value)])
        self._slots = [own.get(id(each), each) for each in self._optimizer.variables]
        self.fresh_slots = tuple(tf.constant(np.asarray(slot)) for slot in self._slots)

    def apply(
        self,
        weights: Sequence[tf.Tensor],
        slots: Tensors,
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor,
        arguments: Tensors,
    ) -> tuple[list[tf.Tensor], Tensors]:
        """Take one step with Keras's code; return the trainable weights and slots after it.

        ``rate`` is ``[lanes, 1, 1]``; per-lane ``arguments`` are in the order of the spec.
        """
        self._rate = rate
        for name, value in zip(self._per_lane, arguments, strict=True):
            setattr(self._optimizer, name, value)
        state = [*zip(self._weights, weights, strict=True), *zip(self._slots, slots, strict=True)]
        with keras.StatelessScope(state_mapping=state) as scope:
            self._optimizer.apply(gradients, self._weights)
        return (
            [scope.get_current_value(each) for each in self._weights],
            tuple(scope.get_current_value(each) for each in self._slots),
        )


class StackedOptimizer:
    """The optimizers of a program, from the first block of lanes to the last, all equally large.

    ``shapes`` are those of the trainable weights, without the lane.
    """

    def __init__(
        self, specs: Sequence[OptimizerSpec], shapes: Sequence[tuple[int, ...]], lanes: int
    ) -> None:
        self._blocks = [BlockOptimizer(spec, shapes, lanes // len(specs)) for spec in specs]
        self.fresh_slots = tuple(block.fresh_slots for block in self._blocks)

    def apply(
        self,
        weights: Sequence[tf.Tensor],
        slots: Sequence[Tensors],
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor,
        arguments: Sequence[Tensors],
    ) -> tuple[list[tf.Tensor], tuple[Tensors, ...]]:
        """Take one step; as :meth:`BlockOptimizer.apply`, with slots and arguments by block."""
        divided = self._by_block(weights), slots, self._by_block(gradients)
        rates = tf.split(rate, len(self._blocks))
        updated = [
            block.apply(*parts)
            for block, *parts in zip(self._blocks, *divided, rates, arguments, strict=True)
        ]
        blocks, slots_after = zip(*updated, strict=True)
        return [tf.concat(parts, 0) for parts in zip(*blocks, strict=True)], slots_after

    def _by_block(self, values: Sequence[tf.Tensor]) -> list[tuple[tf.Tensor, ...]]:
        return list(zip(*(tf.split(each, len(self._blocks)) for each in values), strict=True))
