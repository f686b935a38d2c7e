"""What MLflow should know of a sweep, from what the sweep has left on the disk."""

from collections import Counter
from collections.abc import Iterator, Mapping

import pandas as pd

from dnn_sweep.core.champion.evaluation import ServedMetrics, list_test_metrics
from dnn_sweep.core.champion.record import ChampionEvaluation
from dnn_sweep.core.comparison.leaderboard import combinations_of, measure_combinations
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.core.plan.search_plan import NO_SEARCH, SearchPlan
from dnn_sweep.core.plan.search_record import SearchRecord
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.reporting.model_card import shorten_card
from dnn_sweep.core.training.results import TrialReport, TrialResult
from dnn_sweep.core.training.screening import choose_learning_rates
from dnn_sweep.parameters import Configuration


def recall_finals(
    trial_plan: TrialPlan,
    screening_plan: TrialPlan,
    finished_trials: Mapping[str, TrialResult],
    configuration: Configuration,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    folds: pd.DataFrame | None = None,
    objective: Objective | None = None,
    rounds: Rounds | None = None,
    search_plan: SearchPlan = NO_SEARCH,
    search_record: SearchRecord | None = None,
) -> TrialPlan:
    """Plan the finals of the sweep that was planned last, as its screening or its search chose.

    There are none if it was stopped before that had ended.

    >>> given = trial_plan, screening_plan, trial_results, configuration
    >>> recalled = recall_finals(*given, validation_matrix, target_scaling)
    >>> [trial.learning_rate for trial in recalled.trials]
    [0.01, 0.03]
    """
    try:
        finals, _ = choose_learning_rates(
            trial_plan,
            screening_plan,
            finished_trials,
            configuration.screening,
            validation_matrix,
            target_scaling,
            folds,
            objective,
            rounds,
            search_plan,
            search_record,
        )
        return finals
    except SweepError:
        return TrialPlan(trials=())


def report_sweep(
    recalled_plan: TrialPlan,
    finished_trials: Mapping[str, TrialResult],
    objective: Objective,
    recorded_leaderboard: pd.DataFrame | None = None,
    recorded_evaluation: ChampionEvaluation | None = None,
    recorded_card: str | None = None,
) -> Iterator[tuple[TrialReport, pd.DataFrame, ServedMetrics, str]]:
    """Report every trial of the finals that is trained, as the training does.

    With the last trial come the figures of the leaderboard, the test metrics of what is served and
    the model card, which are empty until then. They stay empty if trials are missing, and where
    the leaderboard or the evaluation is not this sweep's but an earlier one's.

    >>> sweep = report_sweep(trial_plan, {}, objective)
    >>> [report.left for report, *_ in sweep]
    []
    """
    trained = [trial for trial in recalled_plan.trials if trial.id in finished_trials]
    replicates = Counter(trial.combination for trial in recalled_plan.trials)
    left = len(recalled_plan.trials)
    figures, metrics, card = pd.DataFrame(), ServedMetrics(), ""
    for trial in trained:
        left -= 1
        ranked = recorded_leaderboard
        if not left and ranked is not None and _is_of(recalled_plan, ranked, objective):
            figures = measure_combinations(ranked)
            metrics = _test_metrics(recalled_plan, recorded_evaluation, objective)
            card = shorten_card(recorded_card or "") if metrics.metrics else ""
        result = finished_trials[trial.id].of(trial)
        yield TrialReport(result, replicates[trial.combination], left), figures, metrics, card


def _test_metrics(
    plan: TrialPlan, champion: ChampionEvaluation | None, objective: Objective
) -> ServedMetrics:
    if champion is None or champion.metric != objective:
        return ServedMetrics()
    chosen = champion.combination, f"{champion.learning_rate:.9g}"
    return list_test_metrics(champion) if chosen in _rates(plan) else ServedMetrics()


def _is_of(plan: TrialPlan, leaderboard: pd.DataFrame, objective: Objective) -> bool:
    """Whether a leaderboard ranks what the plan trains, by the metric that is asked for."""
    if f"{objective.validation_metric}_mean" not in leaderboard:
        return False
    ranked = combinations_of(leaderboard)
    found = zip(ranked["combination"], ranked["learning_rate"], strict=True)
    return {(name, f"{rate:.9g}") for name, rate in found} == _rates(plan)


def _rates(plan: TrialPlan) -> set[tuple[str, str]]:
    return {(trial.combination, f"{trial.learning_rate:.9g}") for trial in plan.trials}
