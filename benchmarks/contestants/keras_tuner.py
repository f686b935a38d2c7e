"""KerasTuner: a grid over combinations, each executed once per replicate."""

import tempfile
from collections import Counter
from typing import Any

import keras
import keras_tuner

from benchmarks.contestants.keras_loop import build_model, build_optimizer
from benchmarks.workloads import Curve, TrialSpec, Work


class Sweep(keras_tuner.HyperModel):
    """The grid in KerasTuner's terms. It also records the curves of every execution.

    Args:
        work: The trials to train, with their data.
    """

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.curves: list[Curve] = []
        self._work = work
        self._replicates: dict[str, list[TrialSpec]] = {}
        for trial in work.trials:
            self._replicates.setdefault(trial.combination, []).append(trial)
        self._done: Counter[str] = Counter()

    @property
    def executions(self) -> int:
        """Number of replicates of a combination."""
        return max(map(len, self._replicates.values()))

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Build and compile the model that the hyperparameters ask for."""
        name = hp.Choice("combination", list(self._replicates))
        trial = self._replicates[name][self._done[name]]  # builds and fits alternate
        model = build_model(trial, self._work)
        model.compile(
            optimizer=build_optimizer(trial),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, **given: Any) -> Any:
        """Fit and record the curves, because the tuner keeps only one number per trial."""
        name = hp.get("combination")
        trial = self._replicates[name][self._done[name]]
        self._done[name] += 1
        fitted = model.fit(**given)
        steps = model.optimizer.iterations.numpy()
        history = fitted.history
        self.curves.append(Curve.of(trial, steps, history["val_loss"], history["val_accuracy"]))
        return fitted


def train(work: Work) -> list[Curve]:
    """Train every trial."""
    sweep = Sweep(work)
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(
            sweep,
            objective="val_accuracy",
            executions_per_trial=sweep.executions,
            directory=folder,
            project_name="sweep",
        )
        tuner.search(
            x=work.x_train,
            y=work.y_train,
            batch_size=work.batch_size,
            epochs=work.epochs,
            validation_data=(work.x_validation, work.y_validation),
            verbose=0,
        )
    return sweep.curves
