"""How good the choices of ``registration.champion`` are, and what they cost.

A small grid is trained on several splits of a table; on each, all three are evaluated on the test
rows. Run ``python -m benchmarks.served``, with names of experiments for fewer of them.
"""

import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
import pandas as pd
from kedro.config import OmegaConfigLoader
from kedro.io import AbstractDataset, DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from benchmarks.machine import describe_machine
from benchmarks.prepare import CONF
from dnn_sweep import parameters as models
from dnn_sweep.core.champion.evaluation import evaluate_champion
from dnn_sweep.core.champion.refit import plan_served, refit_networks
from dnn_sweep.core.champion.served import ServedNetworks
from dnn_sweep.core.networks.build import network_outputs
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.pipeline_registry import register_pipelines
from dnn_sweep.settings import CONFIG_LOADER_ARGS

EXPERIMENTS = ("digits", "breast_cancer", "diabetes")
GRID = {"activations": ["relu", "elu", "tanh"], "optimizers": ["adam", "rmsprop"]}
SPLITS = 10
METHODS = get_args(models.Serving)


class Kept(MemoryDataset):
    """What Kedro does not forget once no further node needs it."""

    def __init__(self, *data: Any) -> None:
        super().__init__(*data, copy_mode="assign")

    def _release(self) -> None:
        pass


def sweep(experiment: str, split_seed: int, folder: Path, **changes: dict[str, Any]) -> Any:
    """Run an experiment's own nodes, with the small grid, until the champion is chosen.

    Args:
        experiment: A folder below ``conf``.
        split_seed: Decides which rows are in which split.
        folder: Receives the trained trials.
        changes: Further changes of parameters, group by group.

    Returns:
        Every dataset and group of parameters by its name.
    """
    config = OmegaConfigLoader(conf_source=str(CONF), env=experiment, **CONFIG_LOADER_ARGS)
    given = config["parameters"]
    # On one split: in folds every choice is trained anew.
    split = {"seed": split_seed, "folds": None}
    own = {"grid": GRID, "screening": {"enabled": False}, "split": split}
    own |= {"training": {"diagnostics": False}, "logs": {"csv": False}}
    for change in (own, changes):
        for group, values in change.items():
            given[group] = given[group] | values
    classes = {
        "data": models.DataParameters,
        "split": models.SplitParameters,
        "scaling": models.ScalingParameters,
        "network": models.NetworkParameters,
        "grid": models.GridParameters,
        "training": models.TrainingParameters,
        "screening": models.ScreeningParameters,
        "search": models.SearchParameters,
        "executor": models.ExecutorParameters,
        "budget": models.BudgetParameters,
        "callbacks": models.CallbackParameters,
        "evaluation": models.EvaluationParameters,
        "logs": models.LoggingParameters,
        "sweep": models.SweepParameters,
    }
    groups = {name: group(**given[name]) for name, group in classes.items()}
    trials = TrialStoreDataset(str(folder))
    pipeline = register_pipelines()["train"].to_outputs("champion_trial")
    catalog = DataCatalog(
        {name: Kept() for name in pipeline.datasets()}
        | {f"params:{name}": Kept(group) for name, group in groups.items()}
        | {
            "params:training.seeds": Kept(groups["training"].seeds),
            "params:budget.minutes": Kept(None),
            "raw_table": AbstractDataset.from_config("raw_table", config["catalog"]["raw_table"]),
            "training_display": Kept(TrainingProgress()),
            "earlier_rounds": Kept(Rounds()),
            "stage_clock": Kept({}),
            "checkpoints": Kept(NO_CHECKPOINTS),
            "finished_trials": trials,
            "trial_results": trials,
        }
    )
    SequentialRunner().run(pipeline, catalog)
    names = [name for name in pipeline.datasets() if ":" not in name]
    return groups | {name: catalog.load(name) for name in names}


def compare(
    experiment: str, split_seed: int, **changes: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Evaluate every choice of ``registration.champion`` on the test rows of one split.

    Args:
        experiment: As in :func:`sweep`, like the other arguments.
        split_seed: Decides which rows are in which split.
        changes: Further changes of parameters.

    Yields:
        Per choice: ``served``, the metrics on the test rows, ``seconds`` of further training,
        ``megabytes`` of the model's file and ``milliseconds`` to predict 1,000 rows.
    """
    with TemporaryDirectory() as folder:
        made = sweep(experiment, split_seed, Path(folder, "trials"), **changes)
        known = dict(made["trial_results"])
        chosen = made["champion_trial"], made["finals_plan"]
        rows = made["train_rows"], made["validation_rows"]
        for method in METHODS:
            registration = models.RegistrationParameters(champion=method)
            began = time.perf_counter()
            plan, *fitted = plan_served(
                *chosen,
                known,
                *rows,
                *(made[name] for name in ("preprocessor", "target_scaling", "schema", "scaling")),
                registration,
            )
            settings = (made[name] for name in ("schema", "training_display", "training", "logs"))
            for result in refit_networks(plan, known, *rows, *fitted, *settings):
                known[result.trial.id] = result
            seconds = time.perf_counter() - began
            champion, *_ = evaluate_champion(
                chosen[0],
                made["leaderboard"],
                chosen[1],
                plan,
                known,
                *(made[name] for name in ("schema", "train_matrix", "validation_matrix")),
                made["test_rows"],
                made["target_scaling"],
                *fitted,
                made["evaluation"],
                registration,
            )
            network = ServedNetworks.of(plan, known).load_network()
            network.save(Path(folder, "network.keras"))
            features = np.zeros((1000, network.input_shape[1]), np.float32)
            taken = []
            for _ in range(10):
                began = time.perf_counter()
                network_outputs(network, features)
                taken.append(time.perf_counter() - began)
            yield {
                "experiment": experiment,
                "split": split_seed,
                "served": method,
                **{name: estimate.value for name, estimate in champion.test.items()},
                "seconds": seconds,
                "megabytes": Path(folder, "network.keras").stat().st_size / 1e6,
                "milliseconds": 1000 * min(taken),
            }


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Average over the splits, with the paired differences of every metric to the other choices.

    Args:
        table: What :func:`compare` yields for one experiment and several splits.

    Returns:
        One row per choice: means, and ``<metric> minus <choice>``, with ``±`` its standard error
        over the splits. Their test rows overlap, so that error is a little too small.
    """
    costs = ["seconds", "megabytes", "milliseconds"]
    metrics = [n for n in table if n not in ("experiment", "split", "served", *costs)]
    means = table.groupby("served", sort=False)[[*metrics, *costs]].mean()
    by_split = table.pivot(index="split", columns="served", values=metrics)
    for name in metrics:
        for other in ("best_seed", "ensemble"):
            gained = by_split[name].sub(by_split[name][other], axis=0)
            error = gained.std() / np.sqrt(len(gained))
            means[f"{name} minus {other}"] = [
                f"{gained[method].mean():+.4f} ± {error[method]:.4f}" for method in means.index
            ]
    return means


if __name__ == "__main__":
    print(describe_machine(), {name: version(name) for name in ("keras", "tensorflow")})
    for name in sys.argv[1:] or EXPERIMENTS:
        found = pd.DataFrame([row for seed in range(SPLITS) for row in compare(name, seed)])
        print(f"\n{name}, {SPLITS} splits\n\n{summarize(found).T.to_string()}", flush=True)
