"""The champion as a version of a registered MLflow model."""

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import numpy as np
from kedro.io import DatasetError
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import DataType, Schema
from mlflow.types.schema import ColSpec

from dnn_sweep.core.champion.package import ChampionPackage, Registration
from dnn_sweep.core.champion.record import RegisteredVersion
from dnn_sweep.core.champion.served_baseline import ServedBaseline
from dnn_sweep.core.data import reading
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import skops_io
from dnn_sweep.datasets.backlog import OUTAGE
from dnn_sweep.datasets.base import ProjectDataset, State
from dnn_sweep.datasets.mlflow_settings import mlflow_settings
from dnn_sweep.datasets.model_aliases import FINGERPRINTS, find_registered_model, state_of_registry
from dnn_sweep.datasets.registered_packages import DIGEST
from dnn_sweep.datasets.registry_outage import REGISTRY_OUTAGE
from dnn_sweep.datasets.tracked_sweep import fail_pending_models

SCRIPT = Path(__file__).parent / "serving" / "model.py"
READING = Path(reading.__file__)  # copied too: what is read at training is read when serving
REQUIREMENTS = ("mlflow", "tensorflow", "keras", "scikit-learn", "skops", "numpy", "pandas")
OF_NETWORKS = ("tensorflow", "keras")  # required by networks alone
FORBIDDEN = set("/:.%\"'")  # in the name of a logged or a registered model
REASON = "alias_reason"  # the tag that says why a version got its alias
LAST = "last_registered"  # the model's tag that says which version the last registration gave
OUTCOME = "registration"  # that version's tag that says, as JSON, how the registration ended
ABOUT = (
    "Takes raw rows with the columns of the training data. The version to serve is "
    "`models:/{name}@champion`; the description of each version is its model card."
)
PARITY = 1e-4  # relative; above the differences of single precision between machines


class RegisteredModelDataset(ProjectDataset[Registration, RegisteredVersion]):
    """Registers a champion that predicts raw rows, whole or not at all.

    A champion that is registered already gets no other version, only its alias. Any other one is
    logged (to the active run, if any), loaded again and compared with the champion's own
    predictions. Only then is it registered; it gets its alias last. In a run that goes on without
    a registry that does not answer, the version that is loaded says so.

    Args:
        name: The registered model, such as ``dnn_sweep_digits``.

    Raises:
        SweepError: If MLflow does not allow the name.

    >>> RegisteredModelDataset("dnn_sweep_iris").load().alias
    'champion'
    """

    name: str

    def __post_init__(self) -> None:
        if forbidden := sorted(set(self.name) & FORBIDDEN):
            raise SweepError(
                f"experiment: MLflow cannot register a model called {self.name!r}; leave out "
                f"{' '.join(forbidden)}"
            )

    def state(self) -> State | None:
        """The versions that hold an alias."""
        return state_of_registry(self.name)

    def save(self, data: Registration) -> None:
        """Log, check, register, and give the alias."""
        REGISTRY_OUTAGE.attempt(lambda: self._give(data))

    def _give(self, data: Registration) -> None:
        if data.existing:
            _give_alias(self.name, data.existing, data)
            return
        with mlflow_settings(), _whole_or_failed():
            model_id = _log(data.package, self.name)
            _check_parity(data.package, f"models:/{model_id}")
        _register(self.name, model_id, data)

    def load(self) -> RegisteredVersion:
        """Return the version of the last registration."""
        found = REGISTRY_OUTAGE.attempt(self._find_last)
        return found or RegisteredVersion.missing(self.name, str(REGISTRY_OUTAGE.failure))

    def _find_last(self) -> RegisteredVersion:
        model = find_registered_model(self.name)
        versions = MlflowClient().search_model_versions(f"name = '{self.name}'") if model else []
        if model is None or not versions:
            raise DatasetError(f"no version of {self.name} is registered")
        latest = max(versions, key=lambda each: int(each.version))
        last = model.tags.get(LAST)  # earlier releases left none
        found = next((each for each in versions if str(each.version) == last), latest)
        outcome = json.loads(found.tags.get(OUTCOME, "{}"))
        # Listed versions come without their aliases; the model knows them.
        held = [alias for alias, at in model.aliases.items() if int(at) == int(found.version)]
        held.sort(key=lambda alias: alias != outcome.get("alias"))
        return RegisteredVersion(
            name=self.name,
            version=str(found.version),
            alias=held[0] if held else None,
            reason=outcome.get("reason", found.tags.get(REASON)),
            holder=outcome.get("holder"),
            new=outcome.get("new", True),
        )

    def _exists(self) -> bool:
        return bool(REGISTRY_OUTAGE.attempt(lambda: find_registered_model(self.name)))


@contextmanager
def _whole_or_failed() -> Iterator[None]:
    """Leave no model pending in the active run, not even if the block is interrupted."""
    try:
        yield
    except BaseException:
        if (run := mlflow.active_run()) is not None:
            with suppress(*OUTAGE):  # the next command tries it again
                fail_pending_models(run)
        raise


