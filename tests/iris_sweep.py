"""A small sweep of the iris data set, really trained: the examples in docstrings start from it."""

import gzip
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from dnn_sweep import parameters
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.core.reporting.figures import FIGURES
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.datasets.registered_packages import RegisteredPackagesDataset
from dnn_sweep.datasets.toy import ToyDataset
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.pipeline_registry import register_pipelines

MODEL = "dnn_sweep_iris"


class Kept(MemoryDataset):
    """What Kedro does not forget once no further node needs it."""

    def __init__(self, *data: Any) -> None:
        super().__init__(*data, copy_mode="assign")

    def _release(self) -> None:
        pass


def groups(folder: Path) -> dict[str, Any]:
    """The parameters, by the name of their group."""
    adam = {"adam": {"learning_rate": 0.03}}
    return {
        "data": parameters.DataParameters(target="species"),
        "split": parameters.SplitParameters(),
        "scaling": parameters.ScalingParameters(),
        "network": parameters.NetworkParameters(hidden=[8]),
        "grid": parameters.GridParameters(activations=["relu"], optimizers=["sgd", adam]),
        "training": parameters.TrainingParameters(engine="auto", epochs=10),
        "sweep": parameters.SweepParameters(),
        "screening": parameters.ScreeningParameters(
            enabled=True, factors=[0.1, 1], epochs=2, extensions=0
        ),
        "search": parameters.SearchParameters(),
        "budget": parameters.BudgetParameters(),
        "executor": parameters.ExecutorParameters(),
        "callbacks": parameters.CallbackParameters(),
        "evaluation": parameters.EvaluationParameters(),
        "registration": parameters.RegistrationParameters(),
        "inference": parameters.InferenceParameters(),
        "logs": parameters.LoggingParameters(folder=str(folder / "logs"), csv=False),
        "reports": "data/08_reporting/iris",
        "launcher": "uv run",
        "given": {},
        "environment": "iris",
    }


def named(given: dict[str, Any]) -> dict[str, Any]:
    """The groups of parameters, and what nodes read of a group alone, as Kedro names them."""
    alone = {"training": "seeds", "budget": "minutes"}
    return given | {f"{g}.{key}": getattr(given[g], key) for g, key in alone.items() if g in given}


def train_iris(folder: Path) -> dict[str, Any]:
    """Run the pipeline `train`; return every dataset and every group of parameters by its name."""
    return train(folder, ToyDataset("iris"), MODEL, groups(folder))


def train(
    folder: Path,
    table: Any,
    model: str,
    given: dict[str, Any],
    until: str | None = None,
    display: TrainingProgress | None = None,
) -> dict[str, Any]:
    """Train on a table's dataset and register the best as `model`; end with a dataset, if asked."""
    pipeline = register_pipelines()["train"]
    pipeline = pipeline.to_outputs(until) if until else pipeline
    trials, aliases = TrialStoreDataset(str(folder / "trials")), ModelAliasesDataset(model)
    catalog = DataCatalog(
        {name: Kept() for name in pipeline.datasets()}
        | {f"params:{name}": Kept(value) for name, value in named(given).items()}
        | {
            "raw_table": table,
            "training_display": Kept(display or TrainingProgress()),
            "checkpoints": Kept(NO_CHECKPOINTS),
            "earlier_rounds": Kept(Rounds()),
            "stage_clock": Kept({"train": 2.0, "total": 5.0}),
            "finished_trials": trials,
            "trial_results": trials,
            "refitted_trials": trials,
            "champion_holder": aliases,
            "registered_packages": RegisteredPackagesDataset(model),
            "registered_model": RegisteredModelDataset(model),
        }
    )
    SequentialRunner().run(pipeline, catalog)
    made = {name: catalog.load(name) for name in pipeline.datasets() if ":" not in name}
    scored = {"scoring_model": aliases.load(), "inference_rows": made["test_rows"]}
    return (
        made
        | scored
        | {"figures": {name: made[f"{name}_figure"] for name in FIGURES if not until}}
        | given
    )


def write_images(folder: Path) -> dict[str, dict[str, str]]:
    """Write three images to train on and one to test as IDX files; return what describes them."""
    contents = {
        "train_images": np.arange(12).reshape(3, 2, 2),
        "train_labels": np.array([7, 0, 9]),
        "test_images": np.zeros((1, 2, 2)),
        "test_labels": np.array([1]),
    }
    folder.mkdir()
    files = {}
    for name, values in contents.items():
        header = struct.pack(f">{1 + values.ndim}I", 0x0800 + values.ndim, *values.shape)
        content = header + values.astype(np.uint8).tobytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        files[name] = {"name": name, "sha256": hashlib.sha256(content).hexdigest()}
    return files
