"""A search: batches of proposals, of which the better ones are trained for longer.

Each batch is one bracket of successive halving, so that thousands of configurations are looked at
in the time of a few full trainings, and the next batch already learns from it.

References:
    Jamieson & Talwalkar 2016, Non-stochastic Best Arm Identification and Hyperparameter
    Optimization. Falkner, Klein & Hutter 2018, BOHB.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isfinite
from typing import Protocol

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.formatting import count, format_value
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.search_plan import SearchPlan, plan_finalists
from dnn_sweep.core.plan.search_record import Proposal, SearchRecord
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.judge import Judge
from dnn_sweep.core.training.progress import CompileTimer, TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.sampling import Drawn, Proposer

NAMED = 3  # finalists in a line of the console


class GoesOn(Protocol):
    """Says whether a search goes on with another batch."""

    def __call__(self, proposals: int, *, begun: bool) -> bool:
        """Decide after so many proposals; ``begun`` is whether the batch had begun before."""


class SearchProgress(CompileTimer):
    """Counts the trials of a search, which are of different lengths, without their epochs."""

    def epoch_finished(self, trial: Trial, epoch: int, logs: dict[str, float]) -> None:
        """Pass nothing on."""


@dataclass(eq=False)
class Search:
    """A search and what it has found so far.

    Args:
        plan: The factors and settings.
        judge: Scores each trial by the objective.
    """

    plan: SearchPlan
    judge: Judge
    scores: dict[str, float] = field(default_factory=dict)  # by the trial's id
    epochs: dict[str, int] = field(default_factory=dict)  # that it took, by the trial's id

    def __post_init__(self) -> None:
        metric = self.metric
        self._rungs: dict[int, list[Trial]] = {}  # the trials of each proposal of a batch
        self._recalled = 0
        self.epoch_seconds: dict[str, float] = {}  # of each combination
        self.record = SearchRecord(
            plan=self.plan.hash,
            method=self.plan.settings.method,
            metric=metric.validation_metric,
            sign=metric.sign,
        )

    @property
    def metric(self) -> Objective:
        """The metric that decides."""
        return self.judge.metric(self._template.task)

    @property
    def trials(self) -> int:
        """How many trials all batches have together."""
        left, found = self.plan.settings.proposals, 0
        while left > 0:
            found += sum(self._sizes(min(left, self.plan.settings.batch)))
            left -= self.plan.settings.batch
        return found

    def rungs(
        self, finished: Mapping[str, TrialResult], goes_on: GoesOn
    ) -> Iterator[tuple[list[Trial], dict[str, int], int]]:
        """Yield each rung of each batch of which something is left to train.

        :meth:`add` all results before the next. ``goes_on`` is asked before every batch but the
        first, with the number of proposals so far, and whether the batch had begun before.

        Yields:
            The trials; of those that are finished, the number of epochs by id; and the number of
            trials of earlier rungs that were finished before.

        Raises:
            SweepError: If every proposal has diverged.
        """
        settings = self.plan.settings
        proposer = Proposer(self.plan, maximize=self.metric.sign > 0)
        done = batch = self._recalled = 0
        while done < settings.proposals:
            drawn = proposer.ask(min(settings.batch, settings.proposals - done))
            if done and not goes_on(done, begun=self._has_begun(drawn, finished)):
                break
            batch += 1
            for trials in self._rungs_of(drawn):
                for trial in trials:
                    if trial.id not in self.scores and trial.id in finished:
                        self.add(finished[trial.id].of(trial))
                known = {t.id: self.epochs[t.id] for t in trials if t.id in self.epochs}
                if all(trial.id in known for trial in trials):
                    self._recalled += len(trials)
                else:
                    yield trials, known, self._recalled
            proposer.tell(drawn)
            self._note(drawn, batch)
            done += len(drawn)
        self.record = self.record.choose(settings.finalists)
        if not self.record.finalists:
            raise SweepError(
                f"all {count(done, 'proposal')} of the search diverged; lower the range of "
                "search.factors.learning_rate"
            )

    def _has_begun(self, drawn: Sequence[Drawn], finished: Mapping[str, TrialResult]) -> bool:
        first = (self.plan.trial(d.values, self.plan.lengths[0], self._template) for d in drawn)
        return any(trial.id in finished for trial in first)

    def add(self, result: TrialResult) -> None:
        """Add a result."""
        self.scores[result.trial.id] = self.judge.score(result)
        self.epochs[result.trial.id] = epochs = len(result.history)
        self.epoch_seconds[result.trial.combination] = result.seconds / max(epochs, 1)

    def finals(self, planned: TrialPlan) -> TrialPlan:
        """Plan the finals; those of the grid have the seeds and folds."""
        return plan_finalists(self.plan, planned, [p.values for p in self.record.finalists])

    def summarize(self, display: TrainingProgress) -> None:
        """Tell what the search has found."""
        best, finalists = self.record.ranked[0], self.record.finalists
        named = "; ".join(each.combination for each in finalists[:NAMED])
        more = f"; and {len(finalists) - NAMED} more" if len(finalists) > NAMED else ""
        display.say(
            f"search: best {self.record.metric} {format_value(best.score)} of "
            f"{count(len(self.record.proposals), 'proposal')} ({best.combination})"
        )
        display.say(f"{count(len(finalists), 'proposal')} go on to the finals: {named}{more}")

    @property
    def _template(self) -> Trial:
        if self.plan.template is None:
            raise SweepError("there is no search; set search.method")
        return self.plan.template

    def _sizes(self, proposals: int) -> list[int]:
        """How many of a batch's proposals each rung trains."""
        sizes = [proposals]
        while len(sizes) < len(self.plan.lengths):
            sizes.append(ceil(sizes[-1] / self.plan.settings.reduction))
        return sizes

    def _rungs_of(self, drawn: Sequence[Drawn]) -> Iterator[list[Trial]]:
        """Yield the trials of each rung of a batch."""
        self._rungs = {each.number: [] for each in drawn}
        sizes = self._sizes(len(drawn))
        for epochs, size in zip(self.plan.lengths, sizes, strict=True):
            # Equals stay in the order of the proposals, whichever was finished first.
            going = [each for each in drawn if not self._badness(each)[0]]
            staying = sorted(going, key=self._badness)[:size]
            for each in staying:
                trial = self.plan.trial(each.values, epochs, self._template)
                self._rungs[each.number].append(trial)
            yield [self._rungs[each.number][-1] for each in staying]
            for each in staying:
                each.scores[epochs] = self.scores[self._rungs[each.number][-1].id]

    def _badness(self, each: Drawn) -> tuple[bool, int, float]:
        """Worse proposals have higher values; of a batch, all have as many rungs or were left."""
        score = next(reversed(each.scores.values()), 0.0)
        failed = not isfinite(score)
        return failed, -len(each.scores), 0.0 if failed else -self.metric.sign * score

    def _note(self, drawn: Sequence[Drawn], batch: int) -> None:
        noted = [
            Proposal(
                number=each.number,
                batch=batch,
                combination=self._rungs[each.number][0].combination,
                values=each.values,
                epochs=next(reversed(each.scores)),
                score=next(reversed(each.scores.values())),
                trials=tuple(trial.id for trial in self._rungs[each.number]),
            )
            for each in drawn
        ]
        proposals = (*self.record.proposals, *noted)
        self.record = self.record.model_copy(update={"proposals": proposals})
