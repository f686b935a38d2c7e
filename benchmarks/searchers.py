"""The contestants of a search's race: each searches the same space until its time is up.

The peers are written as their documentation shows them. A network counts from the epoch after which
it is better on the validation rows than all before; for our own search, from the end of its trial.
"""

from __future__ import annotations

import pickle
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

BATCH, EPOCHS = 128, 10
TASKS: dict[str, dict[str, Any]] = {  # experiments, and what differs from them
    "digits": {},
    "mnist": {"max_rows": 10_000},
    "breast_cancer": {},
}
ACTIVATIONS = ["sigmoid", "tanh", "relu", "elu", "gelu"]
OPTIMIZERS = ["sgd", "momentum", "rmsprop", "adam"]
RATE, WIDTH, DEPTH, DROPOUT = (1e-4, 0.1), (32, 256), (1, 4), (0.0, 0.5)


@dataclass
class Best:
    """The best networks so far: when they were found, their scores and how to build them.

    Args:
        began: Second of the epoch at which the process began.
        limit: Seconds of the search.
        rows: Folder of the task's rows.
    """

    began: float
    limit: float
    rows: Path
    found: list[tuple[float, float, Callable[[], Any]]] = field(default_factory=list)
    trained: int = 0

    def __post_init__(self) -> None:
        with np.load(self.rows / "arrays.npz") as arrays:
            self.arrays = {name: arrays[name] for name in arrays.files}

    def __deepcopy__(self, memo: dict[int, Any]) -> Best:
        """Itself: KerasTuner copies the callbacks that hold it."""
        return self

    @property
    def seconds(self) -> float:
        """Since the process began."""
        return time.time() - self.began

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.seconds > self.limit

    @property
    def given(self) -> dict[str, Any]:
        """What every ``model.fit`` is given."""
        rows = self.arrays
        return {
            "x": rows["x_train"],
            "y": rows["y_train"],
            "validation_data": (rows["x_validation"], rows["y_validation"]),
            "batch_size": BATCH,
            "verbose": 0,
        }

    def note(self, score: float, network: Callable[[], Any], at: float | None = None) -> None:
        """Keep a network if it is better than all before; ``at`` is now where it is not given."""
        at = self.seconds if at is None else at
        if at <= self.limit and (not self.found or score > self.found[-1][1]):
            self.found.append((at, score, network))


class TimeIsUpError(BaseException):
    """Ends a tuner that would take another exception for a failed trial."""


def dnn_sweep(best: Best, seed: int) -> None:
    """``search.method=tpe``, of which only the search itself is run."""
    from dnn_sweep import parameters as models
    from dnn_sweep.core.data.folds import divide_once
    from dnn_sweep.core.plan.planner import plan_trials
    from dnn_sweep.core.plan.search_plan import plan_search
    from dnn_sweep.core.training.engine import assign_engines, build_engines
    from dnn_sweep.core.training.judge import Judge
    from dnn_sweep.core.training.progress import TrainingProgress
    from dnn_sweep.core.training.search import Search

    schema, *matrices = pickle.loads((best.rows / "rows.pkl").read_bytes())  # noqa: S301 (our own)
    network = models.NetworkParameters(hidden=[64])
    grid = models.GridParameters(activations=ACTIVATIONS, optimizers=OPTIMIZERS)
    training = models.TrainingParameters(epochs=EPOCHS, batch_size=BATCH, diagnostics=False)
    ranges = {"learning_rate": RATE, "width": WIDTH, "depth": DEPTH, "dropout": DROPOUT}
    factors: dict[str, Any] = {
        name: {"low": low, "high": high, "log": name in ("learning_rate", "width")}
        for name, (low, high) in ranges.items()
    }
    settings = {"method": "tpe", "proposals": 100_000, "seed": 1000 + seed, "factors": factors}
    first = plan_trials(schema, *matrices, network, grid, training, models.CallbackParameters())
    given = network, grid, training, models.SearchParameters.model_validate(settings)
    plan = plan_search(first, schema, *matrices, *given)
    search, engines = Search(plan, Judge()), build_engines(search=plan)
    data, logs = divide_once(*matrices, 0.0).data, models.LoggingParameters(folder=".", csv=False)
    for trials, known, _ in search.rungs({}, lambda _, begun: not best.is_over):
        distinct = list({trial.id: trial for trial in trials}.values())
        for each in assign_engines(distinct, "auto", engines=engines):
            given_ = data, TrainingProgress(), logs, each.reason, known
            for result in each.engine.train(each.trials, *given_):
                search.add(result)
                best.trained += 1
                best.note(search.scores[result.trial.id], result.load_network)
                if best.is_over:
                    return


