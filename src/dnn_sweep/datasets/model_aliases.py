"""The registered versions of a model, by alias."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException
from pydantic import JsonValue

from dnn_sweep.core.champion.package import ServedModel
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.backlog import OUTAGE
from dnn_sweep.datasets.base import ReadOnlyDataset, State
from dnn_sweep.datasets.mlflow_settings import mlflow_settings
from dnn_sweep.datasets.mlflow_state import predict
from dnn_sweep.datasets.registry_outage import REGISTRY_OUTAGE
from dnn_sweep.startup import import_tensorflow

FINGERPRINTS = "row_fingerprints.npy"  # among a model's artifacts


def find_registered_model(name: str) -> RegisteredModel | None:
    """Look up a registered model; ``None`` where there is none of that name."""
    try:
        return MlflowClient().get_registered_model(name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def state_of_registry(name: str) -> State | None:
    """Return the versions of a model that hold an alias; ``None`` if the registry is silent."""
    if REGISTRY_OUTAGE.failure:
        return None
    try:
        model = find_registered_model(name)
    except OUTAGE:
        return None
    held = {alias: str(at) for alias, at in model.aliases.items()} if model else {}
    return {f"registered model {name}": dict[str, JsonValue](held)}


class ModelAliases(Mapping[str, ServedModel]):
    """A registered model's versions that have an alias (none if there is no such model).

    Each is loaded when it is asked for.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        model = find_registered_model(name)
        self._versions = {alias: str(v) for alias, v in model.aliases.items()} if model else {}

    def __getitem__(self, alias: str) -> ServedModel:
        """Load the version that holds an alias.

        Raises:
            KeyError: If no version holds it.
            SweepError: If the version cannot be loaded.
        """
        version = self._versions[alias]
        model, folder, tags = self.load_model(alias)
        described = model.metadata.metadata
        # Versions of earlier releases may have neither.
        seen = Path(folder, "artifacts", FINGERPRINTS)
        scores = {name: value for name, value in tags.items() if name.startswith("test_")}

        return ServedModel(
            name=self.name,
            version=version,
            task=described["task"],
            target=described["target"],
            classes=tuple(described["classes"]),
            columns={each["name"]: each["kind"] for each in described["columns"]},
            predict=partial(predict, model),
            # A version registered before there were images and sequences does not have these.
            shape=tuple(described.get("shape", ())),
            padded=described.get("padded", False),
            sequence=tuple(described.get("sequence") or ()) or None,
            seen=np.load(seen, allow_pickle=False) if seen.exists() else None,
            test_scores={name.removeprefix("test_"): float(scores[name]) for name in scores},
        )

    def load_model(self, alias: str) -> tuple[Any, Path, dict[str, str]]:
        """Load MLflow's ``PyFuncModel`` of an alias, with the folder of its files and its tags.

        Raises:
            KeyError: If no version holds it.
            SweepError: If the version cannot be loaded.
        """
        import_tensorflow()  # before the model does, so that it is quiet
        version = self._versions[alias]
        try:
            with mlflow_settings():
                folder = mlflow.artifacts.download_artifacts(f"models:/{self.name}/{version}")
                model = mlflow.pyfunc.load_model(folder)
                tags = MlflowClient().get_model_version(self.name, version).tags
        except (MlflowException, OSError) as error:
            raise SweepError(
                f"Version {version} of {self.name} holds the alias {alias!r} but cannot be "
                f"loaded ({error}). Bring its files back, or delete that version in "
                "`kedro mlflow ui` (Models)."
            ) from error
        return model, Path(folder), tags

    def __contains__(self, alias: object) -> bool:  # Mapping's own would load the version
        return alias in self._versions

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)


class ModelAliasesDataset(ReadOnlyDataset[Mapping[str, ServedModel]]):
    """Reads the versions of a registered model, such as ``dnn_sweep_digits``, by alias.

    >>> list(ModelAliasesDataset("dnn_sweep_iris").load())
    ['champion']
    """

    name: str

    def state(self) -> State | None:
        """The versions that hold an alias."""
        return state_of_registry(self.name)

    def load(self) -> Mapping[str, ServedModel]:
        """Ask the registry which version holds which alias."""
        return REGISTRY_OUTAGE.attempt(lambda: ModelAliases(self.name)) or {}
