"""Searches under an equal limit of time: ``python -m benchmarks.search --seconds 60``.

Each contestant searches the same space on the same rows in a process of its own. Its clock starts
with the process, so imports, compilation and proposals count. Whenever a network is better on the
validation rows than all before, the second and the score are noted and its weights are kept; its
score on the test rows is computed after the clock has stopped. One line of JSON per contestant,
task and seed goes to the standard output.
"""

import time

BEGAN = time.perf_counter()

import argparse  # noqa: E402 - the clock runs already
import json  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from benchmarks.prepare import configuration, load_raw_table  # noqa: E402
from dnn_sweep import parameters as models  # noqa: E402
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows  # noqa: E402
from dnn_sweep.core.data.schema import Schema  # noqa: E402
from dnn_sweep.core.data.splitting import split_rows  # noqa: E402
from dnn_sweep.core.data.validation import validate_table  # noqa: E402

BATCH, EPOCHS = 128, 10
TASKS: dict[str, dict[str, Any]] = {  # experiments, and what differs from them
    "digits": {},
    "mnist": {"max_rows": 10_000},
    "breast_cancer": {},
}
ACTIVATIONS = ["sigmoid", "tanh", "relu", "elu", "gelu"]
OPTIMIZERS = ["sgd", "momentum", "rmsprop", "adam"]
RATE, WIDTH, DEPTH, DROPOUT = (1e-4, 0.1), (32, 256), (1, 4), (0.0, 0.5)

Weights = list[Any]


@dataclass
class Rows:
    """A task's scaled rows, each split with its target in the column ``target``."""

    schema: Schema
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame

    def arrays(self, split: str) -> tuple[Any, Any]:
        """Features as float32 and encoded targets."""
        from dnn_sweep.core.data.arrays import features_and_target

        x, y = features_and_target(getattr(self, split))
        return np.asarray(x, np.float32), np.asarray(y)


@dataclass
class Best:
    """The best networks so far: when they were found, their scores and how to build them."""

    limit: float
    found: list[tuple[float, float, Callable[[], Any]]] = field(default_factory=list)
    trained: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.perf_counter() - BEGAN > self.limit

    def note(self, score: float, network: Callable[[], Any]) -> None:
        """Count a network, and keep it if it is better than all before."""
        self.trained += 1
        if not self.is_over and (not self.found or score > self.found[-1][1]):
            self.found.append((time.perf_counter() - BEGAN, score, network))


def load_rows(task: str, seed: int, source_dir: str | None) -> Rows:
    """Split and scale a task's rows as a sweep does; ``seed`` decides the split."""
    given = configuration(task, source_dir)["parameters"]
    data = models.DataParameters(**given["data"] | TASKS[task])
    split = models.SplitParameters(**given["split"] | {"seed": seed, "folds": None})
    table, schema = validate_table(load_raw_table(configuration(task, source_dir)), data, split)
    *rows, _ = split_rows(table, schema, data, split)
    fitted = fit_preprocessor(rows[0], schema, models.ScalingParameters(**given["scaling"]))
    return Rows(schema, *(scale_rows(each, *fitted, schema) for each in rows))


def dnn_sweep(rows: Rows, best: Best, seed: int) -> None:
    """``search.method=tpe``, of which only the search itself is run."""
    from dnn_sweep.core.data.folds import divide_once
    from dnn_sweep.core.plan.planner import plan_trials
    from dnn_sweep.core.plan.search_plan import plan_search
    from dnn_sweep.core.training.engine import assign_engines, build_engines
    from dnn_sweep.core.training.judge import Judge
    from dnn_sweep.core.training.progress import TrainingProgress
    from dnn_sweep.core.training.search import Search

    network = models.NetworkParameters(hidden=[64])
    grid = models.GridParameters(activations=ACTIVATIONS, optimizers=OPTIMIZERS)
    training = models.TrainingParameters(epochs=EPOCHS, batch_size=BATCH, diagnostics=False)
    ranges = {"learning_rate": RATE, "width": WIDTH, "depth": DEPTH, "dropout": DROPOUT}
    factors: dict[str, Any] = {
        name: {"low": low, "high": high, "log": name in ("learning_rate", "width")}
        for name, (low, high) in ranges.items()
    }
    settings = {"method": "tpe", "proposals": 100_000, "seed": 1000 + seed, "factors": factors}
    matrices = rows.train, rows.validation
    first = plan_trials(
        rows.schema, *matrices, network, grid, training, models.CallbackParameters()
    )
    given = network, grid, training, models.SearchParameters.model_validate(settings)
    plan = plan_search(first, rows.schema, *matrices, *given)
    search, engines = Search(plan, Judge()), build_engines(search=plan)
    data, logs = divide_once(*matrices, 0.0).data, models.LoggingParameters(folder=".", csv=False)
    for trials, known, _ in search.rungs({}, lambda _: not best.is_over):
        distinct = list({trial.id: trial for trial in trials}.values())
        for each in assign_engines(distinct, "auto", engines=engines):
            given_ = data, TrainingProgress(), logs, each.reason, known
            for result in each.engine.train(each.trials, *given_):
                search.add(result)
                best.note(search.scores[result.trial.id], result.load_network)
                if best.is_over:
                    return


