"""Time trials under ``model.fit`` one after another and one per core, in turn.

``python -m benchmarks.workers`` draws its images at random: the time does not depend on them.
"""

import argparse
import time
from statistics import median

import numpy as np

from benchmarks.machine import describe_machine
from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.plan.planner import expand_grid
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.keras_engine import KerasFitEngine
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    LoggingParameters,
    NetworkParameters,
    TrainingParameters,
)

SIDE, CLASSES = 28, 10
NETWORKS = {
    "dense": {"hidden": [256, 128]},
    "cnn": {"convolutions": [16, 32], "hidden": []},
    "lstm": {"recurrent": [64], "hidden": [32]},
}
ENGINES = {"one after another": float("inf"), "one per core": 0.0}


def plan(kind: str, data: TrainingData, trials: int, epochs: int) -> tuple[Trial, ...]:
    """Plan trials of one kind that differ in their seeds."""
    pixels = tuple(Column(name=f"pixel{i}", kind="numeric") for i in range(SIDE * SIDE))
    schema = Schema(
        task="multiclass", target="label", classes=tuple(range(CLASSES)), features=pixels,
        rank="image", shape=(SIDE, SIDE, 1), rows=len(data.x_train), fingerprint="",
    )  # fmt: skip
    return expand_grid(
        schema,
        len(pixels),
        "",
        NetworkParameters(kind=kind, **NETWORKS[kind]),
        GridParameters(activations=["relu"], optimizers=["adam"]),
        TrainingParameters(epochs=epochs, batch_size=128, seeds=range(trials)),
        CallbackParameters(),
        data.y_train,
    ).trials


def seconds(engine: KerasFitEngine, trials: tuple[Trial, ...], data: TrainingData) -> float:
    """Time the training of all trials."""
    began = time.perf_counter()
    logs = LoggingParameters(folder="", csv=False)
    for _ in engine.train(trials, data, TrainingProgress(), logs, "benchmark"):
        pass
    return time.perf_counter() - began


def main() -> None:
    """Print the seconds of each way and their ratio, for a network of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    x = rng.random((given.rows, SIDE * SIDE), dtype=np.float32)
    y = rng.integers(0, CLASSES, given.rows).astype(np.int32)
    data = TrainingData(x, y, x[:1000], y[:1000])
    print(describe_machine())
    for kind in NETWORKS:
        trials = plan(kind, data, given.trials, given.epochs)
        warm = plan(kind, data, 2, 1)
        engines = {
            name: KerasFitEngine(seconds_worth_workers=worth) for name, worth in ENGINES.items()
        }
        for engine in engines.values():  # processes start, Keras is imported
            seconds(engine, warm, data)
        times: dict[str, list[float]] = {name: [] for name in ENGINES}
        for _ in range(given.repeats):
            for name, engine in engines.items():
                times[name].append(seconds(engine, trials, data))
        for engine in engines.values():
            engine.close()
        one, many = (median(each) for each in times.values())
        print(f"{kind}: {one:.1f} s one after another, {many:.1f} s one per core: {one / many:.2f}")


if __name__ == "__main__":
    main()
