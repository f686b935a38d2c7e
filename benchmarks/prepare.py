"""Prepare data and plan of a workload: ``python -m benchmarks.prepare mnist folder …``."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from kedro.config import OmegaConfigLoader
from kedro.io import AbstractDataset

from benchmarks.workloads import WORKLOADS, Workload
from dnn_sweep import parameters as models
from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.plan.planner import plan_trials
from dnn_sweep.settings import CONFIG_LOADER_ARGS

CONF = Path(__file__).resolve().parents[1] / "conf"


def configuration(experiment: str, source_dir: str | None) -> OmegaConfigLoader:
    """Read an experiment's files; ``source_dir`` may hold MNIST's IDX files."""
    return OmegaConfigLoader(
        conf_source=str(CONF),
        env=experiment,
        runtime_params={"data": {"source_dir": source_dir}} if source_dir else {},
        **CONFIG_LOADER_ARGS,
    )


def load_raw_table(config: OmegaConfigLoader) -> pd.DataFrame:
    """Load an experiment's rows as they came."""
    raw: pd.DataFrame = AbstractDataset.from_config(
        "raw_table", config["catalog"]["raw_table"]
    ).load()
    return raw


def prepare(
    workload: Workload, folder: Path, source_dir: str | None, seeds: int, epochs: int
) -> None:
    """Run the experiment's own nodes up to the plan, and save data and plan as files.

    Args:
        workload: The workload to prepare.
        folder: Receives ``data.npz`` and ``plan.json``.
        source_dir: Folder with MNIST's IDX files; ``None`` downloads them once.
        seeds: Number of replicates.
        epochs: Epochs per trial.
    """
    config = configuration(workload.experiment, source_dir)
    given = config["parameters"] | workload.changes
    data = models.DataParameters(**given["data"])
    # Others that train the same networks know no folds.
    split = models.SplitParameters(**given["split"] | {"folds": None})
    table, schema = validate_table(load_raw_table(config), data, split)
    train, validation, _, _ = split_rows(table, schema, data, split)
    fitted = fit_preprocessor(train, schema, models.ScalingParameters(**given["scaling"]))
    matrices = [scale_rows(rows, *fitted, schema) for rows in (train, validation)]
    training = given["training"] | {"engine": "auto", "seeds": range(seeds), "epochs": epochs}
    plan = plan_trials(
        schema,
        *matrices,
        models.NetworkParameters(**given["network"]),
        models.GridParameters(**given["grid"]),
        models.TrainingParameters(**training),
        models.CallbackParameters(**given["callbacks"]),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (x_train, y_train), (x_validation, y_validation) = map(features_and_target, matrices)
    np.savez(
        folder / "data.npz",
        x_train=x_train,
        y_train=y_train,
        x_validation=x_validation,
        y_validation=y_validation,
    )
    (folder / "plan.json").write_text(plan.model_dump_json())


def main() -> None:
    """Read the command line and prepare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--source-dir")
    given = parser.parse_args()
    workload = WORKLOADS[given.workload]
    prepare(workload, given.folder, given.source_dir, given.seeds, given.epochs)


if __name__ == "__main__":
    main()