def optuna_keras(rows: Rows, best: Best, seed: int) -> None:
    """TPE and the median pruner, one ``model.fit`` after another, as in Optuna's examples."""
    import keras
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    (x, y), validation = rows.arrays("train"), rows.arrays("validation")
    classes = len(rows.schema.classes)

    class Report(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self, trial: optuna.Trial) -> None:
            super().__init__()
            self.trial = trial

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.trial.report((logs or {})["val_accuracy"], epoch)
            if self.trial.should_prune() or best.is_over:
                raise optuna.TrialPruned

    def objective(trial: optuna.Trial) -> float:
        activation = trial.suggest_categorical("activation", ACTIVATIONS)
        optimizer = trial.suggest_categorical("optimizer", OPTIMIZERS)
        rate = trial.suggest_float("learning_rate", *RATE, log=True)
        width = trial.suggest_int("width", *WIDTH, log=True)
        depth = trial.suggest_int("depth", *DEPTH)
        dropout = trial.suggest_float("dropout", *DROPOUT)
        model = keras.Sequential([keras.Input((x.shape[1],))])
        for _ in range(depth):
            model.add(keras.layers.Dense(width, activation=activation))
            model.add(keras.layers.Dropout(dropout))
        model.add(keras.layers.Dense(classes, activation="softmax"))
        chosen = {
            "sgd": lambda: keras.optimizers.SGD(rate),
            "momentum": lambda: keras.optimizers.SGD(rate, momentum=0.9),
            "rmsprop": lambda: keras.optimizers.RMSprop(rate),
            "adam": lambda: keras.optimizers.Adam(rate),
        }[optimizer]()
        model.compile(chosen, "sparse_categorical_crossentropy", metrics=["accuracy"])
        fitted = model.fit(
            x, y, batch_size=BATCH, epochs=EPOCHS, validation_data=validation, verbose=0,
            callbacks=[Report(trial)],
        )  # fmt: skip
        score = float(fitted.history["val_accuracy"][-1])
        best.note(score, lambda: model)
        return score

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective, timeout=max(best.limit - (time.perf_counter() - BEGAN), 0.0))


CONTESTANTS = {"dnn_sweep": dnn_sweep, "optuna_keras": optuna_keras}


def compete(name: str, task: str, seed: int, seconds: float, source_dir: str | None) -> str:
    """Let one contestant search; return its line."""
    best, rows = Best(seconds), load_rows(task, seed, source_dir)
    CONTESTANTS[name](rows, best, seed)
    x, y = rows.arrays("test")
    points = [
        {"seconds": round(at, 2), "validation": score, "test": accuracy(build(), x, y)}
        for at, score, build in best.found
    ]
    line = {"contestant": name, "task": task, "seed": seed, "limit": seconds}
    return json.dumps(line | {"trained": best.trained, "best": points})


def accuracy(network: Any, x: Any, y: Any) -> float:
    """Share of rows that a network gets right."""
    outputs = np.asarray(network.predict(x, verbose=0))
    given = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(int)
    return float((given == y).mean())


def race(given: argparse.Namespace) -> Iterator[str]:
    """Run every contestant in turn, each in a process of its own, and yield their lines."""
    for task in given.task or TASKS:
        for seed in range(given.seeds):
            for name in given.contestant or CONTESTANTS:
                command = [sys.executable, "-m", "benchmarks.search", "--one", f"--task={task}"]
                command += [f"--contestant={name}", f"--seed={seed}", f"--seconds={given.seconds}"]
                command += [f"--source-dir={given.source_dir}"] if given.source_dir else []
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                yield done.stdout.splitlines()[-1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", action="append", choices=TASKS)
    parser.add_argument("--contestant", action="append", choices=CONTESTANTS)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--source-dir", default=os.environ.get("DNN_SWEEP_SOURCE_DIR"))
    parser.add_argument("--one", action="store_true", help="in this process; for the race")
    parser.add_argument("--seed", type=int, default=0, help="with --one")
    asked = parser.parse_args()
    if asked.one:
        only = asked.contestant[0], asked.task[0], asked.seed, asked.seconds, asked.source_dir
        print(compete(*only), flush=True)
    else:
        for each in race(asked):
            print(each, flush=True)
