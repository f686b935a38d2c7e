"""scikit-learn's ``MLPClassifier``: one ``partial_fit`` per epoch, trials on all cores."""

import os

import joblib
import numpy as np
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from benchmarks.workloads import Curve, TrialSpec, Work

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def train(work: Work) -> list[Curve]:
    """Train every trial, as many at once as there are cores."""
    jobs = min(os.cpu_count() or 1, len(work.trials))
    with joblib.parallel_config(
        "loky", inner_max_num_threads=max(1, (os.cpu_count() or 1) // jobs)
    ):
        run = joblib.Parallel(n_jobs=jobs)
        arrays = (work.x_train, work.y_train, work.x_validation, work.y_validation)
        settings = (work.hidden, work.batch_size, work.epochs)
        return run(joblib.delayed(_train_one)(trial, *arrays, *settings) for trial in work.trials)


def _train_one(
    trial: TrialSpec,
    x_train: np.ndarray,
    y_train: np.ndarray,
    x_validation: np.ndarray,
    y_validation: np.ndarray,
    hidden: tuple[int, ...],
    batch_size: int,
    epochs: int,
) -> Curve:
    classes = np.unique(y_train)
    model = MLPClassifier(
        hidden,
        activation=ACTIVATIONS[trial.activation],
        solver="adam" if trial.optimizer == "adam" else "sgd",
        learning_rate_init=trial.learning_rate,
        momentum=trial.arguments.get("momentum", 0.0),
        nesterovs_momentum=trial.arguments.get("nesterov", False),
        alpha=0.0,
        batch_size=batch_size,
        random_state=trial.seed,
    )
    losses, accuracies = [], []
    for _ in range(epochs):
        model.partial_fit(x_train, y_train, classes=classes)
        probabilities = model.predict_proba(x_validation)
        losses.append(log_loss(y_validation, probabilities, labels=classes))
        accuracies.append(np.mean(classes[probabilities.argmax(axis=1)] == y_validation))
    passes = model.t_ // len(x_train)  # t_ counts the rows seen so far
    steps = passes * -(-len(x_train) // batch_size)
    return Curve.of(trial, steps, losses, accuracies)
