"""What a finished sweep left behind, in one bundle for every text about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import pandas as pd
from pydantic import JsonValue

from dnn_sweep.core.champion.record import Champion
from dnn_sweep.core.comparison.leaderboard import combinations_of
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.data.predictions import HALF
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.formatting import TIMES, count, format_seconds
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.core.reporting.commands import (
    PYTHON,
    data_parameters,
    experiment_parameter,
    kedro_run,
    more_minutes,
    more_seeds,
    serve_model,
)
from dnn_sweep.core.reporting.failed import describe_failures
from dnn_sweep.core.reporting.warnings import unrecognised_classes, warn_of_champion
from dnn_sweep.core.training.halving import MOST_SEEDS
from dnn_sweep.parameters import Configuration

OF_ONE_RUN = ("sweep.", "inference.", "tracking.")  # parameters that no result depends on


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
    data_sample: pd.DataFrame  # a few training rows, raw
    schema: Schema
    configuration: Configuration
    network_summaries: dict[str, str]  # by the network's name
    launcher: str  # how commands of the project begin, such as ``uv run``; may be empty
    environment: str  # the folder under ``conf`` that the run used
    rounds: Rounds = field(default_factory=Rounds)  # of a budget; none without one
    given: Mapping[str, JsonValue] = field(default_factory=dict)  # by --params, by dotted name
    search: pd.DataFrame = field(default_factory=pd.DataFrame)  # one row per proposal, if any
    importances: pd.DataFrame = field(default_factory=pd.DataFrame)  # of a search's factors
    finalist_summaries: dict[str, str] = field(default_factory=dict)  # networks, by combination

    @property
    def best(self) -> str:
        """The combination that leads the leaderboard, baselines aside."""
        return str(combinations_of(self.leaderboard)["combination"].iloc[0])

    @property
    def headline(self) -> str:
        """The champion and what it rests on, in a sentence; and what a baseline takes from it."""
        headline = self.champion.headline(self.best, self.comparison.undecided)
        reservation = self.comparison.reservation
        served = self.champion.served.baseline  # about which the reservation says nothing
        return f"{headline}, {reservation}" if reservation and not served else headline

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
        parameters = self._source
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
        if champion.served.baseline:
            found = champion.test[self.objective.metric]
            return f"Use the baseline {champion.name}: {label} {found} on the test set."
        return (
            f"{use} {champion.combination} at learning rate {rate}: {label} "
            f"{champion.test[self.objective.metric]} on the test set."
        )

    @property
    def failures(self) -> str:
        """How many combinations did not train well, and why; empty where all did."""
        return describe_failures(self.verdicts, self.leaderboard)

    @property
    def tied(self) -> tuple[str, ...]:
        """The champion and those that are tied for first with it, without the undecided."""
        champion, undecided = self.champion, self.comparison.undecided
        others = tuple(each for each in champion.tied_with if each not in undecided)
        return (champion.combination, *others) if others else ()

    @property
    def undecided(self) -> tuple[str, ...]:
        """Those of which too few seeds were trained to tell whether they are worse."""
        return tuple(
            each for each in self.comparison.undecided if each != self.champion.combination
        )

    @property
    def objective(self) -> Objective:
        """The metric that ranks."""
        return self.champion.metric

    @property
    def rates(self) -> str:
        """What was tried before the finals, on which claims about an optimizer rest."""
        if not self.search.empty:
            return describe_search(self.search, self.configuration.search.method)
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
        parameters = self._source
        if (minutes := self.configuration.budget.minutes) is not None:
            parameters["budget.minutes"] = f"{minutes:g}"
        return kedro_run(self.launcher, "train", self.environment, parameters)

    @property
    def bought(self) -> str:
        """What the budget bought; empty without one."""
        return describe_budget(self.rounds, len(self.comparison.dropped))

    @property
    def to_decide(self) -> str | None:
        """What would decide more, in words; ``None`` where nothing would."""
        said, undecided = self.comparison.to_decide, len(self.comparison.dropped)
        if self.rounds.minutes is None or not self.command_to_decide:
            return said
        if undecided and seconds_to_tell(self.comparison) is None:
            more = f"More time would go on with the {undecided} that were dropped undecided."
            return f"{said} {more}" if said else more
        return said

    @property
    def command_to_decide(self) -> str | None:
        """The command that trains what is missing; ``None`` where more seeds do not help."""
        if self.rounds.minutes is not None:
            if not (minutes := more_time(self.rounds, self.comparison)):
                return None
            parameters = more_minutes(self.configuration, minutes)
        elif number := self.comparison.next_seeds:
            parameters = more_seeds(self.configuration, number)
        else:
            return None
        given = self._source | parameters
        return kedro_run(self.launcher, "train", self.environment, given)

    @property
    def command_to_serve(self) -> str | None:
        """The command that serves the registered model; ``None`` where none is registered."""
        registered = self.champion.registered
        if not registered.version:
            return None
        return serve_model(
            self.launcher, self.environment, registered.name, registered.alias or "champion"
        )

    @property
    def _source(self) -> dict[str, JsonValue]:
        """The parameters that find the data and the experiment again, and all that were given."""
        if self.launcher == PYTHON:
            return {}  # the same arguments
        data = self.configuration.data
        named = experiment_parameter(self.environment, self.champion.experiment, data)
        kept = {k: v for k, v in self.given.items() if not k.startswith(OF_ONE_RUN)}
        return {**data_parameters(data), **named, **kept}


def describe_budget(rounds: Rounds, undecided: int = 0) -> str:
    """Say in a sentence what the minutes of a budget bought; empty without a budget.

    ``undecided`` counts the dropped combinations that are not shown to be worse.

    >>> first = {"combinations": ["a", "b", "c"], "seeds": [0, 1]}
    >>> twice = [first, {"combinations": ["a", "b"], "seeds": [2]}]
    >>> rounds = Rounds.model_validate({"minutes": 5, "seconds": 251, "rounds": twice})
    >>> print(describe_budget(rounds))
    The budget of 5 minutes bought 3 combinations in 2 rounds: 2 seeds for each, 3 for the last 2;
    8 trainings, 4 min 11 s to the end of training.
    """
    if rounds.minutes is None:
        return ""
    counts = rounds.counts()
    fewest, most = min(counts.values()), max(counts.values())
    stayed = sum(each == most for each in counts.values())
    last = f", {most} for the last {stayed}" if most > fewest else ""
    open_ = f" {undecided} of those that were dropped would need more." if undecided else ""
    return (
        f"The budget of {count_of_minutes(rounds.minutes)} bought "
        f"{count(len(counts), 'combination')} in {count(len(rounds.rounds), 'round')}: "
        f"{count(fewest, 'seed')} for each{last}; {count(sum(counts.values()), 'training')}, "
        f"{format_seconds(rounds.seconds)} to the end of training.{open_}"
    )


def count_of_minutes(minutes: float) -> str:
    """Write a number of minutes, such as ``1 minute`` or ``2.5 minutes``.

    >>> count_of_minutes(2.5)
    '2.5 minutes'
    """
    return f"{minutes:g} minute{'' if minutes == 1 else 's'}"


def more_time(rounds: Rounds, comparison: Comparison) -> int | None:
    """Suggest a budget in whole minutes that would decide more; ``None`` if nothing is open.

    Where the comparison knows how many more seconds would tell the first two apart, every round
    gets as much more, since they share the time equally; otherwise it is twice the budget.
    """
    if rounds.minutes is None or not (comparison.tied_with_best or comparison.dropped):
        return None
    if (seconds := seconds_to_tell(comparison)) is not None:
        return ceil(rounds.minutes + seconds * len(rounds.rounds) / 60)
    one_seed = max(rounds.counts().values()) == 1
    return ceil(2 * rounds.minutes) if comparison.dropped or one_seed else None


def seconds_to_tell(comparison: Comparison) -> float | None:
    """Seconds of training that would tell the first two apart; ``None`` beyond the most seeds."""
    first = comparison.separations[0] if comparison.separations else None
    return first.seconds if first and first.seeds and first.seeds <= MOST_SEEDS else None


def describe_search(search: pd.DataFrame, method: str) -> str:
    """Describe what a search has looked at, of which there is one row per proposal.

    >>> row = {"epochs": 1, "finalist": None}
    >>> describe_search(pd.DataFrame([row, row, row | {"epochs": 3, "finalist": 1}]), "tpe")
    'search (tpe): 3 proposals, trained for 1 epoch, the best 1 for 3 epochs; 1 in the finals'
    """
    lengths = sorted(search["epochs"].unique())
    spans = [f"trained for {count(int(lengths[0]), 'epoch')}"]
    spans += [
        f"the best {int((search['epochs'] >= each).sum())} for {count(int(each), 'epoch')}"
        for each in lengths[1:]
    ]
    finalists = int(search["finalist"].notna().sum())
    looked_at = count(len(search), "proposal")
    return f"search ({method}): {looked_at}, {', '.join(spans)}; {finalists} in the finals"


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
