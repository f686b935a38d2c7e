"""A small, realistic sweep as the pipelines hand it to reporting: built, not trained."""

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.record import Champion, RegisteredVersion, Served, SplitSizes
from dnn_sweep.core.comparison.baseline_models import NAMES
from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.comparison.record import AgainstBaseline, Comparison, Margin
from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.reporting.figures.time_to_target import measure_time_to_target
from dnn_sweep.core.reporting.results import SweepResults
from dnn_sweep.parameters import (
    CallbackParameters,
    Configuration,
    DataParameters,
    EvaluationParameters,
    GridParameters,
    NetworkParameters,
    ScalingParameters,
    ScreeningParameters,
    SplitParameters,
    TrainingParameters,
)

ACTIVATIONS = ("sigmoid", "tanh", "relu", "elu", "gelu")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")


@dataclass
class SampleSweep:
    """Everything that reporting reads, by its name in the catalog."""

    leaderboard: pd.DataFrame
    histories: pd.DataFrame
    champion: Champion
    confusion_matrix: pd.DataFrame
    class_report: pd.DataFrame
    test_predictions: pd.DataFrame
    test_rows: pd.DataFrame
    data_sample: pd.DataFrame
    schema: Schema
    configuration: Configuration
    network_summaries: dict[str, str] = field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        return dict(vars(self))

    def results(self, **changes: Any) -> SweepResults:
        """What the report, the model card and the console get; nothing was screened."""
        given = {
            "comparison": sample_comparison("One seed says nothing about seeds."),
            "verdicts": sample_verdicts(self),
            "screening": sample_screening(self)[:0],
            "time_to_target": measure_time_to_target(self.histories, self.champion),
            "launcher": "",
            "environment": self.champion.experiment,
        }
        own = self.inputs()
        for name in ("histories", "confusion_matrix"):
            own.pop(name)
        return SweepResults(**(own | given | changes))

    def change(self, **fields: Any) -> None:
        """Change fields of the champion's record."""
        self.champion = self.champion.model_copy(update=fields)

    def change_data(self, **fields: Any) -> None:
        """Change the data parameters of the configuration."""
        data = self.configuration.data.model_copy(update=fields)
        self.configuration = self.configuration.model_copy(update={"data": data})


def add_sample_baselines(sweep: SampleSweep, *values: float) -> Comparison:
    """Rank baselines in a sweep's leaderboard; return a record that says a network pays."""
    metric, board = sweep.champion.objective, sweep.leaderboard
    best = board[f"{metric}_mean"].iloc[0]
    models = [(spelling, name) for spelling, (name, _) in NAMES.items()][: len(values)]
    compared = [
        AgainstBaseline(
            baseline=spelling, name=name, score=value, difference=value - best,
            ci_low=value - best - 0.02, ci_high=value - best + 0.02, outcome="worse",
            rows=100, training_rows=100, seconds=0.25,
        )
        for (spelling, name), value in zip(models, values, strict=True)
    ]  # fmt: skip
    rows = pd.DataFrame(
        {
            "kind": "baseline",
            "combination": [each.name for each in compared],
            f"{metric}_mean": values,
            f"{metric}_ci_low": np.array(values) - 0.01,
            f"{metric}_ci_high": np.array(values) + 0.01,
            "seeds": 1,
            "diverged": 0,
            "tied_with_best": False,
            "difference_to_best": [each.difference for each in compared],
            "difference_ci_low": [each.ci_low for each in compared],
            "difference_ci_high": [each.ci_high for each in compared],
        }
    )
    joined = pd.concat([board, rows]).sort_values(
        f"{metric}_mean", ascending=metric == "val_mae", kind="stable", ignore_index=True
    )
    sweep.leaderboard = joined.assign(rank=range(1, len(joined) + 1))
    said = sample_comparison("The others are tied.", "A deep network pays here.", "More of it.")
    return said.model_copy(update={"baselines": tuple(compared), "deep_network": "pays"})


