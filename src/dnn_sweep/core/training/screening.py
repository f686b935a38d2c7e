"""Screening: which learning rate suits each combination, found before the finals.

The finals then train each combination at its best rate on seeds that the screening has not seen,
so that the choice of the rate does not bias what is reported.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.learning_rates import at_rate, schedule_rates, with_rates
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import ScreeningParameters, Task


def choose_learning_rates(
    trial_plan: TrialPlan,
    screening_plan: TrialPlan,
    trial_results: Mapping[str, TrialResult],
    screening: ScreeningParameters,
) -> tuple[TrialPlan, pd.DataFrame]:
    """Plan the finals as they were trained, and tabulate the screening.

    Args:
        trial_plan: The finals' trials, at their optimizers' own learning rates.
        screening_plan: The screening's first trials; none without a screening.
        trial_results: Trained trials by id.
        screening: How often the grid of learning rates could grow.

    Returns:
        The finals, each combination at its rate, and one row per screening trial.
    """
    screened = recall(screening_plan, {}, trial_results, screening)
    finals = with_rates(trial_plan, best_trials(screening_plan, screened, screening))
    task = trial_plan.trials[0].task
    return finals, screening_table(screening_plan, screened, screening, task)


def asked_for(
    plan: TrialPlan, results: Mapping[str, TrialResult], screening: ScreeningParameters
) -> list[Trial]:
    """List every trial that the screening asks for, given its results so far.

    Args:
        plan: The screening's first trials.
        results: Results so far, by the trial's id.
        screening: How often a grid may grow.

    Returns:
        The plan's trials and, where a combination's best rate is the lowest or the highest
        tried, trials at the next rate beyond. The screening is complete when all are trained.
    """
    return [trial for each in _candidates(plan, results, screening) for trial in each.trials]


def recall(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    store: Mapping[str, TrialResult],
    screening: ScreeningParameters,
) -> dict[str, TrialResult]:
    """Add to the results so far those of earlier runs that the screening asks for.

    Args:
        plan: The screening's first trials.
        results: Results so far, by the trial's id.
        store: Results of earlier runs, by the trial's id.
        screening: How often a grid may grow.

    Returns:
        All of them, without their networks.
    """
    known = dict(results)
    while found := [
        trial
        for trial in asked_for(plan, known, screening)
        if trial.id not in known and trial.id in store
    ]:
        known |= {trial.id: store[trial.id].of(trial).without_network() for trial in found}
    return known


def best_trials(
    plan: TrialPlan, results: Mapping[str, TrialResult], screening: ScreeningParameters
) -> dict[str, Trial]:
    """Return for each combination a screening trial at its best learning rate.

    Raises:
        SweepError: If a trial that the screening asks for has not been trained.
    """
    best = {}
    for each in _candidates(plan, results, screening):
        rate = _finished(each, results).best
        best[each.combination] = next(t for t in each.trials if t.learning_rate == rate)
    return best


def screening_table(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    screening: ScreeningParameters,
    task: Task,
) -> pd.DataFrame:
    """Tabulate the screening.

    Args:
        plan: The screening's first trials; none if there was no screening.
        results: Results by the trial's id.
        screening: How often a grid could grow.
        task: What is predicted.

    Returns:
        One row per trial: ``combination``, ``activation``, ``optimizer``, ``learning_rate``,
        the rates that a schedule names, ``seed``, ``epochs``, ``val_loss``, the objective on the
        validation rows (both at the epoch that was kept), ``diverged``, ``chosen`` and ``edge``:
        ``low`` or ``high`` where the chosen rate is still the lowest or highest tried.

    Raises:
        SweepError: If a trial that the screening asks for has not been trained.
    """
    metric = objective_of(task).validation_metric
    rows: list[dict[str, Any]] = []
    for each in _candidates(plan, results, screening):
        outcome = _finished(each, results)
        for trial in each.trials:
            value, loss = _kept(results[trial.id])
            chosen = trial.learning_rate == outcome.best
            rows.append(
                {
                    "combination": trial.combination,
                    "activation": trial.activation,
                    "optimizer": trial.optimizer,
                    "learning_rate": trial.learning_rate,
                    **schedule_rates(trial),
                    "seed": trial.seed,
                    "epochs": len(results[trial.id].history),
                    "val_loss": loss,
                    metric: value,
                    "diverged": results[trial.id].status == "diverged",
                    "chosen": chosen,
                    "edge": outcome.edge if chosen else "",
                }
            )
    columns = ["combination", "activation", "optimizer", "learning_rate", "seed", "epochs"]
    columns += ["val_loss", metric, "diverged", "chosen", "edge"]
    return pd.DataFrame(rows, columns=None if rows else columns)


@dataclass(frozen=True)
class _Candidate:
    """A combination and the trials at its rates."""

    combination: str
    trials: tuple[Trial, ...]

    @property
    def rates(self) -> list[float]:
        return sorted({trial.learning_rate for trial in self.trials})

    def beyond(self, edge: str) -> "_Candidate":
        """Add one more rate, as far from the edge as the edge is from its neighbour."""
        rates = self.rates
        end, neighbour = (rates[0], rates[1]) if edge == "low" else (rates[-1], rates[-2])
        replicates = [trial for trial in self.trials if trial.learning_rate == end]
        further = tuple(at_rate(trial, end * end / neighbour) for trial in replicates)
        return _Candidate(self.combination, (*self.trials, *further))


@dataclass(frozen=True)
class _Outcome:
    """The best of a combination's rates, and the edge (low or high) at which it lies, if any."""

    best: float
    edge: str


def _candidates(
    plan: TrialPlan, results: Mapping[str, TrialResult], screening: ScreeningParameters
) -> Iterator[_Candidate]:
    for name in plan.combinations:
        candidate = _Candidate(
            name, tuple(trial for trial in plan.trials if trial.combination == name)
        )
        for _ in range(screening.extensions):
            outcome = _outcome(candidate, results)
            if outcome is None or not outcome.edge:
                break
            candidate = candidate.beyond(outcome.edge)
        yield candidate


def _outcome(candidate: _Candidate, results: Mapping[str, TrialResult]) -> _Outcome | None:
    """The best rate so far; ``None`` while trials are missing."""
    if any(trial.id not in results for trial in candidate.trials):
        return None
    rates = candidate.rates

    def goodness(rate: float) -> tuple[float, float, float]:
        """Compare by the objective, then the loss; of equals the lower rate is better."""
        found = [_kept(results[t.id]) for t in candidate.trials if t.learning_rate == rate]
        sign = objective_of(candidate.trials[0].task).sign
        values = [sign * value if isfinite(value) else -inf for value, _ in found]
        losses = [-loss if isfinite(loss) else -inf for _, loss in found]
        return float(np.mean(values)), float(np.mean(losses)), -rate

    best = max(rates, key=goodness)
    return _Outcome(best, {rates[0]: "low", rates[-1]: "high"}.get(best, ""))


def _finished(candidate: _Candidate, results: Mapping[str, TrialResult]) -> _Outcome:
    outcome = _outcome(candidate, results)
    if outcome is None:
        raise SweepError(
            f"the screening of {candidate.combination} is not complete; "
            "run the training pipeline first"
        )
    return outcome


def _kept(result: TrialResult) -> tuple[float, float]:
    """Return objective and loss on the validation rows at the kept epoch; NaN if diverged."""
    if result.status == "diverged":
        return float("nan"), float("nan")
    metric = objective_of(result.trial.task).validation_metric
    return result.kept[metric], result.kept["val_loss"]
