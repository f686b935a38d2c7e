"""A trial's diagnostics: its layers, measured at a few epochs on the same rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.networks.build import initial_weights
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.weight_layout import kernels_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import State, numbered
from dnn_sweep.core.training.layer_measurements import Measurement, layer_names, measure_layers
from dnn_sweep.core.training.model_layers import ModelLayers

PROBE_ROWS = 128  # one row then makes less than 1 % of a figure
PROBE_SEED = 0
_DUE = frozenset(4**power for power in range(16))


class Probe:
    """The probe batch: training rows, the same for every trial and epoch of a sweep."""

    def __init__(self, data: TrainingData) -> None:
        shuffled = np.random.default_rng(PROBE_SEED).permutation(len(data.x_train))
        rows = np.sort(shuffled[:PROBE_ROWS])
        self.x, self.y = data.x_train[rows], data.y_train[rows]
        self._initial: dict[tuple[Network, int], Measurement] = {}
        self._layers: dict[Network, ModelLayers] = {}

    def measure(self, network: Network, weights: Sequence[NDArray[Any]]) -> Measurement:
        """Measure networks that differ in nothing but their weights."""
        return measure_layers(network, weights, self.x, self.y)

    def measure_one(self, network: Network, weights: Sequence[NDArray[Any]]) -> Measurement:
        """Measure one network; the figures have shape ``(layers,)``."""
        if network.body:
            return self._layers_of(network).measure(weights, self.x, self.y)
        return self.measure(network, [each[np.newaxis] for each in weights]).of(0)

    def names(self, network: Network) -> list[str]:
        """Names of the measured layers, the output layer last."""
        return self._layers_of(network).names if network.body else layer_names(network)

    def kernels(self, network: Network, weights: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """The kernel of each measured layer, among weights in the order of Keras."""
        if network.body:
            return self._layers_of(network).kernels(weights)
        return kernels_of(network, weights)

    def initial(self, network: Network, seed: int) -> Measurement:
        """Measure a network before its first step, once for all trials that start from it."""
        key = network, seed
        if key not in self._initial:
            self._initial[key] = self.measure_one(network, initial_weights(network, seed))
        return self._initial[key]

    def _layers_of(self, network: Network) -> ModelLayers:
        if network not in self._layers:
            self._layers[network] = ModelLayers(network)
        return self._layers[network]


class LayerLog:
    """Collects one trial's diagnostics.

    Epochs 1, 4, 16 … and the last one are measured: early epochs decide most, and a long trial
    costs little more than a short one.
    """

    def __init__(self, trial: Trial, probe: Probe) -> None:
        self._network, self._probe = trial.network, probe
        self._kernels = probe.kernels(trial.network, initial_weights(trial.network, trial.seed))
        self._epochs = [0]
        self._figures = [probe.initial(trial.network, trial.seed)]
        self._ratios = [np.full(len(self._kernels), np.nan)]

    def is_due(self, epoch: int, *, last: bool) -> bool:
        """Whether an epoch (from 1) is to be measured."""
        return epoch > self._epochs[-1] and (last or epoch in _DUE)

    def add(self, epoch: int, weights: Sequence[NDArray[Any]], figures: Measurement) -> None:
        """Record a measurement, ``(layers,)``, after an epoch; the weights must not change."""
        kernels = self._probe.kernels(self._network, weights)
        moved = [_relative_change(*each) for each in zip(self._kernels, kernels, strict=True)]
        self._ratios.append(np.array(moved) / (epoch - self._epochs[-1]))
        self._figures.append(figures)
        self._epochs.append(epoch)
        self._kernels = kernels

    def measure(self, epoch: int, weights: Sequence[NDArray[Any]]) -> None:
        """Measure the network after an epoch, and record it."""
        self.add(epoch, weights, self._probe.measure_one(self._network, weights))

    def state(self) -> dict[str, NDArray[Any]]:
        """What was measured so far, and the kernels of the last time, as arrays by name."""
        figures = numbered("figures", map(np.stack, zip(*self._figures, strict=True)))
        measured = {"measured": np.array(self._epochs), "ratios": np.stack(self._ratios)}
        return measured | figures | numbered("kernels", self._kernels)

    def restore(self, state: State) -> None:
        """Go on from what :meth:`state` returned."""
        self._epochs = state.arrays["measured"].tolist()
        self._ratios = list(state.arrays["ratios"])
        self._figures = [Measurement(*each) for each in zip(*state.listed("figures"), strict=True)]
        self._kernels = state.listed("kernels")

    def table(self) -> pd.DataFrame:
        """One row per epoch and layer, as in ``TrialResult.diagnostics``."""
        names = self._probe.names(self._network)
        columns = zip(Measurement._fields, zip(*self._figures, strict=True), strict=True)
        return pd.DataFrame(
            {
                "epoch": np.repeat(self._epochs, len(names)),
                "layer": names * len(self._epochs),
                **{name: np.concatenate(values).astype(np.float64) for name, values in columns},
                "update_ratio": np.concatenate(self._ratios),
            }
        )


def _relative_change(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Norm of a kernel's change divided by its norm; NaN where that is 0 or not finite."""
    norm, change = float(np.linalg.norm(before)), float(np.linalg.norm(after - before))
    ratio = change / norm if norm else np.nan
    return ratio if np.isfinite(ratio) else np.nan
