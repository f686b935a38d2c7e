"""The leaderboard: combinations and baselines ranked on the validation rows."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.against_baselines import compare_baselines, tabulate_baselines
from dnn_sweep.core.comparison.baselines import Baseline
from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.histories import collect_histories
from dnn_sweep.core.comparison.holm import holm_p_values
from dnn_sweep.core.comparison.intervals import draw_means, mean_interval, rank_intervals
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.comparison.scores import (
    FACTORS,
    ScoredSweep,
    TrialScorer,
    score_combinations,
)
from dnn_sweep.core.comparison.summary import describe_comparison
from dnn_sweep.core.data.folds import count_folds
from dnn_sweep.core.data.preprocessing import TARGET, numbered_groups
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters

_MEASURED = [objective_of(task).validation_metric for task in ("binary", "regression")]
WHOLE_NUMBERS = ("batch_size", "rounds", "rank_low", "rank_high")  # empty for a baseline


def rank_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    evaluation: EvaluationParameters,
    baselines: Sequence[Baseline] = (),
    folds: pd.DataFrame | None = None,
    objective: Objective | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, Comparison]:
    """Compare the combinations on the validation rows; training rows say what no skill predicts.

    Where rows belong together (``group`` of the matrices), chance is in the draw of their groups.
    Without an ``objective``, that of the task counts.

    Returns:
        The leaderboard (:func:`build_leaderboard` with :func:`add_baselines`), the histories
        (:func:`~dnn_sweep.core.comparison.histories.collect_histories`), ``combination``,
        ``seed``, score, ``diverged`` and ``seconds`` of every trial, and the comparison's record.

    Raises:
        SweepError: If the objective was resolved from another ``evaluation.objective``.

    >>> rows = train_matrix, validation_matrix, target_scaling
    >>> ranked, *_ = rank_combinations(finals_plan, trial_results, *rows, evaluation, baselines)
    >>> ranked["kind"].value_counts().to_dict()
    {'baseline': 4, 'combination': 2}
    """
    if objective and objective.given != evaluation.objective:
        raise SweepError(
            f"evaluation.objective is {evaluation.objective}, but learning rates were chosen by "
            f"{objective.given}; run the pipeline train, which trains only what is missing"
        )
    train_target, true = train_matrix[TARGET].to_numpy(), validation_matrix[TARGET].to_numpy()
    groups = numbered_groups(validation_matrix)
    targets = train_target, true, target_scaling
    sweep = score_combinations(plan, results, *targets, folds, objective, groups)
    ranked = build_leaderboard(sweep, evaluation)
    leaderboard, compared = ranked, []
    if baselines:
        given = sweep.objective, plan.trials[0], *targets
        scorer = TrialScorer.of(*given, groups=groups).scorer
        scores = np.array([each.row_scores(scorer, target_scaling) for each in baselines])
        best = [*sweep.combinations["combination"]].index(ranked["combination"][0])
        compared = compare_baselines(sweep, best, baselines, scores, evaluation)
        rows = tabulate_baselines(compared, scores, sweep, evaluation)
        leaderboard = add_baselines(ranked, rows, sweep)
    score = sweep.objective.validation_metric
    seed_scores = sweep.trials[["combination", "seed", score, "diverged", "seconds"]]
    comparison = describe_comparison(
        sweep, ranked, evaluation, compared, folds=bool(count_folds(folds))
    )
    return leaderboard, collect_histories(plan, results), seed_scores, comparison


def build_leaderboard(sweep: ScoredSweep, evaluation: EvaluationParameters) -> pd.DataFrame:
    """Rank the combinations by their mean score; equals by validation loss, then by name.

    Where a budget dropped some, those that trained in more rounds come first.

    Returns:
        One row per combination, best first; ``<metric>`` is such as ``val_accuracy``.

        - ``rank`` from 1, which equals share
        - ``kind`` (``combination``), ``combination``, ``FACTORS``, and of a search's finals a
          column for every other factor
        - ``<metric>_mean`` over seeds and rows, ``<metric>_ci_low``, ``<metric>_ci_high``
        - ``val_accuracy_mean`` or ``val_mae_mean`` where another metric ranks
        - ``val_loss_mean``, ``seeds`` and ``diverged`` (counts), ``best_epoch``, ``epochs`` and
          ``seconds`` (means over seeds), ``engine``
        - ``tied_with_best`` (not dropped, not shown to be worse, and no seed diverged),
          ``<metric>_std`` over seeds
        - ``difference_to_best`` (combination minus best, on the seeds that both have),
          ``difference_ci_low``, ``difference_ci_high``; these intervals hold simultaneously
        - ``p_holm`` of the exact test; ``share_first``, ``rank_low``, ``rank_high`` (resampled)
        - ``rounds`` of a budget in which it trained (1 without one), of which those that were
          dropped have fewer than the first row; ``shown_worse``
    """
    metric, sign = sweep.objective.validation_metric, sweep.objective.sign
    training, confidence = _training_means(sweep), evaluation.confidence
    order = (
        pd.concat([sweep.combinations, training], axis=1)
        .assign(better=-sign * sweep.means, dropped=-sweep.seed_counts)
        .sort_values(["dropped", "better", "val_loss_mean", "combination"])
        .index.to_numpy()
    )
    looks = sweep.looks(order)
    scale, means = sweep.objective.scale, sweep.means[order]

    def describe(scores: Floats) -> tuple[Floats, ...]:
        seed_means = np.nanmean(scores, axis=2)
        several = scores.shape[1] > 1
        spread = seed_means.std(axis=1, ddof=1) if several else np.full(len(scores), np.nan)
        p_values = np.minimum(looks.judging * holm_p_values(seed_means, 0, evaluation.seed), 1)
        drawn = draw_means(scores, evaluation, scale)
        low, high = mean_interval(scores, confidence, scale, sweep.independent_rows)
        return low, high, spread, p_values, drawn.T

    low, high, spread, p_values, drawn = looks.of_last_looks(describe)
    margin = sweep.margin(evaluation)
    differences = looks.compare_with_best(sign, confidence, margin, scale=scale)
    share_first, rank_low, rank_high = rank_intervals(drawn.T, sign, confidence)
    stayed = looks.rounds == looks.rounds[0]
    steady = training["diverged"].to_numpy()[order] == 0
    return pd.DataFrame(
        {
            "rank": _ranks(-sign * means, looks.rounds),
            "kind": "combination",
            **sweep.combinations.iloc[order].reset_index(drop=True),
            f"{metric}_mean": means,
            f"{metric}_ci_low": low,
            f"{metric}_ci_high": high,
            **training.iloc[order].reset_index(drop=True),
            "tied_with_best": differences.tied & stayed & (steady | (order == order[0])),
            f"{metric}_std": spread,
            "difference_to_best": differences.difference,
            "difference_ci_low": differences.low,
            "difference_ci_high": differences.high,
            "p_holm": p_values,
            "share_first": share_first,
            "rank_low": rank_low,
            "rank_high": rank_high,
            "rounds": looks.rounds,
            "shown_worse": ~differences.tied,
        }
    )


def add_baselines(
    leaderboard: pd.DataFrame, baselines: pd.DataFrame, sweep: ScoredSweep
) -> pd.DataFrame:
    """Add the baselines to the ranked combinations, as rows of ``kind`` ``baseline``.

    One ``rank`` counts all rows; of equals the combination comes first. Everything else that a
    combination's row says is about the combinations alone, and stays as it was: the tied set, the
    p-values, the share ranked first and the range of ranks. ``difference_to_best`` is to the best
    combination in every row. Columns that do not apply to a baseline are empty.
    """
    joined = pd.concat(
        [leaderboard.astype(dict.fromkeys(WHOLE_NUMBERS, "Int64")), baselines], ignore_index=True
    )
    better = -sweep.objective.sign * joined[f"{sweep.objective.validation_metric}_mean"].to_numpy()
    # What was dropped stays behind what was not, even if its few seeds have a better mean.
    place = better.copy()
    place[: len(leaderboard)] = np.maximum.accumulate(better[: len(leaderboard)])
    order = np.argsort(place, kind="stable")
    ranked = joined.iloc[order].reset_index(drop=True)
    rounds = ranked["rounds"].fillna(ranked["rounds"].max()).to_numpy(dtype=np.int64)
    return ranked.assign(rank=_ranks(better[order], rounds))


def _ranks(worse: Floats, rounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the rows of a ranking; neighbours with the same value and rounds share a rank."""
    new = (np.diff(worse, prepend=np.nan) != 0) | (np.diff(rounds, prepend=0) != 0)
    places = np.arange(1, len(worse) + 1)
    return np.asarray(np.maximum.accumulate(np.where(new, places, 0)), dtype=np.int64)


