"""The leaderboard: the combinations ranked on the validation rows."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.histories import collect_histories
from dnn_sweep.core.comparison.holm import holm_p_values
from dnn_sweep.core.comparison.intervals import bootstrap_means, mean_interval, rank_intervals
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.comparison.scores import FACTORS, ScoredSweep, score_combinations
from dnn_sweep.core.comparison.summary import describe_comparison
from dnn_sweep.core.comparison.tied_set import compare_with_best
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters


def rank_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    evaluation: EvaluationParameters,
    folds: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Comparison]:
    """Compare the combinations on the validation rows; training rows say what no skill predicts.

    Returns:
        The leaderboard (:func:`build_leaderboard`), the histories
        (:func:`~dnn_sweep.core.comparison.histories.collect_histories`), ``combination``,
        ``seed``, score, ``diverged`` and ``seconds`` of every trial, and the comparison's record.

    >>> rows = train_matrix, validation_matrix, target_scaling
    >>> ranked, *_ = rank_combinations(finals_plan, trial_results, *rows, evaluation)
    >>> ranked["combination"].tolist()
    ['relu + adam', 'relu + sgd']
    """
    train_target, true = train_matrix[TARGET].to_numpy(), validation_matrix[TARGET].to_numpy()
    sweep = score_combinations(plan, results, train_target, true, target_scaling, folds)
    leaderboard = build_leaderboard(sweep, evaluation)
    score = sweep.objective.validation_metric
    seed_scores = sweep.trials[["combination", "seed", score, "diverged", "seconds"]]
    comparison = describe_comparison(sweep, leaderboard, evaluation)
    return leaderboard, collect_histories(plan, results), seed_scores, comparison


def build_leaderboard(sweep: ScoredSweep, evaluation: EvaluationParameters) -> pd.DataFrame:
    """Rank the combinations by their mean score; equals by validation loss, then by name.

    Returns:
        One row per combination, best first. ``<metric>`` is ``val_accuracy`` or ``val_mae``.

        - ``rank`` from 1, ``combination``, ``FACTORS``
        - ``<metric>_mean`` over seeds and rows, ``<metric>_ci_low``, ``<metric>_ci_high``
        - ``val_loss_mean``, ``seeds`` and ``diverged`` (counts), ``best_epoch``, ``epochs`` and
          ``seconds`` (means over seeds), ``engine``
        - ``tied_with_best`` (not shown to be worse), ``<metric>_std`` over seeds
        - ``difference_to_best`` (combination minus best), ``difference_ci_low``,
          ``difference_ci_high``; these intervals hold simultaneously
        - ``p_holm`` of the exact test; ``share_first``, ``rank_low``, ``rank_high`` (resampled)
    """
    metric, sign = sweep.objective.validation_metric, sweep.objective.sign
    training, confidence = _training_means(sweep), evaluation.confidence
    order = (
        pd.concat([sweep.combinations, training], axis=1)
        .assign(better=-sign * sweep.scores.mean(axis=(1, 2)))
        .sort_values(["better", "val_loss_mean", "combination"])
        .index.to_numpy()
    )
    scores = sweep.scores[order]
    resampled, seed_means = bootstrap_means(scores, evaluation), scores.mean(axis=2)
    share = sweep.objective.mode == "max"
    low, high = mean_interval(scores, resampled, confidence, share=share)
    differences = compare_with_best(scores, 0, sign, confidence, sweep.margin(evaluation))
    share_first, rank_low, rank_high = rank_intervals(resampled, sign, confidence)
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            **sweep.combinations.iloc[order].reset_index(drop=True),
            f"{metric}_mean": scores.mean(axis=(1, 2)),
            f"{metric}_ci_low": low,
            f"{metric}_ci_high": high,
            **training.iloc[order].reset_index(drop=True),
            "tied_with_best": differences.tied,
            f"{metric}_std": seed_means.std(axis=1, ddof=1) if len(sweep.seeds) > 1 else np.nan,
            "difference_to_best": differences.difference,
            "difference_ci_low": differences.low,
            "difference_ci_high": differences.high,
            "p_holm": holm_p_values(seed_means, 0, evaluation.seed),
            "share_first": share_first,
            "rank_low": rank_low,
            "rank_high": rank_high,
        }
    )


def _training_means(sweep: ScoredSweep) -> pd.DataFrame:
    """Figures of the trainings, one row per combination: means over seeds, and counts."""
    names = ("val_loss", "diverged", "best_epoch", "epochs", "seconds")
    values = {name: sweep.trials[name].to_numpy().reshape(sweep.scores.shape[:2]) for name in names}
    means = {name: each.mean(axis=1) for name, each in values.items()}
    engines = sweep.trials.groupby("combination", sort=False)["engine"]
    return pd.DataFrame(
        {
            "val_loss_mean": means["val_loss"],
            "seeds": len(sweep.seeds),
            "diverged": values["diverged"].sum(axis=1),
            **{name: means[name] for name in ("best_epoch", "epochs", "seconds")},
            "engine": engines.agg(lambda used: ", ".join(sorted(set(used)))).to_numpy(),
        }
    )


def measure_combinations(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """The leaderboard's figures by ``combination``, for the combinations' runs in MLflow.

    >>> measure_combinations(leaderboard).columns[:3].tolist()
    ['combination', 'rank', 'val_accuracy_mean']
    """
    figures = leaderboard.drop(columns=[*FACTORS, "engine"])
    return figures[["combination", *figures.select_dtypes(["number", "bool"]).columns]]
