"""Rank combinations on the validation rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.intervals import bootstrap_means, mean_interval
from dnn_sweep.core.comparison.paired_tests import compare_with_best, holm_p_values
from dnn_sweep.core.comparison.rank_stability import rank_stability
from dnn_sweep.core.comparison.scores import (
    ScoredSweep,
    factors_of,
)
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters


def rank_combinations(sweep: ScoredSweep, evaluation: EvaluationParameters) -> pd.DataFrame:
    """Build the leaderboard.

    Args:
        sweep: The scored combinations.
        evaluation: Confidence and resamples of the intervals, margin of equivalence.

    Returns:
        One row a combination, best first. After what describes a combination: the metric's mean
        over seeds and rows with its interval; ``tied_with_best``, see
        :func:`~dnn_sweep.core.comparison.paired_tests.compare_with_best`; the metric's
        standard deviation over seeds; ``difference_to_best`` (combination minus best, in the
        metric's unit) with an interval, all of which hold at once; ``p_holm`` of an exact test over
        seeds; and how
        stable the rank is under resampling: ``share_first``, ``rank_low``, ``rank_high``.
    """
    objective = sweep.objective
    metric = objective.validation_metric
    means = sweep.scores.mean(axis=(1, 2))
    order = (
        pd.DataFrame(sweep.summarised)
        .assign(better=-objective.sign * means, combination=sweep.names)
        .sort_values(["better", "val_loss_mean", "combination"])
        .index.to_numpy()
    )
    scores, means = sweep.scores[order], means[order]
    resampled = bootstrap_means(scores, evaluation)
    low, high = mean_interval(
        scores, resampled, evaluation.confidence, share=objective.mode == "max"
    )
    against = compare_with_best(
        scores, 0, objective.sign, evaluation.confidence, sweep.margin(evaluation)
    )
    stability = rank_stability(resampled, objective.sign, evaluation.confidence)
    seed_means = scores.mean(axis=2)
    columns = {
        "rank": np.arange(1, len(order) + 1),
        **_in_order(sweep.described, order),
        f"{metric}_mean": means,
        f"{metric}_ci_low": low,
        f"{metric}_ci_high": high,
        **_in_order(sweep.summarised, order),
        "tied_with_best": against.tied,
        f"{metric}_std": seed_means.std(axis=1, ddof=1) if len(sweep.seeds) > 1 else np.nan,
        "difference_to_best": against.difference,
        "difference_ci_low": against.low,
        "difference_ci_high": against.high,
        "p_holm": holm_p_values(seed_means, 0, evaluation.seed),
        "share_first": stability.share_first,
        "rank_low": stability.low,
        "rank_high": stability.high,
    }
    return pd.DataFrame(columns)


def _in_order(records: list[dict[str, Any]], order: NDArray[np.intp]) -> dict[str, list[Any]]:
    """Records as columns, in an order."""
    return {name: [records[position][name] for position in order] for name in records[0]}


def collect_histories(plan: TrialPlan, results: Mapping[str, TrialResult]) -> pd.DataFrame:
    """One row a trial and epoch, with what identifies the trial."""
    histories, identities = [], []
    for trial in plan.trials:
        result = results[trial.id]
        histories.append(result.history)
        identities.append(
            {
                "trial_id": trial.id,
                "combination": trial.combination,
                **factors_of(trial),
                "seed": trial.seed,
                "status": result.status,
                "engine": result.engine,
            }
        )
    lengths = [len(history) for history in histories]
    repeated = pd.DataFrame(identities).loc[np.repeat(np.arange(len(lengths)), lengths)]
    joined = pd.concat(histories, ignore_index=True)
    joined = joined.rename(columns={"learning_rate": "epoch_learning_rate"})
    return pd.concat([repeated.reset_index(drop=True), joined], axis=1)
