"""Which learning rate suits each combination: small trials at several rates, before the finals.

The finals then train each combination at its best rate on seeds that the screening has not
seen. What is reported comes from the finals alone, so it carries no luck of having been picked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import ScreeningParameters


def at_every_rate(plan: TrialPlan, screening: ScreeningParameters) -> TrialPlan:
    """Spread a plan over the learning rates to try.

    Args:
        plan: The screening's seeds and epochs, each combination at its optimizer's own rate.
        screening: The factors.

    Returns:
        Each trial once for every rate, rates rising.
    """
    return TrialPlan(
        trials=tuple(
            at_rate(trial, trial.learning_rate * factor)
            for trial in plan.trials
            for factor in sorted(screening.factors)
        )
    )


def at_rate(trial: Trial, rate: float) -> Trial:
    """The same trial at another learning rate, of six digits: 10 × 0.001 is 0.01."""
    # Not a copy: that would keep an id already worked out.
    fields = {name: getattr(trial, name) for name in Trial.model_fields}
    return Trial(**fields | {"learning_rate": float(f"{rate:.6g}")})


def asked_for(
    plan: TrialPlan, results: Mapping[str, TrialResult], screening: ScreeningParameters
) -> list[Trial]:
    """Every trial that the screening asks for, as far as its results say.

    Args:
        plan: From :func:`at_every_rate`.
        results: Results so far, by the trial's id.
        screening: How often a grid may grow.

    Returns:
        The plan's trials and, where a combination's best rate is the lowest or the highest
        tried, trials at the next rate beyond. Once all are trained, the same list comes again
        and nothing is left to train.
    """
    return [trial for each in _candidates(plan, results, screening) for trial in each.trials]


def recall(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    store: Mapping[str, TrialResult],
    screening: ScreeningParameters,
) -> dict[str, TrialResult]:
    """Add what was trained before to what is known, as far as the screening asks for it.

    Args:
        plan: From :func:`at_every_rate`.
        results: Results so far, by the trial's id.
        store: Trained trials; each is read once at most.
        screening: How often a grid may grow.

    Returns:
        The results so far and those that were found, without their networks.
    """
    known = dict(results)
    while found := [
        trial
        for trial in asked_for(plan, known, screening)
        if trial.id not in known and trial.id in store
    ]:
        known |= {trial.id: store[trial.id].of(trial).without_network() for trial in found}
    return known


def best_rates(
    plan: TrialPlan, results: Mapping[str, TrialResult], screening: ScreeningParameters
) -> dict[str, float]:
    """Each combination's best rate, by its name.

    Raises:
        SweepError: If a trial that the screening asks for has not been trained.
    """
    return {
        each.combination: _finished(each, results).best
        for each in _candidates(plan, results, screening)
    }


def with_rates(plan: TrialPlan, rates: Mapping[str, float]) -> TrialPlan:
    """The plan of the finals: each combination at its rate, or its own where none is named."""
    return TrialPlan(
        trials=tuple(
            at_rate(trial, rates.get(trial.combination, trial.learning_rate))
            for trial in plan.trials
        )
    )


def screening_table(
    plan: TrialPlan, results: Mapping[str, TrialResult], screening: ScreeningParameters
) -> pd.DataFrame:
    """What the screening saw.

    Args:
        plan: From :func:`at_every_rate`; without trials where there was no screening.
        results: Results by the trial's id.
        screening: How often a grid could grow.

    Returns:
        One row a trial: ``combination``, ``activation``, ``optimizer``, ``learning_rate``,
        ``seed``, ``epochs``, ``val_loss``, the objective on the validation rows (both at the
        epoch that was kept), ``diverged``, ``chosen`` and ``edge``: ``low`` or ``high`` where the
        chosen rate is still the lowest or highest tried.

    Raises:
        SweepError: If a trial that the screening asks for has not been trained.
    """
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
                    "seed": trial.seed,
                    "epochs": len(results[trial.id].history),
                    "val_loss": loss,
                    objective_of(trial.task).validation_metric: value,
                    "diverged": results[trial.id].status == "diverged",
                    "chosen": chosen,
                    "edge": outcome.edge if chosen else "",
                }
            )
    columns = ["combination", "activation", "optimizer", "learning_rate", "seed", "epochs"]
    columns += ["val_loss", "val_accuracy", "diverged", "chosen", "edge"]
    return pd.DataFrame(rows, columns=None if rows else columns)


@dataclass(frozen=True)
class _Candidate:
    """A combination and the trials that look for its rate."""

    combination: str
    trials: tuple[Trial, ...]

    @property
    def rates(self) -> list[float]:
        return sorted({trial.learning_rate for trial in self.trials})

    def beyond(self, edge: str) -> "_Candidate":
        """With one more rate, as far from the edge as the edge is from its neighbour."""
        rates = self.rates
        end, neighbour = (rates[0], rates[1]) if edge == "low" else (rates[-1], rates[-2])
        replicates = [trial for trial in self.trials if trial.learning_rate == end]
        further = tuple(at_rate(trial, end * end / neighbour) for trial in replicates)
        return _Candidate(self.combination, (*self.trials, *further))


@dataclass(frozen=True)
class _Outcome:
    """The best of a combination's rates, and on which edge of the tried ones it lies, if any."""

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
        """The objective, then the loss; where all is alike, or has diverged, the lower rate."""
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
    """Objective and loss on the validation rows at the epoch that was kept; NaN if diverged."""
    if result.status == "diverged":
        return float("nan"), float("nan")
    metric = objective_of(result.trial.task).validation_metric
    return result.kept[metric], result.kept["val_loss"]
