"""The registered versions of a model, by alias."""

from collections.abc import Iterator, Mapping
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)

from dnn_sweep.core.champion.package import ServedModel
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.base import ReadOnlyDataset
from dnn_sweep.datasets.mlflow_settings import mlflow_settings
from dnn_sweep.startup import import_tensorflow


def find_registered_model(name: str) -> RegisteredModel | None:
    """Look up a registered model; ``None`` where there is none of that name."""
    try:
        return MlflowClient().get_registered_model(name)
    except MlflowException as error:
        if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            return None
        raise


class ModelAliases(Mapping[str, ServedModel]):
    """The versions of a registered model that have an alias, each loaded when asked for.

    Args:
        name: The registered model; empty where it does not exist.
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
        import_tensorflow()  # before the model does, so that it is quiet
        version = self._versions[alias]
        uri = f"models:/{self.name}/{version}"
        try:
            with mlflow_settings():
                model = mlflow.pyfunc.load_model(uri)
        except (MlflowException, OSError) as error:
            raise SweepError(
                f"Version {version} of {self.name} holds the alias {alias!r} but cannot be "
                f"loaded ({error}). Bring its files back, or delete that version in "
                "`kedro mlflow ui` (Models)."
            ) from error
        described = model.metadata.metadata

        def predict(rows: pd.DataFrame) -> pd.DataFrame:
            try:
                predictions: pd.DataFrame = model.predict(rows)
            except MlflowException as error:
                if error.error_code == ErrorCode.Name(INVALID_PARAMETER_VALUE):
                    raise SweepError(error.message) from error
                raise
            return predictions

        return ServedModel(
            name=self.name,
            version=version,
            task=described["task"],
            target=described["target"],
            classes=tuple(described["classes"]),
            columns={each["name"]: each["kind"] for each in described["columns"]},
            predict=predict,
        )

    def __contains__(self, alias: object) -> bool:
        """Whether a version holds the alias; loads nothing."""
        return alias in self._versions

    def __iter__(self) -> Iterator[str]:
        """The aliases."""
        return iter(self._versions)

    def __len__(self) -> int:
        """Number of aliases."""
        return len(self._versions)


class ModelAliasesDataset(ReadOnlyDataset[ModelAliases]):
    """Reads a registered model's versions by alias.

    Args:
        name: The registered model, such as ``dnn_sweep_digits``.
        metadata: For plugins such as Kedro-Viz; ignored by Kedro.
    """

    def __init__(self, *, name: str, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(metadata=metadata, name=name)
        self._name = name

    def load(self) -> ModelAliases:
        """Ask the registry which version holds which alias."""
        return ModelAliases(self._name)
