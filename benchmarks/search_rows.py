"""The rows of a search's race: ``python -m benchmarks.search_rows digits 0 FOLDER``.

They are split and scaled as a sweep does, before any clock runs. ``arrays.npz`` is for everyone,
``rows.pkl`` for our own search, which is given tables.
"""

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.prepare import configuration, load_raw_table
from benchmarks.searchers import TASKS
from dnn_sweep import parameters as models
from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.data.validation import validate_table

SPLITS = ("train", "validation", "test")


def prepare(task: str, seed: int, folder: Path, source_dir: str | None) -> None:
    """Write a task's rows; the seed decides how they are split."""
    config = configuration(task, source_dir)
    given = config["parameters"]
    data = models.DataParameters(**given["data"] | TASKS[task])
    split = models.SplitParameters(**given["split"] | {"seed": seed, "folds": None})
    table, schema = validate_table(load_raw_table(config), data, split)
    *rows, _ = split_rows(table, schema, data, split)
    fitted = fit_preprocessor(rows[0], schema, models.ScalingParameters(**given["scaling"]))
    scaled = [scale_rows(each, *fitted, schema) for each in rows]
    arrays: dict[str, Any] = {"classes": len(schema.classes)}
    for name, each in zip(SPLITS, scaled, strict=True):
        x, y = features_and_target(each)
        arrays |= {f"x_{name}": np.asarray(x, np.float32), f"y_{name}": np.asarray(y)}
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "rows.pkl").write_bytes(pickle.dumps((schema, scaled[0], scaled[1])))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("seed", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source-dir")
    asked = parser.parse_args()
    prepare(asked.task, asked.seed, asked.folder, asked.source_dir)
