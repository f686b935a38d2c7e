"""Keras's own optimizers, updating a stack of networks at once, section by section."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.keras_names import optimizer_classes
from dnn_sweep.core.training.stacked.board import Section

_BASES = {each.__name__: each for each in keras.optimizers.Optimizer.__mro__}
_SHARED, _TENSORFLOWS = _BASES["BaseOptimizer"], _BASES["TFOptimizer"]


class _Stateless(keras.optimizers.Optimizer):
    """Keras's optimizer as all backends share it.

    TensorFlow's backend replaces some methods by others for several devices, which write to
    TensorFlow's variables; here the state is passed in and out. Below, they are put back.
    """


for _name in vars(_TENSORFLOWS):
    if not _name.startswith("__") and _name in vars(_SHARED):
        setattr(_Stateless, _name, getattr(_SHARED, _name))


def _for_a_stack(optimizer: type[keras.Optimizer]) -> type[keras.Optimizer]:
    """Keras's optimizer, with norms taken over each network instead of the whole stack."""

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


class SectionOptimizer:
    """One Keras optimizer for the ``seats`` networks of a section, as a function of its state.

    Every weight has a leading axis for the network, a bias is ``[seats, 1, units]``, and each
    number that is a trial's own is ``[seats, 1, 1]``: the updates are elementwise, so NumPy's
    rules of broadcasting give each network what is its own.

    Args:
        section: Names the optimizer, and those of its arguments that each trial has its own
            value of.
        shapes: The weights' shapes without the leading axis.
        seats: Number of networks.

    Attributes:
        fresh_slots: What the slots hold before the first step, with the leading axis; all
            networks' are alike.
    """

    def __init__(self, section: Section, shapes: Sequence[tuple[int, ...]], seats: int) -> None:
        self._scalars = section.scalars
        self._rate: Any = None
        trial = section.example
        chosen = _for_a_stack(optimizer_classes()[trial.optimizer_class])
        self._optimizer = chosen(learning_rate=lambda: self._rate, **trial.optimizer_arguments)
        self._weights = [keras.Variable(np.zeros((seats, *shape), np.float32)) for shape in shapes]
        self._optimizer.build(self._weights)
        own: dict[int, keras.Variable] = {}
        for name, value in list(vars(self._optimizer).items()):
            # The count of steps and the like: each trial's own, since it may have begun later.
            if isinstance(value, keras.Variable) and value.shape == ():
                start = np.full((seats, 1, 1), np.asarray(value))
                own[id(value)] = keras.Variable(start, dtype=value.dtype)
                object.__setattr__(self._optimizer, name, own[id(value)])
        self._slots = [own.get(id(each), each) for each in self._optimizer.variables]
        self.fresh_slots = tuple(tf.constant(np.asarray(slot)) for slot in self._slots)

    def apply(
        self,
        weights: Sequence[tf.Tensor],
        slots: Sequence[tf.Tensor],
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor,
        scalars: Sequence[tf.Tensor],
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Take one step with Keras's code.

        Args:
            weights: As ``shapes``, with the leading axis.
            slots: The optimizer's state, first as in ``fresh_slots``.
            gradients: One a weight.
            rate: Learning rates, ``[seats, 1, 1]``.
            scalars: The trials' own numbers, each ``[seats, 1, 1]``.

        Returns:
            Weights and slots after the step.
        """
        self._rate = rate
        for name, value in zip(self._scalars, scalars, strict=True):
            setattr(self._optimizer, name, value)
        state = [*zip(self._weights, weights, strict=True), *zip(self._slots, slots, strict=True)]
        with keras.StatelessScope(state_mapping=state) as scope:
            self._optimizer.apply(gradients, self._weights)
        return (
            [scope.get_current_value(each) for each in self._weights],
            [scope.get_current_value(each) for each in self._slots],
        )


class StackedOptimizer:
    """The optimizers of a whole stack, each of which updates its own section of it.

    Args:
        sections: From the first seats to the last; all have as many.
        shapes: The weights' shapes without the leading axis.
        seats: Number of networks in all.

    Attributes:
        fresh_slots: For each section what its slots hold before the first step.
    """

    def __init__(
        self, sections: Sequence[Section], shapes: Sequence[tuple[int, ...]], seats: int
    ) -> None:
        each = seats // len(sections)
        self._sections = [SectionOptimizer(section, shapes, each) for section in sections]
        self.fresh_slots = tuple(section.fresh_slots for section in self._sections)

    def apply(
        self,
        weights: Sequence[tf.Tensor],
        slots: Sequence[Sequence[tf.Tensor]],
        gradients: Sequence[tf.Tensor],
        rate: tf.Tensor,
        scalars: Sequence[Sequence[tf.Tensor]],
    ) -> tuple[list[tf.Tensor], list[list[tf.Tensor]]]:
        """Take one step; as :meth:`SectionOptimizer.apply`, slots and scalars by section."""
        count = len(self._sections)
        if count == 1:
            own, after = self._sections[0].apply(weights, slots[0], gradients, rate, scalars[0])
            return own, [after]
        divided = [
            zip(*(tf.split(each, count) for each in values), strict=True)
            for values in (weights, gradients)
        ]
        updated, slots_after = [], []
        for section, own_weights, own_slots, own_gradients, own_rate, own_scalars in zip(
            self._sections,
            divided[0],
            slots,
            divided[1],
            tf.split(rate, count),
            scalars,
            strict=True,
        ):
            own, after = section.apply(own_weights, own_slots, own_gradients, own_rate, own_scalars)
            updated.append(own)
            slots_after.append(after)
        return [tf.concat(parts, 0) for parts in zip(*updated, strict=True)], slots_after