def combinations_of(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """The leaderboard's rows of kind ``combination``, best first; ``rank`` still counts all rows.

    >>> combinations_of(leaderboard)["combination"].tolist()
    ['relu + adam', 'relu + sgd']
    """
    rows = leaderboard[leaderboard["kind"] == "combination"].reset_index(drop=True)
    return rows.astype(dict.fromkeys(WHOLE_NUMBERS, "int64"))


def _training_means(sweep: ScoredSweep) -> pd.DataFrame:
    """Figures of the trainings, one row per combination: means over seeds, and counts."""
    names = ["val_loss", "diverged", "best_epoch", "epochs", "seconds"]
    # What is measured in every epoch, where another metric ranks.
    others = [n for n in _MEASURED if n in sweep.trials and n != sweep.objective.validation_metric]
    trials = sweep.trials.groupby("combination", sort=False)
    means = trials[[*others, *names]].mean(skipna=False).reset_index(drop=True)
    return pd.DataFrame(
        {
            **{f"{name}_mean": means[name] for name in [*others, "val_loss"]},
            "seeds": sweep.seed_counts,
            "diverged": trials["diverged"].sum().to_numpy(),
            **means[["best_epoch", "epochs", "seconds"]],
            "engine": trials["engine"].agg(lambda used: ", ".join(sorted(set(used)))).to_numpy(),
        }
    )


def measure_combinations(leaderboard: pd.DataFrame) -> pd.DataFrame:
    """The combinations' figures in the leaderboard, for their runs in MLflow.

    >>> measure_combinations(leaderboard).columns[:3].tolist()
    ['combination', 'rank', 'val_accuracy_mean']
    """
    figures = combinations_of(leaderboard).drop(columns=[*FACTORS, "engine"])
    return figures[["combination", *figures.select_dtypes(["number", "bool"]).columns]]
