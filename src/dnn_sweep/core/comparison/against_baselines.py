"""The best combination against the baselines: does a deep network pay here?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dnn_sweep.core.comparison.baselines import Baseline
from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.intervals import BOUNDS, Scale, mean_interval
from dnn_sweep.core.comparison.mean_errors import draw_mean_errors
from dnn_sweep.core.comparison.record import AgainstBaseline, NetworkVerdict, Outcome
from dnn_sweep.core.comparison.scores import ScoredSweep
from dnn_sweep.core.comparison.tied_set import DRAWS, compare_with_best, error_for
from dnn_sweep.core.formatting import format_interval, format_value, percent
from dnn_sweep.parameters import EvaluationParameters


@dataclass(frozen=True)
class Answer:
    """Whether a deep network pays."""

    verdict: NetworkVerdict
    sentence: str
    reservation: str | None = None  # what a headline that praises the best combination must add


def compare_baselines(
    sweep: ScoredSweep,
    best: int,
    baselines: Sequence[Baseline],
    scores: Floats,
    evaluation: EvaluationParameters,
) -> list[AgainstBaseline]:
    """Compare every baseline with the best combination, seed by seed and row by row.

    A baseline has no seeds: its score on a row is the same beside each seed of the combination, so
    the seeds' part of the difference is the combination's alone.

    The intervals hold simultaneously. They are not symmetric, because the combination was chosen
    by these scores and so looks better than it is. The claim that it beats a baseline allows for
    that as the tied set does: for all pairs of combinations and baselines. The claim that a
    baseline beats it needs to allow for the other baselines only.

    Args:
        sweep: The combinations' scores.
        best: Position of the best combination in them.
        baselines: What was fitted.
        scores: Their scores, shape ``(baselines, rows)``.
        evaluation: Confidence of all intervals together, and margin.
    """
    # Those that a budget dropped are left out, and each look at the rest has its part of the error.
    order = np.argsort(-sweep.seed_counts, kind="stable")
    looks, best = sweep.looks(order), int(np.flatnonzero(order == best)[0])
    confidence = looks.confidence(evaluation.confidence)
    combinations, seeds, rows = looks.last.shape
    sign, margin, scale = sweep.objective.sign, sweep.margin(evaluation), sweep.objective.scale
    repeated = np.broadcast_to(scores[:, np.newaxis], (len(scores), seeds, rows))
    repeated = np.where(np.isnan(looks.last[best]), np.nan, repeated)
    everything = np.concatenate([looks.last, repeated])
    against_all = compare_with_best(everything, best, sign, confidence, scale=scale)
    alpha = (1 - evaluation.confidence) / max(len(scores), 1)
    found = []
    for place, baseline in enumerate(baselines):
        difference, low, high = _difference(looks.last[best], repeated[place], alpha, scale)
        if sign > 0:  # the end that decides whether the baseline is worse
            high = float(against_all.high[combinations + place])
        else:
            low = float(against_all.low[combinations + place])
        least, most = (low, high) if sign > 0 else (-high, -low)  # by how much it is better
        outcome: Outcome = "undecided"
        if least > margin:
            outcome = "better"
        elif most < -margin:
            outcome = "worse"
        found.append(
            AgainstBaseline(
                baseline=baseline.spelling,
                name=baseline.name,
                score=float(scores[place].mean()),
                difference=difference,
                ci_low=low,
                ci_high=high,
                outcome=outcome,
                rows=baseline.rows,
                training_rows=baseline.training_rows,
                seconds=baseline.seconds,
            )
        )
    return found


def _difference(
    best: Floats, baseline: Floats, alpha: float, scale: Scale
) -> tuple[float, float, float]:
    """A baseline minus the best combination, both ``(seeds, rows)``, with its interval."""
    differences = baseline - best
    errors = draw_mean_errors(differences[np.newaxis], DRAWS, paired=False)
    level = 1 - error_for(differences, alpha)
    found, half = float(np.nanmean(differences)), float(np.quantile(np.abs(errors), level))
    lowest, highest = (end - float(np.nanmean(best)) for end in BOUNDS[scale])
    return found, max(found - half, lowest), min(found + half, highest)


def tabulate_baselines(
    compared: Sequence[AgainstBaseline],
    scores: Floats,
    sweep: ScoredSweep,
    evaluation: EvaluationParameters,
) -> pd.DataFrame:
    """One row per baseline, with those columns of the leaderboard that apply.

    ``seeds`` is 1, since each was fitted once; so the interval of its mean covers rows only.
    ``tied_with_best`` means, as for a combination, that it is not shown to be worse than the best
    combination. ``seconds`` is empty, unlike in the comparison's record: they are measured anew in
    every run, and a run that trains nothing must end with the same leaderboard.
    """
    metric = sweep.objective.validation_metric
    alone = scores[:, np.newaxis]
    given = sweep.objective.scale, sweep.independent_rows
    low, high = mean_interval(alone, evaluation.confidence, *given)
    return pd.DataFrame(
        {
            "kind": "baseline",
            "combination": [each.name for each in compared],
            f"{metric}_mean": scores.mean(axis=1),
            f"{metric}_ci_low": low,
            f"{metric}_ci_high": high,
            "seeds": 1,
            "diverged": 0,
            "tied_with_best": [each.outcome != "worse" for each in compared],
            "difference_to_best": [each.difference for each in compared],
            "difference_ci_low": [each.ci_low for each in compared],
            "difference_ci_high": [each.ci_high for each in compared],
            "shown_worse": [each.outcome == "worse" for each in compared],
        }
    )


def answer_whether_it_pays(
    compared: Sequence[AgainstBaseline],
    best: str,
    sweep: ScoredSweep,
    evaluation: EvaluationParameters,
) -> Answer | None:
    """Say whether a deep network pays, in a sentence; ``None`` without baselines."""
    if not compared:
        return None
    sign, margin = sweep.objective.sign, sweep.margin(evaluation)
    score = float(sweep.means[sweep.combinations["combination"].map(str) == best][0])
    many = f" for all {len(compared)} baselines together" if len(compared) > 1 else ""
    alone = ", about these trained networks alone" if len(sweep.seeds) == 1 else ""
    said = _Words(
        metric=sweep.objective.validation_metric,
        best=f"the best combination, {best} ({format_value(score)})",
        beyond=f" by more than {format_value(margin)}" if margin else "",
        level=percent(evaluation.confidence) + many + alone,
    )
    ranked = sorted(compared, key=lambda each: -sign * each.score)
    trivial = next((each for each in ranked if each.baseline == "no_skill"), None)
    models = [each for each in ranked if each.baseline != "no_skill"]
    better = next((each for each in models if each.outcome == "better"), None)
    undecided = next((each for each in models if each.outcome == "undecided"), None)
    if trivial and trivial.outcome != "worse":
        return said.no_skill(trivial, better)
    if better:
        return said.does_not_pay(better)
    if undecided:
        return said.undecided(undecided)
    return said.pays(models) if models else said.only_skill(compared[0])


@dataclass(frozen=True)
class _Words:
    """The answers in words."""

    metric: str
    best: str  # the best combination with its score
    beyond: str  # the margin, if there is one
    level: str  # of confidence, and for what

    def no_skill(self, trivial: AgainstBaseline, better: AgainstBaseline | None) -> Answer:
        if trivial.outcome == "better":
            first, shown = "The networks are worse than no model at all", "is shown to be worse"
        else:
            first, shown = (
                "No network is shown to have learned anything",
                "is not shown to be better",
            )
        always = f"{shown}{self.beyond} than always predicting the {trivial.name}"
        also = f"; the baseline {_scored(better)} is shown to be better" if better else ""
        sentence = (
            f"{first}: in {self.metric}, {self.best} {always} "
            f"({format_value(trivial.score)}; {self._evidence(trivial)}){also}."
        )
        return Answer("no_skill", sentence, f"but {always}")

    def does_not_pay(self, better: AgainstBaseline) -> Answer:
        sentence = (
            f"A deep network does not pay here: in {self.metric}, the baseline {_scored(better)} "
            f"is shown to be better{self.beyond} than {self.best} ({self._evidence(better)}). "
            "Prefer it unless you need a network."
        )
        reservation = f"but the baseline {better.name} is shown to be better"
        return Answer("does_not_pay", sentence, reservation)

    def undecided(self, other: AgainstBaseline) -> Answer:
        sentence = (
            f"It is not shown that a deep network pays here: in {self.metric}, the baseline "
            f"{_scored(other)} cannot be told apart from {self.best} ({self._evidence(other)})."
        )
        return Answer("undecided", sentence)

    def pays(self, models: list[AgainstBaseline]) -> Answer:
        first = models[0]
        every = "every baseline, even the best of them, " if len(models) > 1 else "the baseline "
        sentence = (
            f"A deep network pays here: in {self.metric}, {self.best} is shown to be "
            f"better{self.beyond} than {every}{_scored(first)} ({self._evidence(first, models)})."
        )
        return Answer("pays", sentence)

    def only_skill(self, trivial: AgainstBaseline) -> Answer:
        sentence = (
            f"In {self.metric}, {self.best} is shown to be better{self.beyond} than always "
            f"predicting the {trivial.name} ({format_value(trivial.score)}; "
            f"{self._evidence(trivial)}); it was compared with no other model."
        )
        return Answer("undecided", sentence)

    def _evidence(self, other: AgainstBaseline, beside: Sequence[AgainstBaseline] = ()) -> str:
        interval = format_interval(other.ci_low, other.ci_high)
        found = f"difference {format_value(other.difference)} {interval}, {self.level}"
        return found + _caps(beside or [other])


def _scored(baseline: AgainstBaseline) -> str:
    return f"{baseline.name} ({format_value(baseline.score)})"


def _caps(baselines: Sequence[AgainstBaseline]) -> str:
    """Name the baselines that saw a part of the training rows."""
    return "".join(
        f"; {each.name} was fitted on {each.rows:,} of {each.training_rows:,} training rows"
        for each in baselines
        if each.rows < each.training_rows
    )
