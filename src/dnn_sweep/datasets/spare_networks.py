"""Networks that are let go, since they would hardly ever be served."""

import logging
from pathlib import Path

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.formatting import count
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.trial_inventory import TRIALS, planned_elsewhere
from dnn_sweep.datasets.trial_store import TrialStoreDataset

logger = logging.getLogger(__name__)


class SpareNetworksDataset(WriteOnlyDataset[TrialPlan]):
    """Deletes the networks of trials from the trial store; all else of these trials stays.

    Trials that the plans of another experiment name keep their networks.

    Args:
        folder: The project's folder ``data``.
        experiment: Whose sweep lets them go.

    >>> SpareNetworksDataset("data", "digits").save(finals_plan)
    """

    folder: str
    experiment: str

    def state(self) -> State:
        """Nothing that changes: what is gone stays away, or is wanted again."""
        return {"spare_networks": None}

    def save(self, data: TrialPlan) -> None:
        """Let the networks of a plan go."""
        try:
            needed = planned_elsewhere(Path(self.folder), data, self.experiment)
        except SweepError as error:
            logger.warning("no network is let go: %s", error)
            return
        store = TrialStoreDataset(str(Path(self.folder, TRIALS)))
        released = store.release_networks(
            dict.fromkeys(trial.id for trial in data.trials if trial.id not in needed)
        )
        if released:
            logger.info(
                "%s of combinations far from the best let go (sweep.keep_networks)",
                count(released, "network"),
            )