def sample_comparison(*sentences: str) -> Comparison:
    """A comparison's record that says these sentences."""
    return Comparison(
        metric="val_accuracy",
        combinations=3,
        comparisons=3,
        seeds=(0,),
        rows=100,
        confidence=0.95,
        resamples=1000,
        margin=Margin(given=0.0, value=0.0),
        best="relu + adam",
        tied_with_best=(),
        first_worse=None,
        smallest_p=1.0,
        smallest_p_holm=1.0,
        seeds_needed=9,
        seeds_suffice=False,
        champion_rule="best",
        sentences=sentences,
    )


def sample_sweep(
    pairs: list[tuple[str, str]] | None = None,
    *,
    task: str = "multiclass",
    seeds: tuple[int, ...] = (0,),
    epochs: int = 20,
    diverged: tuple[tuple[str, str], ...] = (),
    batch_sizes: tuple[int, ...] = (32,),
    labels: tuple[Any, ...] = tuple(range(10)),
    experiment: str = "digits",
    shape: tuple[int, ...] = (),
) -> SampleSweep:
    """Make up a sweep whose best pair is the one with the highest place in both lists."""
    pairs = list(product(ACTIVATIONS, OPTIMIZERS)) if pairs is None else pairs
    objective = objective_of(task)  # type: ignore[arg-type]
    random = np.random.default_rng(0)
    rows, histories = [], []
    for (activation, optimizer), batch_size in product(pairs, batch_sizes):
        combination = f"{activation} + {optimizer}"
        if len(batch_sizes) > 1:
            combination += f", batch {batch_size}"
        skill = (ACTIVATIONS.index(activation) + OPTIMIZERS.index(optimizer) + 2) / 11
        fails = (activation, optimizer) in diverged
        factors = {
            "combination": combination,
            "activation": activation,
            "optimizer": optimizer,
            "learning_rate": 0.01 if optimizer in OPTIMIZERS[:3] else 0.001,
            "batch_size": batch_size,
            "dropout": 0.0,
            "kernel_initializer": "glorot_uniform",
        }
        last = []
        for seed in seeds:
            stop = 3 if fails else epochs
            for epoch in range(1, stop + 1):
                share = 1 - np.exp(-epoch * (0.05 + 0.4 * skill))
                accuracy = 0.1 + 0.88 * share * (0.2 + 0.8 * skill) - batch_size / 1e4
                error = 170 - 110 * share * skill
                metric = accuracy if task != "regression" else error
                metric += random.normal(0, 0.004 if task != "regression" else 2)
                loss = 2.4 * (1 - accuracy)
                if fails and epoch == stop:
                    loss = float("nan")
                histories.append(
                    {
                        "trial_id": f"{combination}-{seed}",
                        **factors,
                        "seed": seed,
                        "status": "diverged" if fails else "completed",
                        "epoch": epoch,
                        "loss": loss,
                        objective.metric: metric + 0.01,
                        "val_loss": loss * 1.05,
                        objective.validation_metric: metric,
                        "epoch_learning_rate": factors["learning_rate"],
                        "seconds": 0.2,
                    }
                )
            last.append(metric)
        mean = float(np.mean(last)) if not fails else float("nan")
        margin = 0.012 if task != "regression" else 4.0
        name = objective.validation_metric
        rows.append(
            {
                **factors,
                f"{name}_mean": mean,
                f"{name}_ci_low": mean - margin,
                f"{name}_ci_high": mean + margin,
                "val_loss_mean": 0.2,
                "seeds": len(seeds),
                "diverged": len(seeds) if fails else 0,
                "best_epoch": 3 if fails else epochs,
                "epochs": epochs,
                "seconds": 4.2 * len(seeds),
                "engine": "keras",
            }
        )
    leaderboard = pd.DataFrame(rows).sort_values(
        f"{objective.validation_metric}_mean",
        ascending=objective.mode == "min",
        na_position="last",
        ignore_index=True,
    )
    leaderboard.insert(0, "rank", range(1, len(rows) + 1))
    leaderboard.insert(1, "kind", "combination")
    leaderboard["tied_with_best"] = leaderboard["rank"] <= min(3, len(rows))
    metric_column = f"{objective.validation_metric}_mean"
    leaderboard[f"{objective.validation_metric}_std"] = margin / 2 if len(seeds) > 1 else np.nan
    difference = leaderboard[metric_column] - leaderboard[metric_column].iloc[0]
    others = leaderboard["rank"] > 1
    leaderboard["difference_to_best"] = difference
    leaderboard["difference_ci_low"] = difference - margin * others
    leaderboard["difference_ci_high"] = difference + margin * others
    leaderboard["p_holm"] = np.where(others, 1.0, np.nan)
    leaderboard["rounds"] = 1
    leaderboard["shown_worse"] = ~leaderboard["tied_with_best"]
    leaderboard["share_first"] = np.where(others, 0.0, 1.0)
    leaderboard["rank_low"] = (leaderboard["rank"] - 2).clip(lower=1)
    leaderboard["rank_high"] = (leaderboard["rank"] + 2).clip(upper=len(rows))
    classification = task != "regression"
    test = 36 * len(labels) if classification else 89
    names = (
        ["accuracy", "macro_f1", "log_loss", "calibration_error"]
        if classification
        else ["mae", "rmse", "r2"]
    )
    values = [0.9722, 0.9719, 0.1043, 0.0182] if classification else [44.31, 55.02, 0.4471]
    metrics = {
        metric: MetricEstimate(value=value, ci_low=value * 0.98, ci_high=value * 1.01)
        for metric, value in zip(names, values, strict=True)
    }
    best = leaderboard.iloc[0]
    champion = Champion(
        experiment=experiment,
        combination=str(best["combination"]),
        activation=str(best["activation"]),
        optimizer=str(best["optimizer"]),
        learning_rate=best["learning_rate"],
        batch_size=int(best["batch_size"]),
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        seed=seeds[0],
        epochs=epochs,
        best_epoch=epochs - 1,
        trial_id="0123456789abcdef",
        engine="keras",
        served=Served(
            method="ensemble", seeds=seeds, trial_ids=("0123456789abcdef",) * len(seeds), weights=9
        ),
        task=task,  # type: ignore[arg-type]
        objective=objective.validation_metric,
        validation=metrics,
        test=metrics,
        rows=SplitSizes(train=3 * test, validation=test - 1, test=test),
        confidence=0.95,
        resamples=1000,
        chosen_by="best",
        tied_with=tuple(leaderboard["combination"][1 : min(3, len(rows))]),
        combinations=len(rows),
        trials=len(rows) * len(seeds),
        seeds=seeds,
        diverged_trials=len(diverged) * len(seeds),
        registered=RegisteredVersion(
            name=f"dnn_sweep_{experiment}",
            version="3",
            alias="champion",
            reason="accuracy 0.9749 is at least the holder's 0.9721 on the same rows",
        ),
    )
    truth = np.repeat(np.arange(len(labels)), 36)
    guess = np.where(
        random.random(len(truth)) < 0.95, truth, random.integers(len(labels), size=len(truth))
    )
    counts = pd.crosstab(truth, guess).reindex(
        index=range(len(labels)), columns=range(len(labels)), fill_value=0
    )
    confusion_matrix = pd.DataFrame(counts.to_numpy(), columns=[str(each) for each in labels])
    confusion_matrix.insert(0, "true", list(labels), allow_duplicates=True)
    class_report = pd.DataFrame(
        {"class": labels, "precision": 0.97, "recall": 0.96, "f1": 0.965, "support": 36}
    )
    if classification:
        sure = random.uniform(0.5, 1, len(truth))
        test_predictions = pd.DataFrame(
            {
                "row_id": [3 * i for i in range(test)],
                "true": [labels[i] for i in truth],
                "predicted": [labels[i] for i in guess],
            }
            | {
                f"probability_{label}": np.where(guess == i, sure, (1 - sure) / (len(labels) - 1))
                for i, label in enumerate(labels)
            }
        )
    else:
        values = random.uniform(25, 340, test)
        test_predictions = pd.DataFrame(
            {
                "row_id": [3 * i for i in range(test)],
                "true": values,
                "predicted": values + random.normal(0, 50, test),
            }
        )
        confusion_matrix, class_report = confusion_matrix[:0], class_report[:0]
    target = "digit" if classification else "progression"
    return SampleSweep(
        leaderboard=leaderboard,
        histories=pd.DataFrame(histories),
        champion=champion,
        confusion_matrix=confusion_matrix,
        class_report=class_report,
        test_predictions=test_predictions,
        test_rows=pd.DataFrame(
            random.integers(0, 17, (test, 64)),
            columns=[f"pixel{i}" for i in range(64)],
            index=pd.Index(test_predictions["row_id"], name="row_id"),
        ),
        data_sample=pd.DataFrame(
            random.integers(0, 17, (6, 64)), columns=[f"pixel{i}" for i in range(64)]
        ).assign(**{target: list(test_predictions["true"].iloc[:: test // 6][:6])}),
        schema=Schema(
            task=task,  # type: ignore[arg-type]
            target=target,
            classes=labels if classification else (),
            features=tuple(Column(name=f"pixel{i}", kind="numeric") for i in range(64)),
            rank="image" if shape else "table",
            shape=shape,
            dropped={"pixel64": "the same value in every row"},
            rows=5 * test,
            fingerprint="f" * 64,
        ),
        configuration=Configuration(
            data=DataParameters(target="digit"),
            split=SplitParameters(),
            scaling=ScalingParameters(),
            network=NetworkParameters(hidden=(64, 128, 256, 128, 64)),
            grid=GridParameters(activations=ACTIVATIONS, optimizers=OPTIMIZERS),
            training=TrainingParameters(epochs=epochs, seeds=seeds),
            screening=ScreeningParameters(),
            callbacks=CallbackParameters(),
            evaluation=EvaluationParameters(),
        ),
        network_summaries={
            "relu-ab12cd": 'Model: "relu"\n┃ hidden1 (Dense) ┃ (None, 64) ┃ 4,160 ┃\n'
        },
    )


def sample_screening(sweep: SampleSweep, rates: int = 3) -> pd.DataFrame:
    """What the screening of a sample sweep could have left: one row per trial.

    The middle rate is the best, except for sgd, where the highest one is, on the edge, and for
    sigmoid with adam, where the highest one diverged.
    """
    metric = sweep.champion.objective
    trials = []
    for row in sweep.leaderboard.to_dict("records"):
        best = rates - 1 if row["optimizer"] == "sgd" else rates // 2
        for place in range(rates):
            diverged = (
                place == rates - 1 and row["optimizer"] == "adam" and row["activation"] == "sigmoid"
            )
            worse = 0.1 * abs(place - best) * (-1 if metric == "val_accuracy" else 100)
            trials.append(
                {
                    "combination": row["combination"],
                    "activation": row["activation"],
                    "optimizer": row["optimizer"],
                    "learning_rate": row["learning_rate"] * 10.0 ** (place - best),
                    "seed": 100,
                    "epochs": 10,
                    "val_loss": 0.3,
                    metric: 0.1 if diverged else row[f"{metric}_mean"] + worse,
                    "diverged": diverged,
                    "chosen": place == best,
                    "edge": "high" if place == best == rates - 1 else "",
                }
            )
    return pd.DataFrame(trials)


def sample_verdicts(sweep: SampleSweep) -> pd.DataFrame:
    """A verdict a combination: sigmoid with sgd vanishes, the others are healthy."""
    names = sweep.leaderboard["combination"]
    fails = names == "sigmoid + sgd"
    return pd.DataFrame(
        {
            "combination": names,
            "verdict": np.where(fails, "vanishing gradient", "healthy"),
            "evidence": np.where(
                fails, "signal in layer 1 is 0.0002 of that in layer 5 (below 0.001)", "no sign"
            ),
        }
    )


def sample_diagnostics(sweep: SampleSweep) -> pd.DataFrame:
    """Three layers of every trial, before training, after an epoch and at the end."""
    return pd.DataFrame(
        {
            "trial_id": f"{name}-{seed}",
            "combination": name,
            "seed": seed,
            "epoch": epoch,
            "layer": layer,
            "signal_gradient_norm": 10.0 ** (place - 2 * seed) * (epoch > 0 or 0.5),
            "dead_units": np.nan if layer == "output" else 0.2 + 0.4 * seed,
            "saturated": np.nan if layer == "output" else 0.1,
        }
        for name in sweep.leaderboard["combination"]
        for seed in sweep.champion.seeds
        for epoch in (0, 1, 20 - seed)
        for place, layer in enumerate(("hidden1", "hidden2", "output"))
    )