def optuna_keras(best: Best, seed: int) -> None:
    """TPE and the median pruner, one ``model.fit`` after another."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial: optuna.Trial) -> float:
        model = build_model(
            best.arrays,
            activation=trial.suggest_categorical("activation", ACTIVATIONS),
            optimizer=trial.suggest_categorical("optimizer", OPTIMIZERS),
            rate=trial.suggest_float("learning_rate", *RATE, log=True),
            width=trial.suggest_int("width", *WIDTH, log=True),
            depth=trial.suggest_int("depth", *DEPTH),
            dropout=trial.suggest_float("dropout", *DROPOUT),
        )
        best.trained += 1

        def after_epoch(epoch: int, score: float) -> None:
            trial.report(score, epoch)
            if trial.should_prune() or best.is_over:
                raise optuna.TrialPruned

        fitted = model.fit(**best.given, epochs=EPOCHS, callbacks=[noting(best, after_epoch)])
        return float(fitted.history["val_accuracy"][-1])

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective, timeout=max(best.limit - best.seconds, 0.0))


def keras_tuner_bayesian(best: Best, seed: int) -> None:
    """KerasTuner's Gaussian process, every proposal for all epochs."""
    import keras_tuner

    _tune(best, keras_tuner.BayesianOptimization, EPOCHS, max_trials=100_000, seed=seed)


def keras_tuner_hyperband(best: Best, seed: int) -> None:
    """KerasTuner's Hyperband, again and again."""
    import keras_tuner

    given = {"max_epochs": EPOCHS, "factor": 3, "hyperband_iterations": 10_000, "seed": seed}
    _tune(best, keras_tuner.Hyperband, EPOCHS, **given)


def _tune(best: Best, tuner: Callable[..., Any], epochs: int, **settings: Any) -> None:
    def build(hp: Any) -> Any:
        best.trained += 1
        low, high = RATE
        return build_model(
            best.arrays,
            activation=hp.Choice("activation", ACTIVATIONS),
            optimizer=hp.Choice("optimizer", OPTIMIZERS),
            rate=hp.Float("learning_rate", low, high, sampling="log"),
            width=hp.Int("width", *WIDTH, sampling="log"),
            depth=hp.Int("depth", *DEPTH),
            dropout=hp.Float("dropout", *DROPOUT),
        )

    def after_epoch(epoch: int, score: float) -> None:
        del epoch, score
        if best.is_over:
            raise TimeIsUpError

    with tempfile.TemporaryDirectory() as folder:
        search = tuner(build, objective="val_accuracy", directory=folder, **settings)
        try:
            callbacks = [noting(best, after_epoch)]
            search.search(**best.given, epochs=epochs, callbacks=callbacks)
        except TimeIsUpError:
            return


