"""What is served: one network, or several whose mean answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult


@dataclass(frozen=True)
class ServedNetworks:
    """The trained networks whose mean is served, in the order of their seeds in the plan."""

    members: tuple[TrialResult, ...]

    @classmethod
    def of(cls, plan: TrialPlan, results: Mapping[str, TrialResult]) -> ServedNetworks:
        """Look up the networks of a plan, without those that diverged.

        Raises:
            SweepError: If a trial has not been trained, or all of them diverged.
        """
        if missing := sum(trial.id not in results for trial in plan.trials):
            raise SweepError(
                f"{missing} of the {len(plan.trials)} networks that are to be served have not "
                "been trained; run the evaluation pipeline first"
            )
        found = [results[trial.id].of(trial) for trial in plan.trials]
        members = tuple(each for each in found if each.status == "completed")
        if not members:
            raise SweepError(
                "every network that was trained anew on more rows diverged; lower the learning "
                "rates, or, without folds, set registration.champion: ensemble to serve the "
                "networks of the sweep"
            )
        return cls(members)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Their seeds."""
        return tuple(each.trial.seed for each in self.members)

    def load_network(self) -> keras.Model:
        """Return the one network, or the model of all and their mean."""
        return join_networks({f"seed_{r.trial.seed}": r.load_network() for r in self.members})


def join_networks(networks: Mapping[str, keras.Model]) -> keras.Model:
    """Join networks of one input into a model of their mean output; a single one stays as it is.

    The mean is taken of what the output layers return: probabilities, or the standardised target.

    Args:
        networks: The networks by the names that they get in the model.
    """
    for name, network in networks.items():
        network.name = name  # distinct, as Keras demands of a model's layers
    first, *others = networks.values()
    if not others:
        return first
    features = keras.Input(first.input_shape[1:], name="features")
    outputs = [network(features) for network in (first, *others)]
    mean = keras.layers.Average(dtype="float32", name="mean")(outputs)
    return keras.Model(features, mean, name="mean_of_networks")


def mean_outputs(outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Mean of several networks' outputs on the same rows, shape ``(rows, outputs)``."""
    return np.asarray(np.mean(outputs, axis=0), np.float32)
