"""The rows as ``keras.Model.fit`` takes them, and as worker processes share them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import TrainingData, epoch_order
from dnn_sweep.core.lazy import tf
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.targets import loss_targets, row_weights

TENSOR_ALIGNMENT = 64  # bytes; TensorFlow stops the process for other addresses


def batches(data: TrainingData, trial: Trial, first: int = 0) -> tf.data.Dataset:
    """Batches of rows, targets and any row weights, in the replicate's order, from an epoch on."""
    rows = len(data.x_train)

    def orders() -> Iterator[NDArray[np.int32]]:
        for epoch in range(first, trial.epochs):
            yield epoch_order(rows, trial.seed, epoch)

    targets = loss_targets(data.y_train, trial.network)
    weights = row_weights(data, trial.class_weight)
    parts = [as_tensor(data.x_train), tf.constant(targets)]
    parts += [] if weights is None else [tf.constant(weights)]
    return (
        tf.data.Dataset.from_generator(orders, output_signature=tf.TensorSpec((rows,), tf.int32))
        .flat_map(lambda order: tf.data.Dataset.from_tensor_slices(order).batch(trial.batch_size))
        .map(lambda batch: tuple(tf.gather(part, batch) for part in parts))
        .prefetch(tf.data.AUTOTUNE)
    )


def as_tensor(values: NDArray[np.float32]) -> tf.Tensor:
    """The rows as a tensor, which shares the memory of an array that was mapped from a file."""
    if not values.flags.writeable or values.ctypes.data % TENSOR_ALIGNMENT:
        return tf.constant(values)
    return tf.experimental.dlpack.from_dlpack(values.__dlpack__())


def write_rows(data: TrainingData, folder: Path) -> None:
    """Write the rows for worker processes."""
    for number, fold in enumerate(data.folds):
        (folder / str(number)).mkdir()
        write_rows(fold, folder / str(number))
    for field in fields(data):
        value = getattr(data, field.name)
        if value is not None and field.name != "folds":
            np.save(folder / f"{field.name}.npy", value)


def read_rows(folder: Path) -> TrainingData:
    """Map the rows into memory: all processes share the same pages; what one writes is its own."""
    rows: dict[str, Any] = {
        path.stem: np.asarray(np.load(path, mmap_mode="c")) for path in folder.glob("*.npy")
    }
    found = (each for each in folder.iterdir() if each.is_dir())
    folders = sorted(found, key=lambda each: int(each.name))
    unit = {name: float(rows[name]) for name in ("target_mean", "target_scale")}
    return TrainingData(**rows | unit, folds=tuple(map(read_rows, folders)))


def remove_rows(folder: str) -> None:
    """Remove what :func:`write_rows` has written."""
    rmtree(folder, ignore_errors=True)  # another process may do the same
