"""The champion as a version of a registered MLflow model."""

import importlib.metadata
import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
from kedro.io import DatasetError
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import ModelSignature
from mlflow.types import DataType, Schema
from mlflow.types.schema import AnyType, ColSpec, TensorSpec

from dnn_sweep.core.champion.package import ChampionPackage, Registration
from dnn_sweep.core.champion.record import RegisteredVersion
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import skops_io
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.datasets.base import ProjectDataset
from dnn_sweep.datasets.mlflow_settings import mlflow_settings
from dnn_sweep.datasets.model_aliases import find_registered_model

SCRIPT = Path(__file__).parent / "serving" / "model.py"
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "scikit-learn", "skops", "numpy", "pandas")
FORBIDDEN = set("/:.%\"'")  # in the name of a logged or a registered model
REASON = "alias_reason"  # the tag that says why a version got its alias
Spec = ColSpec | TensorSpec
PARITY = 1e-4  # relative; above the differences of single precision between machines


class RegisteredModelDataset(ProjectDataset[Registration, RegisteredVersion]):
    """Registers a champion that predicts raw rows, whole or not at all.

    The model is logged (to the active run, if any), loaded again and compared with the champion's
    own predictions. Only then is it registered; it gets its alias last.

    Args:
        name: The registered model, such as ``dnn_sweep_digits``.
        metadata: For plugins such as Kedro-Viz; ignored by Kedro.

    Raises:
        SweepError: If MLflow does not allow the name.
    """

    def __init__(self, *, name: str, metadata: dict[str, Any] | None = None) -> None:
        if forbidden := sorted(set(name) & FORBIDDEN):
            raise SweepError(
                f"experiment: MLflow cannot register a model called {name!r}; leave out "
                f"{' '.join(forbidden)}"
            )
        super().__init__(metadata=metadata, name=name)
        self._name = name

    def save(self, data: Registration) -> None:
        """Log, check, register, and give the alias."""
        package, decision = data.package, data.decision
        with mlflow_settings():
            model_id = _log(package, self._name)
            _check_parity(package, f"models:/{model_id}")
        tags = _describe_package(package) | {REASON: decision.reason}
        with _registered_version(self._name, model_id, tags, package.description) as version:
            MlflowClient().set_registered_model_alias(self._name, decision.alias, version.version)

    def load(self) -> RegisteredVersion:
        """Return the latest version."""
        model = find_registered_model(self._name)
        versions = MlflowClient().search_model_versions(f"name = '{self._name}'") if model else []
        if model is None or not versions:
            raise DatasetError(f"no version of {self._name} is registered")
        latest = max(versions, key=lambda each: int(each.version))
        # Listed versions come without their aliases; the model knows them.
        held = [a for a, version in model.aliases.items() if int(version) == int(latest.version)]
        return RegisteredVersion(
            name=self._name,
            version=str(latest.version),
            alias=held[0] if held else None,
            reason=latest.tags.get(REASON),
        )

    def _exists(self) -> bool:
        return find_registered_model(self._name) is not None


def _log(package: ChampionPackage, name: str) -> str:
    description = _serving_schema(package)
    with TemporaryDirectory() as folder:
        files = {
            "network": Path(folder, "network.keras"),
            "preprocessor": Path(folder, "preprocessor.skops"),
            "schema": Path(folder, "schema.json"),
        }
        package.result.load_network().save(files["network"])
        skops_io.dump(package.preprocessor, files["preprocessor"])
        files["schema"].write_text(json.dumps(description, indent=1), encoding="utf-8")
        logged = mlflow.pyfunc.log_model(
            name=name,
            python_model=str(SCRIPT),
            artifacts={key: str(path) for key, path in files.items()},
            signature=_signature(package),
            input_example=package.example,
            conda_env=_environment(),
            metadata=description,
        )
    return str(logged.model_id)


def _serving_schema(package: ChampionPackage) -> dict[str, Any]:
    """Everything the served model needs beside its two files."""
    schema = package.schema
    values: dict[str, list[str]] = {}
    for kind, encoder, names in package.preprocessor.transformers_:
        if kind == "categorical" and len(names):
            values = {
                name: [str(each) for each in known]
                for name, known in zip(names, encoder.categories_, strict=True)
            }
    return {
        "task": schema.task,
        "target": schema.target,
        "classes": list(schema.classes),
        "target_scaling": package.target_scaling.model_dump(),
        "columns": [
            column.model_dump() | ({"values": values[column.name]} if column.name in values else {})
            for column in schema.features
        ],
    }


def _signature(package: ChampionPackage) -> ModelSignature:
    # Any type, so that whole numbers and gaps pass; the model converts them and names the column
    # and row of a value that it cannot take.
    anything = AnyType()  # type: ignore[no-untyped-call]
    inputs: list[Spec] = [ColSpec(anything, name) for name in package.schema.feature_names]
    kinds = {"i": DataType.long, "f": DataType.double, "b": DataType.boolean}
    outputs: list[Spec] = [
        ColSpec(kinds.get(column.dtype.kind, DataType.string), str(name))
        for name, column in package.example_predictions.items()
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _environment() -> dict[str, Any]:
    # Written out, since MLflow warns if pip is not installed.
    installed = [f"{name}=={importlib.metadata.version(name)}" for name in REQUIREMENTS]
    return {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={platform.python_version()}", "pip", {"pip": installed}],
    }


def _check_parity(package: ChampionPackage, uri: str) -> None:
    served = mlflow.pyfunc.load_model(uri).predict(package.example)
    expected = package.example_predictions
    numbers = expected.select_dtypes("float").columns
    if list(served) != list(expected) or not np.allclose(
        served[numbers], expected[numbers], rtol=PARITY, atol=PARITY, equal_nan=True
    ):
        raise RuntimeError(
            f"The packaged model does not predict what the champion predicts; {uri} was not "
            f"registered. Expected:\n{expected}\nPredicted:\n{served}"
        )


def _describe_package(package: ChampionPackage) -> dict[str, str]:
    trial, result = package.result.trial, package.result
    return {
        "combination": trial.combination,
        "activation": trial.activation,
        "optimizer": trial.optimizer,
        "learning_rate": str(trial.learning_rate),
        "seed": str(trial.seed),
        "trial_id": trial.id,
        "engine": result.engine,
        "data_fingerprint": package.schema.fingerprint,
        objective_of(trial.task).validation_metric: str(package.validation_score),
    }


@contextmanager
def _registered_version(
    name: str, model_id: str, tags: dict[str, str], description: str
) -> Iterator[ModelVersion]:
    """Create a version; delete it and all that was made for it if what follows fails."""
    client = MlflowClient()
    created = find_registered_model(name) is None
    if created:
        client.create_registered_model(name)
    version = None
    try:
        version = client.create_model_version(
            name, f"models:/{model_id}", tags=tags, description=description, model_id=model_id
        )
        # Links the logged model to its version in the UI.
        client.set_logged_model_tags(
            model_id,
            {"mlflow.modelVersions": json.dumps([{"name": name, "version": version.version}])},
        )
        yield version
    except BaseException:
        if created:
            client.delete_registered_model(name)
        elif version is not None:
            client.delete_model_version(name, version.version)
        raise