def _log(package: ChampionPackage, name: str) -> str:
    description = _serving_schema(package)
    with TemporaryDirectory() as folder:
        model = "baseline.skops" if isinstance(package.served, ServedBaseline) else "network.keras"
        names = (model, "preprocessor.skops", "schema.json", FINGERPRINTS)
        served, preprocessor, schema, seen = files = [Path(folder, each) for each in names]
        if isinstance(package.served, ServedBaseline):
            skops_io.dump(package.served.model, served)
        else:
            package.served.load_network().save(served)
        skops_io.dump(package.preprocessor, preprocessor)
        schema.write_text(json.dumps(description, indent=1), encoding="utf-8")
        np.save(seen, package.seen, allow_pickle=False)
        logged = mlflow.pyfunc.log_model(
            name=name,
            python_model=str(SCRIPT),
            artifacts={path.stem: str(path) for path in (*files, READING)},
            signature=_signature(package),
            input_example=package.example,
            conda_env=_environment(package),
            metadata=description,
        )
    return str(logged.model_id)


def _serving_schema(package: ChampionPackage) -> dict[str, Any]:
    """Everything the served model needs beside its network and its preprocessor."""
    schema = package.schema
    categories = {
        name: {"values": [str(each) for each in known]}
        for kind, encoder, names in package.preprocessor.transformers_
        if kind == "categorical" and len(names)
        for name, known in zip(names, encoder.categories_, strict=True)
    }
    return {
        "task": schema.task,
        "target": schema.target,
        "classes": list(schema.classes),
        "rank": schema.rank,
        "shape": list(schema.shape),
        "padded": schema.padded,
        "sequence": schema.sequence,
        "bytes": bool((package.example.dtypes == np.uint8).all()),  # as in files of images
        "threshold": package.threshold,
        "target_scaling": package.target_scaling.model_dump(),
        "missing": schema.missing,
        "columns": [each | categories.get(each["name"], {}) for each in schema.reading],
    }


def _signature(package: ChampionPackage) -> ModelSignature:
    # None for inputs, so that whole numbers, gaps, text and bodies of CSV reach the model, which
    # converts them as training did, and names the column and row of what it cannot take.
    kinds = {"i": DataType.long, "f": DataType.double, "b": DataType.boolean}
    outputs = package.example_predictions.dtypes.items()
    return ModelSignature(
        outputs=Schema([ColSpec(kinds.get(d.kind, DataType.string), str(n)) for n, d in outputs]),
    )


def _environment(package: ChampionPackage) -> dict[str, Any]:
    # Written out, since MLflow warns if pip is not installed.
    unused = OF_NETWORKS if isinstance(package.served, ServedBaseline) else ()
    names = [name for name in REQUIREMENTS if name not in unused]
    names += ["pillow"] if package.schema.rank == "image" else []
    pip = {"pip": [f"{name}=={version(name)}" for name in names]}
    python = f"python={platform.python_version()}"
    return {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": [python, "pip", pip]}


def _check_parity(package: ChampionPackage, uri: str) -> None:
    served = mlflow.pyfunc.load_model(uri).predict(package.example)
    expected = package.example_predictions
    numbers = expected.select_dtypes("float").columns
    served = served.drop(columns="notes", errors="ignore")
    if list(served) != list(expected) or not np.allclose(
        served[numbers], expected[numbers], rtol=PARITY, atol=PARITY, equal_nan=True
    ):
        raise RuntimeError(
            f"The packaged model does not predict what the champion predicts; {uri} was not "
            f"registered. Expected:\n{expected}\nPredicted:\n{served}"
        )


def _register(name: str, model_id: str, registration: Registration) -> None:
    """Create a version with its alias; delete all that was made for it if anything fails."""
    package, client = registration.package, MlflowClient()
    created = find_registered_model(name) is None
    if created:
        client.create_registered_model(name, description=ABOUT.format(name=name))
    new = None
    try:
        new = client.create_model_version(
            name,
            f"models:/{model_id}",
            tags=_describe_package(package),
            description=package.description,
            model_id=model_id,
        )
        # Links the logged model to its version in the UI.
        link = json.dumps([{"name": name, "version": new.version}])
        client.set_logged_model_tags(model_id, {"mlflow.modelVersions": link})
        _give_alias(name, str(new.version), registration)
    except BaseException:
        if created:
            client.delete_registered_model(name)
        elif new is not None:
            client.delete_model_version(name, new.version)
        raise


def _give_alias(name: str, version: str, registration: Registration) -> None:
    """Give a version its alias, last of all, once the registry says why."""
    client, decision = MlflowClient(), registration.decision
    outcome = {
        "alias": decision.alias,
        "reason": decision.reason,
        "holder": decision.holder,
        "new": registration.existing is None,
    }
    client.set_model_version_tag(name, version, OUTCOME, json.dumps(outcome))
    client.set_registered_model_tag(name, LAST, version)
    at = {alias: str(v) for alias, v in client.get_registered_model(name).aliases.items()}
    if decision.withdrawn and at.get(decision.withdrawn) == version:
        client.delete_registered_model_alias(name, decision.withdrawn)
    if at.get(decision.alias) != version:
        client.set_model_version_tag(name, version, REASON, decision.reason)
        client.set_registered_model_alias(name, decision.alias, version)


def _describe_package(package: ChampionPackage) -> dict[str, str]:
    served, trial, objective = package.served, package.trial, package.objective
    if isinstance(served, ServedBaseline):
        described = {"baseline": served.name}
    else:
        named = ("combination", "activation", "optimizer", "learning_rate")
        described = {name: str(getattr(trial, name)) for name in named} | {
            "seed": ",".join(map(str, served.seeds)),
            "engine": served.members[0].engine,
        }
    return described | {
        "trial_id": trial.id,
        "data_fingerprint": package.schema.fingerprint,
        DIGEST: package.digest,
        objective.validation_metric: str(package.validation_score),
        f"test_{objective.metric}": str(package.test_score),
    }
