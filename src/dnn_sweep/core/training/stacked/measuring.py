"""Loss and metric of every row of every network, by Keras's functions for one network."""

from collections.abc import Callable

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.training.stacked.structure import Structure


class Measuring:
    """Applies the output's activation, the loss and the metric to a stack of networks.

    Args:
        structure: Names them.
    """

    def __init__(self, structure: Structure) -> None:
        self._outputs = structure.outputs
        self._activation = keras.activations.get(structure.output_activation)
        self._loss = keras.losses.get(structure.loss)
        self._metric = _metric_function(structure)

    def __call__(
        self, logits: tf.Tensor, targets: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Measure a batch.

        Args:
            logits: Before the output's activation, ``[seats, rows, outputs]``.
            targets: As the loss takes them, with a leading axis for the network.

        Returns:
            The outputs, and of each row the loss and the metric, ``[seats, rows]``.
        """
        each = logits.shape[:2]
        # Keras finds the logits behind these outputs and takes the loss from them.
        outputs = self._activation(tf.reshape(logits, (-1, self._outputs)))
        flat = tf.reshape(targets, (-1, *targets.shape[2:]))
        return (
            tf.reshape(outputs, logits.shape),
            tf.reshape(self._loss(flat, outputs), each),
            tf.reshape(tf.cast(self._metric(flat, outputs), tf.float32), each),
        )


def _metric_function(structure: Structure) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The function behind the metric, chosen as ``compile`` chooses it for ``accuracy``."""
    if structure.metric != "accuracy":
        return keras.losses.get(structure.metric)  # type: ignore[no-any-return]
    if structure.outputs == 1:
        return keras.metrics.binary_accuracy  # type: ignore[no-any-return]
    if structure.loss == "categorical_crossentropy":
        return keras.metrics.categorical_accuracy  # type: ignore[no-any-return]
    return keras.metrics.sparse_categorical_accuracy  # type: ignore[no-any-return]
