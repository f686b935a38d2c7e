"""What a finished sweep left behind, in one bundle for every text about it."""

from dataclasses import dataclass

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.data.predictions import HALF
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.diagnosis.verdicts import HEALTHY
from dnn_sweep.core.formatting import TIMES, count
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.reporting.commands import data_parameters, kedro_run, more_seeds
from dnn_sweep.core.reporting.warnings import unrecognised_classes, warn_of_champion
from dnn_sweep.parameters import Configuration

NAMED = 2  # combinations of each verdict


@dataclass(frozen=True)
class SweepResults:
    """What report, model card and console describe; fields are named as the catalog's datasets.

    >>> sweep_results.command
    'uv run kedro run --pipeline=train --env=iris'
    """

    leaderboard: pd.DataFrame  # one row per combination and baseline, best first
    champion: Champion
    comparison: Comparison
    verdicts: pd.DataFrame  # combination, verdict, evidence
    screening: pd.DataFrame  # one row per screened trial; none where learning rates were fixed
    time_to_target: pd.DataFrame  # one row per trial
    class_report: pd.DataFrame  # precision, recall, F1 and support per class; none for a regression
    test_predictions: pd.DataFrame  # one row per test row
    test_rows: pd.DataFrame  # raw, indexed by ``row_id``
    schema: Schema
    configuration: Configuration
    network_summaries: dict[str, str]  # by the network's name
    launcher: str  # how commands of the project begin, such as ``uv run``; may be empty
    environment: str  # the folder under ``conf`` that the run used

    @property
    def best(self) -> str:
        """The combination that leads the leaderboard, baselines aside."""
        return str(combinations_of(self.leaderboard)["combination"].iloc[0])

    @property
    def headline(self) -> str:
        """The champion and what it rests on, in a sentence; and what a baseline takes from it."""
        headline, reservation = self.champion.headline(self.best), self.comparison.reservation
        return f"{headline}, {reservation}" if reservation else headline

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said of the champion before anything else."""
        return warn_of_champion(self.champion, self.leaderboard, self.class_report)

    @property
    def remedies(self) -> tuple[tuple[str, str], ...]:
        """What may help with a class that is never recognised: purposes with commands."""
        if (
            unrecognised_classes(self.class_report).empty
            or self.configuration.training.class_weight
        ):
            return ()
        parameters = data_parameters(self.configuration.data)
        weighed = parameters | {"training.class_weight": "balanced"}
        offered = [("weigh the classes in the loss, rare ones more", weighed)]
        if self.schema.task == "binary" and self.champion.threshold == HALF:
            moved = parameters | {"registration.threshold": "auto"}
            offered.append(("choose the threshold of the served model on validation rows", moved))
        given = self.launcher, "train", self.environment
        return tuple((purpose, kedro_run(*given, values)) for purpose, values in offered)

    @property
    def decision(self) -> str:
        """What to use, at which learning rate, and how good that is on the test set."""
        champion = self.champion
        pays, rate = self.comparison.deep_network, f"{champion.learning_rate:g}"
        use = "Of the networks, use" if pays in ("does_not_pay", "no_skill") else "Use"
        label = self.objective.label
        return (
            f"{use} {champion.combination} at learning rate {rate}: {label} "
            f"{champion.test[self.objective.metric]} on the test set."
        )

    @property
    def failures(self) -> str:
        """How many combinations did not train well, and why; empty where all did."""
        ill = self.verdicts[self.verdicts["verdict"] != HEALTHY]
        if ill.empty:
            return ""
        reasons = []
        for verdict, names in ill.groupby("verdict", sort=False)["combination"]:
            listed = ", ".join(names.map(str)[:NAMED])
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            reasons.append(f"{verdict} ({listed}{more})")
        return (
            f"{len(ill)} of {count(len(self.verdicts), 'combination')} did not train well: "
            f"{'; '.join(reasons)}."
        )

    @property
    def objective(self) -> Objective:
        """The metric that ranks."""
        return self.champion.metric

    @property
    def rates(self) -> str:
        """The learning rates that were tried, on which claims about an optimizer rest."""
        if self.screening.empty:
            return "one learning rate for each combination, set beforehand and not searched for"
        at_edge = self.screening["chosen"] & self.screening["edge"].fillna("").ne("")
        if not (edges := self.screening.loc[at_edge, "combination"].nunique()):
            return describe_screening(self.screening)
        return (
            f"{describe_screening(self.screening)}; the best rate of {edges} of "
            f"{count(self.champion.combinations, 'combination')} lies on the edge of what was tried"
        )

    @property
    def command(self) -> str:
        """The command that runs the sweep again."""
        parameters = data_parameters(self.configuration.data)
        return kedro_run(self.launcher, "train", self.environment, parameters)

    @property
    def command_to_decide(self) -> str | None:
        """The command that trains the seeds that are missing; ``None`` where they do not help."""
        if not (number := self.comparison.next_seeds):
            return None
        parameters = more_seeds(self.configuration, number)
        return kedro_run(self.launcher, "train", self.environment, parameters)


def describe_screening(screening: pd.DataFrame) -> str:
    """Describe what the screening trained, of which there is one row per trial.

    >>> row = {"combination": "relu + adam", "learning_rate": 0.1, "seed": 7, "epochs": 3}
    >>> describe_screening(pd.DataFrame([row, row | {"learning_rate": 0.01}]))
    'screening: 2 learning rates per combination × 1 seed × 3 epochs, 2 trials in all'
    """
    rates = screening.groupby("combination")["learning_rate"].nunique()
    at_least = f"{rates.min()} to " if rates.min() < rates.max() else ""
    epochs = screening["epochs"]
    # A trial that stopped earlier, diverged or not, had as many to spend.
    fewer = "up to " if epochs.min() < epochs.max() else ""
    spans = [
        f"{at_least}{count(rates.max(), 'learning rate')} per combination",
        count(screening["seed"].nunique(), "seed"),
        fewer + count(epochs.max(), "epoch"),
    ]
    return f"screening: {f' {TIMES} '.join(spans)}, {count(len(screening), 'trial')} in all"