def ray_tune_asha(best: Best, seed: int) -> None:
    """Ray Tune: random configurations under ASHA, as many trials at once as there are cores."""
    import ray
    from ray import tune
    from ray.tune.search.basic_variant import BasicVariantGenerator

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    space = {
        "activation": tune.choice(ACTIVATIONS),
        "optimizer": tune.choice(OPTIMIZERS),
        "rate": tune.loguniform(*RATE),
        "width": tune.lograndint(WIDTH[0], WIDTH[1] + 1),
        "depth": tune.randint(DEPTH[0], DEPTH[1] + 1),
        "dropout": tune.uniform(*DROPOUT),
    }
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "networks"
        kept.mkdir()
        about = {"began": best.began, "limit": best.limit, "rows": best.rows, "kept": kept}
        trainable = tune.with_parameters(_train_for_ray, about=about)
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="val_accuracy",
                mode="max",
                scheduler=tune.schedulers.ASHAScheduler(max_t=EPOCHS, reduction_factor=3),
                search_alg=BasicVariantGenerator(random_state=seed),
                num_samples=-1,
                time_budget_s=max(best.limit - best.seconds, 1.0),
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        best.trained = sum("val_accuracy" in (each.metrics or {}) for each in results)
        ray.shutdown()
        for file in kept.glob("*.pkl"):
            found = pickle.loads(file.read_bytes())  # noqa: S301 (our own)
            best.found.append((found["at"], found["score"], _rebuild(best.arrays, found)))
    in_order, best.found = sorted(best.found, key=lambda each: each[0]), []
    for at, score, network in in_order:
        best.note(score, network, at)


def _train_for_ray(config: dict[str, Any], about: dict[str, Any]) -> None:
    """Train a configuration; runs in a worker of Ray's."""
    from uuid import uuid4

    from ray.tune.integration.keras import TuneReportCheckpointCallback

    best = Best(about["began"], about["limit"], about["rows"])
    model = build_model(best.arrays, **config)

    def after_epoch(epoch: int, score: float) -> None:
        del epoch
        if best.found and best.found[-1][1] == score:
            weights = model.get_weights()
            found = {"at": best.seconds, "score": score, "config": config, "weights": weights}
            draft = about["kept"] / f"{uuid4()}.part"
            draft.write_bytes(pickle.dumps(found))
            draft.rename(draft.with_suffix(".pkl"))

    callbacks = [noting(best, after_epoch), TuneReportCheckpointCallback(checkpoint_on=[])]
    model.fit(**best.given, epochs=EPOCHS, callbacks=callbacks)


def _rebuild(rows: dict[str, Any], found: dict[str, Any]) -> Callable[[], Any]:
    def network() -> Any:
        model = build_model(rows, **found["config"])
        model.set_weights(found["weights"])
        return model

    return network


def build_model(
    rows: dict[str, Any],
    *,
    activation: str,
    optimizer: str,
    rate: float,
    width: int,
    depth: int,
    dropout: float,
) -> Any:
    """A compiled network, as in tutorials."""
    import keras

    model = keras.Sequential([keras.Input((rows["x_train"].shape[1],))])
    for _ in range(depth):
        model.add(keras.layers.Dense(width, activation=activation))
        model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(int(rows["classes"]), activation="softmax"))
    chosen = {
        "sgd": lambda: keras.optimizers.SGD(rate),
        "momentum": lambda: keras.optimizers.SGD(rate, momentum=0.9),
        "rmsprop": lambda: keras.optimizers.RMSprop(rate),
        "adam": lambda: keras.optimizers.Adam(rate),
    }[optimizer]()
    model.compile(chosen, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def noting(best: Best, after_epoch: Callable[[int, float], None]) -> Any:
    """A callback that notes a network after each epoch, then calls a function with its score."""
    import keras

    class Noting(keras.callbacks.Callback):  # type: ignore[misc]
        def __deepcopy__(self, memo: dict[int, Any]) -> Noting:
            return self

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            score, model = float((logs or {})["val_accuracy"]), self.model
            if not best.found or score > best.found[-1][1]:
                weights = model.get_weights()

                def network() -> Any:
                    model.set_weights(weights)
                    return model

                best.note(score, network)
            after_epoch(epoch, score)

    return Noting()


CONTESTANTS: dict[str, Callable[[Best, int], None]] = {
    each.__name__: each
    for each in (
        dnn_sweep,
        optuna_keras,
        keras_tuner_bayesian,
        keras_tuner_hyperband,
        ray_tune_asha,
    )
}
