"""Ray Tune: a grid search whose trials are Keras fits, one core each, all cores at once."""

import tempfile
from typing import Any

import keras  # noqa: F401  (counts as start-up; the workers import it again)
import ray
from ray import tune
from ray.tune.integration.keras import TuneReportCheckpointCallback

from benchmarks.contestants.keras_loop import build_model, build_optimizer
from benchmarks.workloads import Curve, Work


def train_one(config: dict[str, Any], work: Work) -> None:
    """Train the trial that a configuration names; runs in a worker of Ray's."""
    trial = next(
        trial
        for trial in work.trials
        if (trial.combination, trial.seed) == (config["combination"], config["seed"])
    )
    model = build_model(trial, work)
    model.compile(
        optimizer=build_optimizer(trial),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(
        work.x_train,
        work.y_train,
        batch_size=work.batch_size,
        epochs=work.epochs,
        validation_data=(work.x_validation, work.y_validation),
        callbacks=[TuneReportCheckpointCallback(checkpoint_on=[])],
        verbose=0,
    )


def train(work: Work) -> list[Curve]:
    """Train every trial."""
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    grid = {
        "combination": tune.grid_search(list(dict.fromkeys(t.combination for t in work.trials))),
        "seed": tune.grid_search(list(dict.fromkeys(t.seed for t in work.trials))),
    }
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(train_one, work=work), {"cpu": 1}),
            param_space=grid,
            tune_config=tune.TuneConfig(metric="val_accuracy", mode="max"),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        found = {
            (result.config["combination"], result.config["seed"]): result.metrics_dataframe
            for result in tuner.fit()
        }
    ray.shutdown()
    return [
        Curve.of(
            trial,
            len(history) * work.steps_per_epoch,
            history["val_loss"],
            history["val_accuracy"],
        )
        for trial in work.trials
        for history in [found[trial.combination, trial.seed]]
    ]
