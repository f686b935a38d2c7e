"""Small real things that several tests start from."""

from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.plan.planner import expand_grid
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    TrainingParameters,
)

FEATURES = 4
CLASSES = {"multiclass": (0, 1, 2), "binary": ("no", "yes"), "regression": ()}


def schema_of(task: str) -> Schema:
    columns = tuple(Column(name=f"x{i}", kind="numeric") for i in range(FEATURES))
    return Schema(
        task=task, target="t", classes=CLASSES[task], features=columns, rows=120, fingerprint="f"
    )


def make_plan(task: str = "multiclass", *, data: str = "0" * 64, **given: Any) -> TrialPlan:
    """A plan; `network`, `grid`, `training` and `callbacks` override the small defaults.

    `objective` is what ranks, of the task by default.
    """
    return expand_grid(
        schema_of(task),
        FEATURES,
        data,
        NetworkParameters(**({"hidden": [8, 6]} | given.get("network", {}))),
        GridParameters(
            **({"activations": ["relu"], "optimizers": ["adam"]} | given.get("grid", {}))
        ),
        TrainingParameters(**({"epochs": 3, "batch_size": 16} | given.get("training", {}))),
        CallbackParameters(**given.get("callbacks", {})),
        make_data(task).y_train,
        objective=given.get("objective"),
    )


def make_data(task: str = "multiclass", rows: int = 80, seed: int = 0) -> TrainingData:
    """Rows whose first features decide the target."""
    rng = np.random.default_rng(seed)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=(count, FEATURES)).astype(np.float32)
        if task == "regression":
            return x, (x[:, 0] - x[:, 1] / 2).astype(np.float32)
        return x, x[:, : max(len(CLASSES[task]), 2)].argmax(axis=1).astype(np.int32)

    return TrainingData(*draw(rows), *draw(rows // 2))


def make_result(
    trial: Trial,
    outputs: np.ndarray,
    *,
    status: str = "completed",
    seconds: float = 1.5,
    val_loss: float = 0.5,
    diagnostics: pd.DataFrame | None = None,
) -> TrialResult:
    """A result as an engine returns it, with a real (untrained) network."""

    def load_network():
        from dnn_sweep.core.networks.build import build_network

        return build_network(trial.network, trial.seed)

    metric = trial.network.metric
    epochs = np.arange(1, trial.epochs + 1)
    history = pd.DataFrame(
        {
            "epoch": epochs,
            "loss": 1.0 / epochs,
            metric: epochs / 10,
            "val_loss": val_loss / epochs,
            f"val_{metric}": epochs / 20,
            "learning_rate": trial.learning_rate,
            "seconds": 0.1,
        }
    )
    return TrialResult(
        trial=trial,
        status=status,
        history=history,
        best_epoch=trial.epochs,
        outputs=outputs.astype(np.float32),
        seconds=seconds,
        engine="keras",
        engine_reason="test",
        load_network=load_network,
        versions={"keras": "3"},
        diagnostics=diagnostics,
    )
