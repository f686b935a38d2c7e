"""What is registered already, so that nothing is registered twice."""

from mlflow import MlflowClient

from dnn_sweep.datasets.base import ReadOnlyDataset, State
from dnn_sweep.datasets.model_aliases import find_registered_model, state_of_registry
from dnn_sweep.datasets.registry_outage import REGISTRY_OUTAGE

DIGEST = "package_digest"  # the tag that says what a version is


class RegisteredPackagesDataset(ReadOnlyDataset[dict[str, str]]):
    """Reads the version of each package of a registered model by the package's digest.

    >>> list(RegisteredPackagesDataset("dnn_sweep_iris").load().values())
    ['1']
    """

    name: str

    def state(self) -> State | None:
        """The versions that hold an alias."""
        return state_of_registry(self.name)

    def load(self) -> dict[str, str]:
        """Ask the registry for all versions; earlier releases registered without a digest."""
        return REGISTRY_OUTAGE.attempt(self._read) or {}

    def _read(self) -> dict[str, str]:
        if find_registered_model(self.name) is None:
            return {}
        found = MlflowClient().search_model_versions(f"name = '{self.name}'")
        in_order = sorted(found, key=lambda each: int(each.version))  # the latest counts
        return {each.tags[DIGEST]: str(each.version) for each in in_order if DIGEST in each.tags}
