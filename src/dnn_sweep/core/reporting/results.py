"""What a finished sweep left behind, in one bundle for every text about it."""

from dataclasses import dataclass

import pandas as pd

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.reporting.commands import data_parameters, kedro_run
from dnn_sweep.core.reporting.screening_words import describe_rates
from dnn_sweep.parameters import Configuration


@dataclass(frozen=True)
class SweepResults:
    """What the report, the model card and the console tell of; named as the catalog's datasets.

    Args:
        leaderboard: One row per combination, best first.
        champion: The champion's record.
        comparison: What the statistics support, also in sentences.
        verdicts: ``combination``, ``verdict`` and ``evidence``.
        screening: One row per screened trial; no rows where the learning rates were fixed.
        time_to_target: One row per trial, see
            `dnn_sweep.core.comparison.time_to_target.time_to_target`.
        class_report: Precision, recall, F1 and support of each class; no rows for a regression.
        test_predictions: The champion's prediction for every test row.
        test_rows: The raw test rows, indexed by ``row_id``.
        schema: The columns, the task and the classes.
        configuration: Every group of parameters.
        network_summaries: The summary of each distinct network by its name.
        launcher: What a command of the project begins with, such as ``uv run``; may be empty.
        environment: The folder under ``conf`` that the run used.
    """

    leaderboard: pd.DataFrame
    champion: Champion
    comparison: Comparison
    verdicts: pd.DataFrame
    screening: pd.DataFrame
    time_to_target: pd.DataFrame
    class_report: pd.DataFrame
    test_predictions: pd.DataFrame
    test_rows: pd.DataFrame
    schema: Schema
    configuration: Configuration
    network_summaries: dict[str, str]
    launcher: str
    environment: str

    @property
    def best(self) -> str:
        """The combination that leads the leaderboard."""
        return str(self.leaderboard["combination"].iloc[0])

    @property
    def headline(self) -> str:
        """What the champion is, in a sentence."""
        return self.champion.headline(self.best)

    @property
    def objective(self) -> Objective:
        """The metric that ranks."""
        return objective_of(self.schema.task)

    @property
    def rates(self) -> str:
        """Which learning rates were tried."""
        return describe_rates(self.leaderboard, self.screening)

    @property
    def command(self) -> str:
        """The command that runs the sweep again."""
        parameters = data_parameters(self.configuration.data)
        return kedro_run(self.launcher, "train", self.environment, parameters)
