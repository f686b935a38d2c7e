"""The settings of lanes, read from the trials that they hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dnn_sweep.core.lazy import tf
from dnn_sweep.core.networks.body import Layer
from dnn_sweep.core.networks.build_body import derived_seed
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.stacked.forward import LaneSettings, Tensors
from dnn_sweep.core.training.stacked.spec import OptimizerSpec, ProgramSpec, lane_arguments


def read_settings(spec: ProgramSpec, trials: Sequence[Trial]) -> LaneSettings:
    """Read what a program is told of each lane's trial."""
    layers, names = len(spec.model.network.hidden), spec.activations
    size = len(trials) // len(spec.optimizers)

    def per_layer(value: Callable[[Trial, int, Layer], float], dtype: str) -> tf.Tensor:
        """A value of each lane and layer, 0 for layers that its network has not."""
        own = [
            [value(trial, *each) for each in enumerate(trial.network.hidden)] for trial in trials
        ]
        return tf.constant([each + [0] * (layers - len(each)) for each in own], dtype)

    def arguments(optimizer: OptimizerSpec, block: Sequence[Trial]) -> Tensors:
        own = list(map(lane_arguments, block))
        return tuple(
            tf.constant([[[each.get(name, 0.5)]] for each in own], optimizer.dtype)
            for name in optimizer.per_lane
        )

    return LaneSettings(
        activations=per_layer(lambda _, at, layer: names.index(layer.activation), "int32"),
        dropout_rates=per_layer(lambda _, at, layer: layer.dropout, "float32"),
        dropout_seeds=per_layer(
            lambda trial, at, _: derived_seed(trial.seed, at, "dropout"), "int32"
        ),
        l2=per_layer(lambda _, at, layer: layer.l2, "float32"),
        units=per_layer(lambda _, at, layer: layer.units, "int32"),
        arguments=tuple(
            arguments(each, trials[at * size : (at + 1) * size])
            for at, each in enumerate(spec.optimizers)
        ),
        folds=tf.constant([trial.fold or 0 for trial in trials], tf.int32),
    )
