"""A trial's diagnostics: its layers, measured at a few epochs on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.build import initial_weights
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.networks.weight_layout import kernels_of
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.layer_measurements import Measurement, layer_names, measure_stack

PROBE_ROWS = 128  # one row then makes less than 1 % of a figure
PROBE_SEED = 0
_DUE = frozenset(4**power for power in range(16))


class Probe:
    """The probe batch: training rows, the same for every trial and epoch of a sweep.

    Args:
        data: Scaled rows.
    """

    def __init__(self, data: TrainingData) -> None:
        shuffled = np.random.default_rng(PROBE_SEED).permutation(len(data.x_train))
        rows = np.sort(shuffled[:PROBE_ROWS])
        self.x = data.x_train[rows]
        self.y = data.y_train[rows]
        self._initial: dict[tuple[Network, int], Measurement] = {}

    def measure(self, network: Network, weights: Sequence[NDArray[Any]]) -> Measurement:
        """Measure networks that differ in nothing but their weights."""
        return measure_stack(network, weights, self.x, self.y)

    def initial(self, network: Network, seed: int) -> Measurement:
        """Measure a network before its first step, once for all trials that start from it."""
        key = network, seed
        if key not in self._initial:
            weights = [each[np.newaxis] for each in initial_weights(network, seed)]
            self._initial[key] = self.measure(network, weights)
        return self._initial[key]


class LayerLog:
    """Collects one trial's diagnostics.

    Epochs 1, 4, 16 … and the last one are measured: early epochs decide most, and a long trial
    costs little more than a short one.

    Args:
        trial: The trial.
        probe: The rows to measure on.
    """

    def __init__(self, trial: Trial, probe: Probe) -> None:
        self._network = trial.network
        self._probe = probe
        self._kernels = kernels_of(trial.network, initial_weights(trial.network, trial.seed))
        self._epochs = [0]
        self._figures = [[each[0] for each in probe.initial(trial.network, trial.seed)]]
        self._ratios = [np.full(len(self._kernels), np.nan)]

    def is_due(self, epoch: int, *, last: bool) -> bool:
        """Whether an epoch (from 1) is to be measured."""
        return epoch > self._epochs[-1] and (last or epoch in _DUE)

    def add(
        self, epoch: int, weights: Sequence[NDArray[Any]], measured: Measurement, at: int = 0
    ) -> None:
        """Record the measurements after an epoch.

        Args:
            epoch: From 1.
            weights: This trial's, in the order of Keras; not changed afterwards.
            measured: Figures of one or more networks.
            at: Position of this trial among them.
        """
        kernels = kernels_of(self._network, weights)
        moved = [_relative_change(*each) for each in zip(self._kernels, kernels, strict=True)]
        self._ratios.append(np.array(moved) / (epoch - self._epochs[-1]))
        self._figures.append([each[at] for each in measured])
        self._epochs.append(epoch)
        self._kernels = kernels

    def measure(self, epoch: int, weights: Sequence[NDArray[Any]]) -> None:
        """Measure the network after an epoch and record it; see :meth:`add`."""
        measured = self._probe.measure(self._network, [each[np.newaxis] for each in weights])
        self.add(epoch, weights, measured)

    def table(self) -> pd.DataFrame:
        """One row per epoch and layer, as in ``TrialResult.diagnostics``."""
        names = layer_names(self._network)
        columns = zip(Measurement._fields, zip(*self._figures, strict=True), strict=True)
        return pd.DataFrame(
            {
                "epoch": np.repeat(self._epochs, len(names)),
                "layer": names * len(self._epochs),
                **{name: np.concatenate(values).astype(np.float64) for name, values in columns},
                "update_ratio": np.concatenate(self._ratios),
            }
        )


class LayerRecorder(keras.callbacks.Callback):
    """Fills a trial's log while ``model.fit`` trains it.

    It must come before the callbacks that restore other weights at the end of training.
    """

    def __init__(self, log: LayerLog) -> None:
        super().__init__()
        self._log = log
        self._epoch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measure the epochs that are due."""
        self._epoch = epoch + 1
        self._measure(last=False)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Measure the last epoch."""
        self._measure(last=True)

    def _measure(self, *, last: bool) -> None:
        if self._log.is_due(self._epoch, last=last):
            self._log.measure(self._epoch, self.model.get_weights())


def _relative_change(before: NDArray[Any], after: NDArray[Any]) -> float:
    """Norm of a kernel's change divided by its norm; NaN where that is 0 or not finite."""
    norm, change = float(np.linalg.norm(before)), float(np.linalg.norm(after - before))
    ratio = change / norm if norm else np.nan
    return ratio if np.isfinite(ratio) else np.nan
