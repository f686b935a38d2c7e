"""Screening: which learning rate suits each combination, found before the finals.

The finals then train each combination at its best rate on seeds that the screening has not seen,
so that the choice of the rate does not bias what is reported.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, log, nan
from typing import Any

import numpy as np
import pandas as pd

from dnn_sweep.core.data.folds import rows_by_fold
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.learning_rates import at_rate, schedule_rates, with_rates
from dnn_sweep.core.plan.rounds import Rounds, plan_of_rounds
from dnn_sweep.core.plan.search_plan import NO_SEARCH, SearchPlan, plan_finalists
from dnn_sweep.core.plan.search_record import SearchRecord
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.judge import Judge
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import ScreeningParameters, Task


def choose_learning_rates(
    trial_plan: TrialPlan,
    screening_plan: TrialPlan,
    trial_results: Mapping[str, TrialResult],
    screening: ScreeningParameters,
    validation_matrix: pd.DataFrame | None = None,
    target_scaling: TargetScaling | None = None,
    folds: pd.DataFrame | None = None,
    objective: Objective | None = None,
    rounds: Rounds | None = None,
    search_plan: SearchPlan = NO_SEARCH,
    search_record: SearchRecord | None = None,
) -> tuple[TrialPlan, pd.DataFrame]:
    """Plan the finals as they were trained, and tabulate the screening.

    After a search these are the finals of what it found, and there was no screening.

    Of the plans, the first holds the finals at their optimizers' own learning rates, the second
    the screening's first trials (none without a screening); results are by the trial's id. The
    ``objective`` on the validation rows decides, by default that of the task; the rows themselves
    are needed only where epochs do not measure it. ``rounds`` are those of a sweep with a budget,
    whose finals have unequal seeds.

    Returns:
        The finals, each combination at its rate, and the table of :meth:`Screening.table`.

    >>> plans = trial_plan, screening_plan
    >>> finals, _ = choose_learning_rates(*plans, trial_results, screening)
    >>> {trial.combination: trial.learning_rate for trial in finals.trials}
    {'relu + sgd': 0.01, 'relu + adam': 0.03}
    """
    rounds = rounds or Rounds()
    if search_plan:
        same = search_record is not None and search_record.plan == search_plan.hash
        found = [p.values for p in search_record.finalists] if search_record and same else []
        if not found:
            raise SweepError("the search is not complete; run the training pipeline first")
        trial_plan = plan_finalists(search_plan, trial_plan, found)
        screening_plan = TrialPlan(trials=())
    true = None if validation_matrix is None else validation_matrix[TARGET].to_numpy()
    judge = Judge(objective, true, target_scaling or TargetScaling(), rows_by_fold(folds))
    whole = Screening(screening_plan, screening, judge=judge)
    screened = limit_screening(whole, trial_plan, rounds)
    screened.recall(trial_results)
    finals = with_rates(plan_of_rounds(trial_plan, rounds), screened.best_trials())
    return finals, screened.table(trial_plan.trials[0].task)


@dataclass(frozen=True)
class Screening:
    """A screening and its results so far, by the trial's id and without their networks.

    The plan has the first trials; none without a screening. The settings say how often a grid of
    learning rates may grow.
    """

    plan: TrialPlan
    settings: ScreeningParameters
    results: dict[str, TrialResult] = field(default_factory=dict)
    judge: Judge = field(default_factory=Judge)
    scores: dict[str, float] = field(default_factory=dict)  # of results that were added

    def asked_for(self) -> list[Trial]:
        """List every trial that the screening asks for, given its results so far.

        These are the plan's trials and, where a combination's best rate is the lowest or the
        highest tried, trials at the next rate beyond. The screening is complete when all are
        trained.
        """
        return [trial for candidates in self._candidates() for trial in candidates]

    def recall(self, store: Mapping[str, TrialResult]) -> None:
        """Add those results of earlier runs that the screening asks for."""
        while found := [t for t in self.asked_for() if t.id not in self.results and t.id in store]:
            for trial in found:
                self.add(store[trial.id].of(trial))

    def add(self, result: TrialResult) -> None:
        """Add a result."""
        self.scores[result.trial.id] = self.judge.score(result)
        self.results[result.trial.id] = result.without_network()

    def best_trials(self) -> dict[str, Trial]:
        """Return for each combination a screening trial at its best learning rate.

        Raises:
            SweepError: If a trial that the screening asks for has not been trained.
        """
        best = {}
        for candidates in self._candidates():
            rate, _ = self._finished(candidates)
            chosen = next(trial for trial in candidates if trial.learning_rate == rate)
            best[chosen.combination] = chosen
        return best

    def table(self, task: Task) -> pd.DataFrame:
        """Tabulate the screening.

        Returns:
            One row per trial: ``combination``, ``activation``, ``optimizer``, ``learning_rate``,
            the rates that a schedule names, ``seed``, ``epochs``, ``val_loss``, the objective on
            the validation rows (both at the epoch that was kept), ``diverged``, ``chosen`` and
            ``edge``: ``low`` or ``high`` where the chosen rate is still the lowest or highest
            tried.

        Raises:
            SweepError: If a trial that the screening asks for has not been trained.
        """
        rows: list[dict[str, Any]] = []
        metric = self.judge.metric(task).validation_metric
        for candidates in self._candidates():
            best, edge = self._finished(candidates)
            for trial in candidates:
                result, chosen = self.results[trial.id], trial.learning_rate == best
                value, loss = self._kept(trial)
                rows.append(
                    {
                        "combination": trial.combination,
                        "activation": trial.activation,
                        "optimizer": trial.optimizer,
                        "learning_rate": trial.learning_rate,
                        **schedule_rates(trial),
                        "seed": trial.seed,
                        "epochs": len(result.history),
                        "val_loss": loss,
                        metric: value,
                        "diverged": result.status == "diverged",
                        "chosen": chosen,
                        "edge": edge if chosen else "",
                    }
                )
        columns = ["combination", "activation", "optimizer", "learning_rate", "seed", "epochs"]
        columns += ["val_loss", metric, "diverged", "chosen", "edge"]
        return pd.DataFrame(rows, columns=None if rows else columns)

    def _candidates(self) -> Iterator[list[Trial]]:
        """The trials of each combination, with those beyond the edges."""
        for name in self.plan.combinations:
            trials = [trial for trial in self.plan.trials if trial.combination == name]
            for _ in range(self.settings.extensions):
                best = self._best(trials)
                if best is None or not best[1]:
                    break
                trials += _beyond(trials, best[1])
            yield trials

    def _best(self, candidates: Sequence[Trial]) -> tuple[float, str] | None:
        """The best rate so far, and the edge at which it lies; ``None`` while trials are missing.

        The objective decides, then the loss; of equals the lower rate is better.
        """
        if any(trial.id not in self.results for trial in candidates):
            return None
        sign = self.judge.metric(candidates[0].task).sign

        def goodness(rate: float) -> tuple[float, float, float]:
            found = [self._kept(t) for t in candidates if t.learning_rate == rate]
            values = [sign * value if isfinite(value) else -inf for value, _ in found]
            losses = [-loss if isfinite(loss) else -inf for _, loss in found]
            return float(np.mean(values)), float(np.mean(losses)), -rate

        rates = _rates(candidates)
        best = max(rates, key=goodness)
        return best, {rates[0]: "low", rates[-1]: "high"}.get(best, "")

    def _kept(self, trial: Trial) -> tuple[float, float]:
        """Objective and loss on the validation rows at the kept epoch; NaN if diverged."""
        result = self.results[trial.id]
        loss = nan if result.status == "diverged" else result.kept["val_loss"]
        known = trial.id in self.scores
        return self.scores[trial.id] if known else self.judge.score(result), loss

    def _finished(self, candidates: Sequence[Trial]) -> tuple[float, str]:
        best = self._best(candidates)
        if best is None:
            raise SweepError(
                f"the screening of {candidates[0].combination} is not complete; "
                "run the training pipeline first"
            )
        return best


def limit_screening(whole: Screening, finals: TrialPlan, rounds: Rounds) -> Screening:
    """Reduce a screening to what there was time for."""
    if rounds.own_rates:
        return own_rates_only(whole, finals)
    if rounds.extensions is None:
        return whole
    settings = whole.settings.model_copy(update={"extensions": rounds.extensions})
    return replace(whole, settings=settings)


def own_rates_only(whole: Screening, finals: TrialPlan) -> Screening:
    """Reduce a screening to the rate that is nearest to each combination's own."""
    own = {trial.combination: trial.learning_rate for trial in finals.trials}

    def distance(trial: Trial) -> float:
        return abs(log(trial.learning_rate / own[trial.combination]))

    nearest: dict[str, float] = {}
    for trial in sorted(whole.plan.trials, key=distance):
        nearest.setdefault(trial.combination, trial.learning_rate)
    kept = [t for t in whole.plan.trials if t.learning_rate == nearest[t.combination]]
    settings = whole.settings.model_copy(update={"extensions": 0})
    return replace(whole, plan=TrialPlan(trials=tuple(kept)), settings=settings)


def _rates(trials: Sequence[Trial]) -> list[float]:
    return sorted({trial.learning_rate for trial in trials})


def _beyond(trials: Sequence[Trial], edge: str) -> list[Trial]:
    """Trials at one more rate, as far from the edge as the edge is from its neighbour."""
    end, neighbour = _rates(trials)[:2] if edge == "low" else _rates(trials)[:-3:-1]
    return [at_rate(t, end * end / neighbour) for t in trials if t.learning_rate == end]
