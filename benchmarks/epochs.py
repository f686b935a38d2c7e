"""How far the validation figures are too good if the rows that score also choose the epoch.

``python -m benchmarks.epochs`` prints the table of docs/comparison.md: validation minus test
accuracy, over several divisions of small tables.
"""

import argparse
import logging
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.predictions import class_probabilities
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.core.plan.planner import plan_trials
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.sweep import train_trials
from dnn_sweep.parameters import (
    CallbackParameters,
    DataParameters,
    GridParameters,
    LoggingParameters,
    NetworkParameters,
    ScalingParameters,
    ScreeningParameters,
    SplitParameters,
    TrainingParameters,
)

TABLES = {
    "digits": (load_digits, (64, 128, 256, 128, 64), 10),
    "breast_cancer": (load_breast_cancer, (32, 16), 50),
}
RULES = {
    "best by the rows that score": CallbackParameters.model_validate(
        {"checkpoint": {"enabled": True}}
    ),
    "last": CallbackParameters(),
}


def measure(table: str, seeds: int, divided: int) -> dict[str, list[float]]:
    """Mean validation and test accuracy by each rule, on one division of a table's rows."""
    load, hidden, epochs = TABLES[table]
    data, split = DataParameters(target="target"), SplitParameters(seed=divided, inner=0)
    scaling = ScalingParameters()
    clean, schema = validate_table(load(as_frame=True).frame, data, split)
    *rows, _ = split_rows(clean, schema, data, split)
    fitted = fit_preprocessor(rows[0], schema, scaling)
    train, validation, test = (scale_rows(each, *fitted, schema) for each in rows)
    training = TrainingParameters(epochs=epochs, seeds=range(seeds), diagnostics=False)
    grid = GridParameters(activations=["tanh", "relu"], optimizers=["rmsprop", "adam"])
    settings = schema, train, validation, NetworkParameters(hidden=hidden), grid, training
    plans = {rule: plan_trials(*settings, each, split=split) for rule, each in RULES.items()}
    rule_of = {trial.id: rule for rule, plan in plans.items() for trial in plan.trials}
    # One sweep, whose networks differ in nothing but the epoch that counts.
    both = TrialPlan(trials=tuple(each for plan in plans.values() for each in plan.trials))
    none, screening = TrialPlan(trials=()), ScreeningParameters()
    true, (x, unseen) = validation["target"].to_numpy(), features_and_target(test)
    found: dict[str, list[tuple[float, float]]] = {rule: [] for rule in RULES}
    with TemporaryDirectory() as folder:
        logs = LoggingParameters(folder=folder, csv=False)
        given = both, none, {}, train, validation, fitted[1], TrainingProgress(), training
        for result, *_ in train_trials(*given, screening, logs):
            outputs = result.outputs, network_outputs(result.load_network(), x)
            known, new = (class_probabilities(each, schema.task).argmax(axis=1) for each in outputs)
            found[rule_of[result.trial.id]].append(((known == true).mean(), (new == unseen).mean()))
    return {rule: np.mean(pairs, axis=0).tolist() for rule, pairs in found.items()}


def table(seeds: int, divisions: int) -> Iterator[str]:
    """Write the table, a line at a time."""
    yield "| table | epoch that counts | validation | test | validation - test |"
    yield "| --- | --- | ---: | ---: | ---: |"
    for name in TABLES:
        found = [measure(name, seeds, divided) for divided in range(divisions)]
        for rule in RULES:
            validation, test = np.transpose([each[rule] for each in found])
            gap = validation - test
            error = 1.96 * gap.std(ddof=1) / np.sqrt(divisions)
            means = f"{validation.mean():.4f} | {test.mean():.4f}"
            yield f"| {name} | {rule} | {means} | {gap.mean():+.4f} ± {error:.4f} |"
        lead = [each["best by the rows that score"][0] - each["last"][0] for each in found]
        more = [each["best by the rows that score"][1] - each["last"][1] for each in found]
        yield f"| {name} | best minus last | {np.mean(lead):+.4f} | {np.mean(more):+.4f} | |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--divisions", type=int, default=10)
    logging.getLogger("dnn_sweep").setLevel(logging.ERROR)
    given = parser.parse_args()
    for line in table(given.seeds, given.divisions):
        print(line, flush=True)
