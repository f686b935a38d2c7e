"""Small networks whose training succeeds or fails for a known reason, as sweeps to train."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets

from dnn_sweep.core.comparison.histories import collect_histories
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import Column, Schema, TargetScaling
from dnn_sweep.core.diagnosis.verdicts import diagnose_combinations
from dnn_sweep.core.plan.learning_rates import plan_screening
from dnn_sweep.core.plan.planner import plan_trials
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.sweep import train_trials
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    LoggingParameters,
    NetworkParameters,
    ScreeningParameters,
    Task,
    TrainingParameters,
)

HEALTHY = ("healthy",)
TOO_HIGH = ("learning rate too high", "diverged")
TOO_LOW = ("learning rate too low",)
DEAD = ("dead units",)
SATURATED = ("saturated",)
VANISHING = ("vanishing gradient",)
NO_SIGNAL = ("no signal",)
UNDERFITTING = ("underfitting",)
OVERFITTING = ("overfitting",)

Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class KnownSweep:
    """Networks of the same layers on the same rows, and the verdicts that each may get.

    Args:
        data: Returns features and target.
        combinations: Allowed verdicts by activation, optimizer and learning rate.
        training_rows: How many of the rows are trained on; three quarters by default.
        damage: Changes the scaled features and targets, given a random generator.
    """

    data: Callable[[], Arrays]
    hidden: tuple[int, ...]
    combinations: dict[tuple[str, str, float], tuple[str, ...]]
    epochs: int = 20
    task: Task = "multiclass"
    batch_size: int = 32
    training_rows: int | None = None
    damage: Callable[[np.random.Generator, np.ndarray, np.ndarray], Arrays] | None = None
    network: dict[str, Any] = field(default_factory=dict)


def shuffled(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Arrays:
    """Labels that have nothing to do with the features."""
    return x, rng.permutation(y)


def noisy(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Arrays:
    """Two fifths of the labels are drawn anew."""
    return x, np.where(rng.random(len(y)) < 0.4, rng.permutation(y), y)


def unscaled(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> Arrays:
    """Features with a standard deviation of 100."""
    return 100 * x, y


def bundled(name: str) -> Callable[[], Arrays]:
    return lambda: getattr(datasets, f"load_{name}")(return_X_y=True)


digits, iris, wine = bundled("digits"), bundled("iris"), bundled("wine")
breast_cancer, diabetes = bundled("breast_cancer"), bundled("diabetes")


def friedman() -> Arrays:
    """A smooth function of five of ten features, with a little noise."""
    return datasets.make_friedman1(1000, noise=0.5, random_state=0)


def friedman2() -> Arrays:
    return datasets.make_friedman2(800, noise=20, random_state=0)


def moons() -> Arrays:
    return datasets.make_moons(800, noise=0.15, random_state=0)


def clouds() -> Arrays:
    """Two clouds that overlap: no network gets much more than three quarters right."""
    return datasets.make_blobs(800, centers=[[-1, 0], [1, 0]], cluster_std=1.5, random_state=0)


def spheres() -> Arrays:
    return datasets.make_gaussian_quantiles(
        n_samples=1200, n_features=4, n_classes=3, random_state=0
    )


DEEP = (64, 128, 256, 128, 64)
KNOWN = (
    KnownSweep(
        digits,
        DEEP,
        {
            ("relu", "adam", 0.001): HEALTHY,
            ("tanh", "rmsprop", 0.001): HEALTHY,
            ("sigmoid", "sgd", 0.01): VANISHING,
            ("relu", "adam", 1e-6): TOO_LOW,
            ("relu", "adam", 1.0): TOO_HIGH,
            ("relu", "sgd", 10.0): TOO_HIGH,
        },
    ),
    KnownSweep(
        digits,
        (64,),
        {
            ("relu", "adam", 0.003): HEALTHY,
            ("sigmoid", "adam", 0.01): HEALTHY,
            ("tanh", "sgd", 0.1): HEALTHY,
            ("tanh", "sgd", 1e-4): TOO_LOW,
            ("tanh", "adam", 3.0): TOO_HIGH,
        },
    ),
    KnownSweep(digits, (2,), {("relu", "adam", 0.01): UNDERFITTING}, epochs=60),
    KnownSweep(digits, (3,) * 20, {("relu", "adam", 0.001): DEAD}),
    KnownSweep(
        digits,
        (16, 16, 16),
        {("tanh", "sgd", 0.01): SATURATED},
        damage=unscaled,
    ),
    KnownSweep(digits, (64, 64), {("relu", "adam", 0.001): NO_SIGNAL}, damage=shuffled),
    KnownSweep(digits, (128, 128), {("relu", "adam", 0.003): OVERFITTING}, 40, damage=noisy),
    KnownSweep(breast_cancer, (32, 16), {("elu", "momentum", 0.01): HEALTHY}, task="binary"),
    KnownSweep(
        breast_cancer, (32, 16), {("tanh", "adam", 0.003): NO_SIGNAL}, 40, "binary", damage=shuffled
    ),
    KnownSweep(
        friedman,
        (64, 64),
        {
            ("relu", "adam", 0.003): HEALTHY,
            ("tanh", "momentum", 0.01): HEALTHY,
            ("tanh", "sgd", 1e-5): TOO_LOW,
            ("relu", "sgd", 10.0): TOO_HIGH,
        },
        40,
        "regression",
    ),
    KnownSweep(friedman, (1,), {("tanh", "adam", 0.03): UNDERFITTING}, 60, "regression"),
    KnownSweep(diabetes, (256, 256), {("relu", "adam", 0.003): OVERFITTING}, 100, "regression"),
    KnownSweep(iris, (16,), {("relu", "adam", 0.01): HEALTHY}, 60),
)


# Other data, layers, activations and optimizers. Of these, only the single unit on the spheres had
# a part in choosing thresholds.
HELD_OUT = (
    KnownSweep(
        wine,
        (24,),
        {
            ("swish", "nadam", 0.01): HEALTHY,
            ("tanh", "sgd", 0.05): HEALTHY,
            ("relu", "adamw", 1e-6): TOO_LOW,
        },
        60,
    ),
    KnownSweep(
        moons,
        (32, 32),
        {
            ("leaky_relu", "adam", 0.01): HEALTHY,
            ("tanh", "momentum", 0.1): HEALTHY,
            ("relu", "adam", 5.0): TOO_HIGH,
        },
        40,
        "binary",
    ),
    KnownSweep(clouds, (16,), {("elu", "adam", 0.01): HEALTHY}, 40, "binary"),
    KnownSweep(
        friedman2,
        (32, 32, 32),
        {
            ("gelu", "adam", 0.003): HEALTHY,
            ("selu", "sgd", 1e-6): TOO_LOW,
            ("tanh", "rmsprop", 1.0): TOO_HIGH,
        },
        60,
        "regression",
    ),
    KnownSweep(diabetes, (16,), {("relu", "adam", 0.003): HEALTHY}, 40, "regression"),
    KnownSweep(
        diabetes,
        (32,),
        {("tanh", "adam", 0.003): NO_SIGNAL},
        40,
        "regression",
        damage=shuffled,
    ),
    KnownSweep(
        moons, (32, 32), {("relu", "adam", 0.003): NO_SIGNAL}, 40, "binary", damage=shuffled
    ),
    KnownSweep(spheres, (1,), {("tanh", "adam", 0.03): UNDERFITTING}, 60),
    KnownSweep(spheres, (48, 48), {("softplus", "adam", 0.01): HEALTHY}, 60),
    KnownSweep(breast_cancer, (32,) * 6, {("sigmoid", "sgd", 0.01): VANISHING}, task="binary"),
    KnownSweep(breast_cancer, (2,) * 25, {("relu", "momentum", 0.01): DEAD}, task="binary"),
    KnownSweep(
        breast_cancer,
        (128, 128),
        {("tanh", "adam", 0.003): OVERFITTING},
        80,
        "binary",
        damage=noisy,
    ),
    KnownSweep(spheres, (16, 16), {("tanh", "sgd", 0.05): SATURATED}, 40, damage=unscaled),
)


def train(known: KnownSweep, seed: int) -> pd.DataFrame:
    """Train a sweep; return its verdicts with what they may be as ``allowed``."""
    train_matrix, validation_matrix, scaling = _matrices(known, seed)
    pairs, optimizers = [], {}
    for activation, optimizer, rate in known.combinations:
        name = f"{optimizer} {rate:g}"
        sort = (
            {"class": "SGD", "momentum": 0.9} if optimizer == "momentum" else {"class": optimizer}
        )
        optimizers[name] = {name: {**sort, "learning_rate": rate}}
        pairs.append({"activation": activation, "optimizer": name})
    settings = (
        NetworkParameters(hidden=known.hidden, **known.network),
        GridParameters(
            activations=list(dict.fromkeys(each["activation"] for each in pairs)),
            optimizers=list(optimizers.values()),
            only=pairs,
        ),
        TrainingParameters(epochs=known.epochs, batch_size=known.batch_size, seeds=[seed]),
        CallbackParameters(),
    )
    planned = _schema(known, train_matrix), train_matrix, validation_matrix, *settings
    plan, screening = plan_trials(*planned), ScreeningParameters(enabled=False)
    trained = train_trials(
        plan,
        plan_screening(*planned, screening),
        {},
        train_matrix,
        validation_matrix,
        scaling,
        TrainingProgress(),
        settings[2],
        screening,
        LoggingParameters(folder="unused", csv=False, tensorboard=False),
    )
    results = {result.trial.id: result for result, *_ in trained}
    histories = collect_histories(plan, results)
    _, verdicts = diagnose_combinations(
        plan, results, histories, train_matrix, validation_matrix, scaling
    )
    allowed = {
        f"{activation} + {optimizer} {rate:g}": verdicts
        for (activation, optimizer, rate), verdicts in known.combinations.items()
    }
    return verdicts.assign(allowed=verdicts["combination"].map(allowed))


def _matrices(known: KnownSweep, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, TargetScaling]:
    """Scaled training and validation rows, drawn with the seed."""
    rng = np.random.default_rng(seed)
    x, y = known.data()
    order = rng.permutation(len(x))
    x, y = x[order], y[order]
    if known.damage is shuffled or known.damage is noisy:
        x, y = known.damage(rng, x, y)
    count = known.training_rows or 3 * len(x) // 4
    x = (x - x[:count].mean(axis=0)) / (x[:count].std(axis=0) + 1e-9)
    if known.damage is unscaled:
        x, y = known.damage(rng, x, y)
    scaling = TargetScaling()
    if known.task == "regression":
        scaling = TargetScaling(mean=float(y[:count].mean()), scale=float(y[:count].std()))
        y = (y - scaling.mean) / scaling.scale
    table = pd.DataFrame(x.astype(np.float32), columns=[f"x{i}" for i in range(x.shape[1])])
    table[TARGET] = y.astype(np.float32 if known.task == "regression" else np.int32)
    return table[:count], table[count:].reset_index(drop=True), scaling


def _schema(known: KnownSweep, matrix: pd.DataFrame) -> Schema:
    names = [name for name in matrix if name != TARGET]
    classes = () if known.task == "regression" else tuple(range(int(matrix[TARGET].max()) + 1))
    return Schema(
        task=known.task,
        target="y",
        classes=classes,
        features=tuple(Column(name=name, kind="numeric") for name in names),
        rows=len(matrix),
        fingerprint="",
    )
