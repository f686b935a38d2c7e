"""Different activations within one program: which one applies is data."""

from collections.abc import Callable, Sequence

from dnn_sweep.core.lazy import keras, tf

Activation = Callable[[tf.Tensor], tf.Tensor]

_SMALLEST = 2.0**-126  # the smallest number of float32 and of bfloat16 that is not flushed to 0


class StackedActivations:
    """Applies to each network of a stack the activation that is its own.

    A *uniform* stack has one activation in a layer, though not the same in every cohort: the
    program branches, and runs that one only. A *mixed* stack has several: all are computed and
    each network takes its own, which suits a GPU, and stacks of few networks.

    Args:
        names: Keras activations that occur in the trials, in a fixed order.
        mixed: Which of the two.
    """

    def __init__(self, names: Sequence[str], mixed: bool) -> None:
        self._functions = [_function(name) for name in names]
        self._apply = self._select if mixed else self._branch

    def __call__(self, values: tf.Tensor, which: tf.Tensor) -> tf.Tensor:
        """Activate one layer.

        Args:
            values: ``[seats, rows, units]``.
            which: Positions in ``names``, int32 of shape ``[seats]``; of a uniform stack the
                first counts.

        Returns:
            As ``values``.
        """
        if len(self._functions) == 1:
            return self._functions[0](values)

        # With a gradient of its own, so that only the input is kept for the way back.
        @tf.custom_gradient
        def activate(z: tf.Tensor) -> tuple[tf.Tensor, Activation]:
            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                return self._apply(which, [_derivative(f, z, upstream) for f in self._functions])

            return self._apply(which, [_value(f, z) for f in self._functions]), gradient

        return activate(values)

    @staticmethod
    def _branch(which: tf.Tensor, results: Sequence[Callable[[], tf.Tensor]]) -> tf.Tensor:
        return tf.switch_case(which[0], results)

    @staticmethod
    def _select(which: tf.Tensor, results: Sequence[Callable[[], tf.Tensor]]) -> tf.Tensor:
        # What is not selected may be infinite or not a number: `where` keeps it out.
        selected = results[0]()
        for position, result in enumerate(results[1:], start=1):
            selected = tf.where((which == position)[:, tf.newaxis, tf.newaxis], result(), selected)
        return selected


def _function(name: str) -> Activation:
    function: Activation = keras.activations.get(name)
    if name != "selu":
        return function
    # At exactly 0 (the bias of a row that dropout emptied) XLA takes SELU's slope from the left,
    # TensorFlow's kernel from the right, where it is 1.05 instead of 1.76.
    return lambda z: function(z + tf.where(z == 0, z.dtype.as_numpy_dtype(_SMALLEST), 0))


def _value(function: Activation, z: tf.Tensor) -> Callable[[], tf.Tensor]:
    return lambda: function(z)


def _derivative(function: Activation, z: tf.Tensor, upstream: tf.Tensor) -> Callable[[], tf.Tensor]:
    def differentiate() -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = function(z)
        return tape.gradient(value, z, output_gradients=upstream)

    return differentiate
