"""Real, small champions: a mixed table with gaps, its preprocessor and a network."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from dnn_sweep.core.champion.evaluation import tabulate_predictions
from dnn_sweep.core.champion.package import ChampionPackage, package_champion
from dnn_sweep.core.champion.record import ChampionEvaluation, Served, SplitSizes
from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.data.predictions import tabulate_outputs
from dnn_sweep.core.data.preprocessing import (
    encode_target,
    fit_preprocessor,
    scale_features,
)
from dnn_sweep.core.data.schema import Column, Schema, TargetScaling
from dnn_sweep.core.networks.build import build_network, network_outputs
from dnn_sweep.core.plan.planner import expand_grid
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    RegistrationParameters,
    ScalingParameters,
    TrainingParameters,
)

NAME = "dnn_sweep_mixed"
COLUMNS = {
    "age": "numeric",
    "visits": "numeric",
    "smoker": "boolean",
    "code": "categorical",
    "city": "categorical",
}
TARGETS = {
    "multiclass": [3, 5, 8],
    "binary": ["benign", "malignant"],
    "boolean": [False, True],
    "regression": None,
}
REGISTRATION = RegistrationParameters()


def make_rows(kind: str = "multiclass", rows: int = 40, seed: int = 0) -> pd.DataFrame:
    """Raw rows with numbers, whole numbers, booleans, codes and names, each with gaps."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.normal(50, 10, rows),
            "visits": rng.integers(0, 9, rows).astype(float),
            "smoker": pd.Series(rng.random(rows) < 0.5, dtype=object),
            "code": rng.integers(1, 4, rows),
            "city": rng.choice(["Oslo", "Lima", "Pune"], rows),
        }
    )
    for name, gap in [("age", 3), ("visits", 4), ("smoker", 1), ("city", 2)]:
        table.loc[gap, name] = None
    labels = TARGETS[kind]
    table["target"] = rng.normal(200, 30, rows) if labels is None else rng.choice(labels, rows)
    return table


@dataclass(frozen=True)
class Champion:
    """Everything that the registration takes from the pipelines before it."""

    result: TrialResult
    preprocessor: object
    schema: Schema
    scaling: TargetScaling
    rows: pd.DataFrame  # of validation
    evaluation: ChampionEvaluation
    train_rows: pd.DataFrame

    def outputs(self, rows: pd.DataFrame) -> np.ndarray:
        scaled = scale_features(rows, self.preprocessor, self.schema).to_numpy()
        return network_outputs(self.result.load_network(), scaled)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """What the parts predict, before they are registered."""
        return tabulate_outputs(self.outputs(rows), self.schema, self.scaling)

    def test_predictions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The table that the evaluation leaves of test rows."""
        target = encode_target(rows[self.schema.target], self.schema, self.scaling)
        given = self.outputs(rows), target, rows.index, self.schema, self.scaling
        return tabulate_predictions(*given)

    def package(self) -> ChampionPackage:
        return package_champion(
            self.result.trial,
            TrialPlan(trials=(self.result.trial,)),
            {self.result.trial.id: self.result},
            self.evaluation,
            self.preprocessor,
            self.schema,
            self.scaling,
            self.train_rows,
            self.rows,
        )


@cache
def make_champion(kind: str = "multiclass", *, seed: int = 0, text: bool = False) -> Champion:
    """A champion whose network has weights drawn from a seed; good enough to be served."""
    rows, train_rows, columns = make_rows(kind), make_rows(kind, rows=120, seed=1), COLUMNS
    if text:
        notes = ["Runs on Mondays.", "slept badly, runs", None, "nothing to report today"]
        rows, train_rows = rows.assign(note=notes * 10), train_rows.assign(note=notes * 30)
        columns = COLUMNS | {"note": "text"}
    task = "binary" if kind == "boolean" else kind
    schema = Schema(
        task=task,
        target="target",
        classes=tuple(TARGETS[kind] or ()),
        features=tuple(Column(name=name, kind=kind) for name, kind in columns.items()),
        rows=len(rows),
        fingerprint="f" * 64,
    )
    scaling = ScalingParameters(numeric="standard")
    preprocessor, target_scaling = fit_preprocessor(rows, schema, scaling)
    scaled = scale_features(rows, preprocessor, schema)
    plan = expand_grid(
        schema,
        scaled.shape[1],
        "0" * 64,
        NetworkParameters(hidden=[8, 6]),
        GridParameters(activations=["relu"], optimizers=["adam"]),
        TrainingParameters(epochs=3, seeds=[seed]),
        CallbackParameters(),
        encode_target(rows[schema.target], schema, target_scaling),
    )
    trial = plan.trials[0]
    network = build_network(trial.network, trial.seed)
    rng = np.random.default_rng(seed)
    network.set_weights([rng.normal(0, 0.7, each.shape) for each in network.get_weights()])
    metric = trial.network.metric
    result = TrialResult(
        trial=trial,
        status="completed",
        history=pd.DataFrame({"epoch": [1], "loss": [0.5], metric: [0.5]}),
        best_epoch=1,
        outputs=network_outputs(network, scaled.to_numpy()),
        seconds=1.0,
        engine="keras",
        engine_reason="test",
        load_network=lambda: network,
    )
    estimates = {metric: MetricEstimate(value=0.91, ci_low=0.85, ci_high=0.95)}
    evaluation = ChampionEvaluation(
        combination=trial.combination,
        activation=trial.activation,
        optimizer=trial.optimizer,
        learning_rate=trial.learning_rate,
        batch_size=trial.batch_size,
        dropout=trial.dropout,
        kernel_initializer=trial.kernel_initializer,
        seed=seed,
        epochs=trial.epochs,
        best_epoch=1,
        trial_id=trial.id,
        engine="keras",
        served=Served(
            method="best_seed",
            seeds=(seed,),
            trial_ids=(trial.id,),
            weights=network.count_params(),
        ),
        task=task,
        objective=f"val_{metric}",
        validation=estimates,
        test=estimates,
        rows=SplitSizes(train=120, validation=len(rows), test=40),
        confidence=0.95,
        resamples=1000,
        chosen_by="best",
        tied_with=(),
        combinations=30,
        trials=30,
        seeds=(seed,),
        diverged_trials=0,
    )
    parts = result, preprocessor, schema, target_scaling, rows, evaluation
    return Champion(*parts, train_rows)
