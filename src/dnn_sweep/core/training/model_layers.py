"""The layers of any Keras model, measured by running it.

Dense networks have :mod:`.layer_measurements`, which measures many of them together. This is for
all others: convolutions, recurrent layers, branches and networks of the user's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.networks.build import build_network, layers_within
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.training.layer_measurements import Measurement, activate, dead_share
from dnn_sweep.core.training.targets import loss_targets


class ModelLayers:
    """The layers of a network that have a kernel, in the order of the model.

    A unit of a convolution is a filter; it is dead if it is (almost) 0 at every pixel of every
    row. Of a recurrent layer only the gradients are measured, at its outputs.
    """

    def __init__(self, network: Network) -> None:
        self._network, self._model = network, build_network(network)
        self._layers = [each for each in layers_within(self._model) if _kernel_of(each) is not None]
        kernels = [_kernel_of(each) for each in self._layers]
        at = {id(weight): position for position, weight in enumerate(self._model.weights)}
        self._at = [at[id(kernel)] for kernel in kernels]
        self.names = [each.name for each in self._layers]
        self._seen: dict[str, tuple[Any, Any]] = {}  # sums and outputs of each layer
        self._functions: dict[str, Callable[[Any], Any]] = {}  # activations by layer
        for layer in self._layers:
            self._watch(layer)

    def kernels(self, weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The kernel of each layer, among weights in the order of Keras."""
        return [weights[at] for at in self._at]

    def measure(
        self, weights: Sequence[NDArray[Any]], x: NDArray[np.float32], y: NDArray[np.generic]
    ) -> Measurement:
        """Measure the layers on some rows; the figures have shape ``(layers,)``."""
        self._model.set_weights(list(weights))
        kernels = [_kernel_of(each).value for each in self._layers]
        with tf.GradientTape() as tape:
            outputs = self._model(tf.constant(x), training=False)
            losses = keras.losses.get(self._network.loss)(loss_targets(y, self._network), outputs)
            loss = tf.reduce_mean(losses)
        sums = [self._seen[name][0] for name in self.names]
        slopes = [_norm(each) for each in tape.gradient(loss, [*kernels, *sums])]
        dead, flat = zip(*(self._shares(name) for name in self.names), strict=True)
        figures = Measurement(
            np.array(slopes[: len(kernels)]),
            # The gradient of a row's loss is so many times that of the mean.
            np.array(slopes[len(kernels) :]) * np.sqrt(len(x)),
            np.array([*dead[:-1], np.nan]),
            np.array([*flat[:-1], np.nan]),
        )
        usable = bool(np.isfinite(outputs).all())
        return Measurement(
            *(np.where(np.isfinite(each) & usable, each, np.nan) for each in figures)
        )

    def _watch(self, layer: keras.Layer) -> None:
        """Let a layer leave its sums and outputs in ``_seen`` whenever it is applied."""
        if _is_recurrent(layer):
            call = layer.call

            def watched_call(*given: Any, **named: Any) -> Any:
                outputs = call(*given, **named)
                self._seen[layer.name] = outputs, outputs
                return outputs

            layer.call = watched_call
            return
        function = self._functions[layer.name] = layer.activation

        def watched(z: tf.Tensor) -> tf.Tensor:
            outputs = function(z)
            self._seen[layer.name] = z, outputs
            return outputs

        layer.activation = watched

    def _shares(self, name: str) -> tuple[float, float]:
        """The shares of dead units and of flat sums."""
        if name not in self._functions:
            return np.nan, np.nan
        # As one network whose rows are the pixels or steps of all rows.
        z, outputs = (tf.reshape(each, (1, -1, each.shape[-1])) for each in self._seen[name])
        return float(dead_share(z, outputs)[0]), float(activate(self._functions[name], z)[1][0])


def _is_recurrent(layer: keras.Layer) -> bool:
    return hasattr(layer, "cell")


def _kernel_of(layer: keras.Layer) -> Any:
    """The variable of a layer's kernel, if it has one and an activation."""
    part = layer.cell if _is_recurrent(layer) else layer
    kernel = getattr(part, "kernel", None)
    return kernel if hasattr(part, "activation") else None


def _norm(values: tf.Tensor | None) -> float:
    return np.nan if values is None else float(np.linalg.norm(values))
