"""The race of a sweep with a budget: what the time that is left pays for, decided round by round.

The seconds of the trials that are trained predict what the next ones take. Nothing is known of
the first ones, so each combination trains once whatever the budget, and there is an answer.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np

from dnn_sweep.core.formatting import count, format_seconds
from dnn_sweep.core.plan.learning_rates import with_rates
from dnn_sweep.core.plan.rounds import Round, Rounds, fresh_seeds, hash_of_plans, plan_of_rounds
from dnn_sweep.core.plan.search_plan import NO_SEARCH, SearchPlan
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.halving import (
    FEWEST_SEEDS,
    MOST_SEEDS,
    afford_seeds,
    next_round,
    rounds_left,
)
from dnn_sweep.core.training.judge import Judge
from dnn_sweep.core.training.progress import CompileTimer, TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.screening import Screening, limit_screening, own_rates_only

# Kept for what follows the training: evaluation, registration and report take about as long as
# what precedes it, also on a slow machine; and a share for what is unforeseen.
RESERVED_STARTS, RESERVED_SHARE, MOST_RESERVED = 1.2, 0.05, 0.5
CAUTION = 1.2  # the factor by which a prediction is taken to be too short
SEARCH_SHARE = 0.5  # of the time for training that a search may take from the finals
NAMED = 5  # dropped combinations in a line of the console


@dataclass
class Race:
    """The rounds of a sweep with a budget, and the time that they have taken.

    Args:
        finals: The plan of the finals, at their optimizers' own learning rates.
        screening: The plan of the screening.
        minutes: The budget.
        earlier: The rounds that were recorded before, which count if they are of the same plans
            and budget.
        before: Seconds from the start of the command until now.
        finished: Results of trials that were trained before, by id.
        display: Is told what was decided.
        judge: Scores each trial by the objective.
        search: Comes before the finals in place of the screening; empty without one.
        clock: A monotonic clock, in seconds.
    """

    finals: TrialPlan
    screening: TrialPlan
    minutes: float
    earlier: Rounds
    before: float
    finished: Mapping[str, TrialResult]
    display: TrainingProgress
    judge: Judge = field(default_factory=Judge)
    search: SearchPlan = NO_SEARCH
    clock: Callable[[], float] = time.monotonic
    rounds: Rounds = field(init=False)  # so far

    def __post_init__(self) -> None:
        plan = self.search.hash + hash_of_plans(self.finals, self.screening)
        same = self.earlier.plan == plan and self.earlier.minutes == self.minutes
        self.rounds = self.earlier if same else Rounds(plan=plan, minutes=self.minutes)
        self.timer = CompileTimer(self.display)
        self._began, self._spent = self.clock(), self.rounds.seconds + self.before
        reserved = RESERVED_STARTS * self.before + RESERVED_SHARE * self._total
        self._limit = self._total - min(reserved, MOST_RESERVED * self._total)
        self.earlier_ended = self.rounds.ended
        self._chosen: Mapping[str, Trial] = {}
        self._epoch_seconds: dict[str, float] = {}
        self._stage_began = self._stage_compiled = self._stage_training = 0.0
        self._results = defaultdict[str, dict[str, TrialResult]](dict)  # of the finals
        self._scores: dict[str, float] = {}

    @property
    def _total(self) -> float:
        return 60 * self.minutes

    @property
    def _left(self) -> float:
        """Seconds that are left for training."""
        return self._limit - self.rounds.seconds

    def screenings(self, whole: Screening) -> Iterator[Screening]:
        """Yield one screening after another, each with more trials, while there is time for it.

        Every combination is tried at its own rate first; then at the others, if each can still
        be trained in the finals; then beyond the edges.
        """
        if self.rounds.rounds:
            yield limit_screening(whole, self.finals, self.rounds)
            return
        first = own_rates_only(whole, self.finals)
        self._update(own_rates=bool(whole.plan.trials), extensions=None)
        yield first
        self._learn(whole)
        for extensions in range(whole.settings.extensions + 1):
            own = whole.settings.model_copy(update={"extensions": extensions})
            wider = replace(whole, settings=own)
            missing = [trial for trial in wider.asked_for() if trial.id not in whole.results]
            needed = self._seconds_for([*missing, *self._one_seed()]) or 0.0
            if missing and needed > self._left:
                self.display.say(
                    f"budget: no time to screen {count(len(missing), 'more trial')} "
                    f"({format_seconds(self._left)} left for training)"
                )
                return
            limit = extensions if extensions < whole.settings.extensions else None
            self._update(own_rates=False, extensions=limit)
            yield wider
            self._learn(whole)

    def may_search(self, proposals: int, *, begun: bool = False) -> bool:
        """Whether there is time for another batch of a search, after so many proposals.

        A batch that has ``begun`` before, in a command that was stopped, was allowed then.
        """
        self._tick()
        if self.rounds.proposals is not None or self.rounds.rounds:  # it was decided before
            return self.rounds.proposals is None or proposals < self.rounds.proposals
        if begun:
            return True
        taken = self.rounds.seconds - self.before
        batch = CAUTION * taken * self.search.settings.batch / proposals
        goes_on = taken + batch <= SEARCH_SHARE * (self._limit - self.before)
        if not goes_on:
            self._update(proposals=proposals)
            self.display.say(
                f"budget: the search ends after {count(proposals, 'proposal')}, to leave time for "
                f"the finals ({format_seconds(max(self._left, 0))} left for training)"
            )
        return goes_on

    def enter(self, finals: TrialPlan, epoch_seconds: Mapping[str, float]) -> None:
        """Go on with the finals that a search has found, of which it knows what epochs take."""
        self._tick()
        self.finals, self._epoch_seconds = finals, dict(epoch_seconds)

    def stages(self, chosen: Mapping[str, Trial]) -> Iterator[tuple[int, TrialPlan]]:
        """Yield the number of each round, from 1, and its trials at the chosen learning rates.

        Tell :meth:`note` of each result, and :meth:`complete` before the last one of a round is
        passed on.
        """
        self._chosen = chosen
        if not self.rounds.rounds:
            self._begin()
        number = 0
        while number < len(self.rounds.rounds):
            only = Rounds(rounds=(self.rounds.rounds[number],))
            number += 1
            yield number, self._plan(only)

    def begin_stage(self) -> None:
        """Begin to measure how long trials train."""
        self._stage_began, self._stage_compiled = self.clock(), self.timer.seconds
        self._stage_training = self.rounds.training_seconds

    def trained(self, result: TrialResult) -> None:
        """Measure how long trials have trained, without what they waited for a compilation."""
        compiled = self.timer.seconds - self._stage_compiled
        passed = max(self.clock() - self._stage_began - compiled, 0.0)
        work = self.rounds.work + result.seconds
        self._update(training_seconds=self._stage_training + passed, work=work)
        self._tick()

    def note(self, result: TrialResult) -> None:
        """Take note of a result of the finals, and of the time."""
        self._results[result.trial.combination][result.trial.id] = result.without_network()
        self._scores[result.trial.id] = self.judge.score(result)
        self._tick()

    def complete(self, number: int) -> bool:
        """Decide what follows a round whose trials have all ended; whether it was the last."""
        if number == len(self.rounds.rounds) and not self.rounds.ended:
            self._decide()
        return number == len(self.rounds.rounds)

    def _decide(self) -> None:
        """Choose who trains in the next round and with which seeds, or end."""
        last = self.rounds.rounds[-1]
        ranked = self._ranked(last.combinations)
        again: Sequence[int] = ()
        if len(self.rounds.rounds) == 1 and len(last.seeds) < FEWEST_SEEDS:
            # One seed of everything found out what a training costs; if it can be, all go on.
            again = self._affordable(ranked, rounds_left(len(ranked)))
        chosen = (ranked, again) if again else next_round(ranked, self._affordable)
        name = f"round {len(self.rounds.rounds)}"
        if chosen is None:
            self._update(ended=True)
            self.display.say(f"{name} was the last that the budget allows")
            return
        staying = set(chosen[0])
        names = tuple(name for name in last.combinations if name in staying)
        self._add(Round(combinations=names, seeds=tuple(chosen[1])))
        dropped = [each for each in ranked if each not in staying]
        listed = ", ".join(dropped[:NAMED])
        more = f" and {len(dropped) - NAMED} more" if len(dropped) > NAMED else ""
        said = f"dropped after {name}: {listed}{more}; " if dropped else ""
        self.display.say(
            f"{said}{count(len(names), 'combination')} go on with "
            f"{count(len(chosen[1]), 'more seed')}; "
            f"{format_seconds(max(self._left, 0))} left for training"
        )

    def _begin(self) -> None:
        """Plan the first round: every combination, with one seed if nothing is known or left."""
        self._tick()
        names, seeds = self.finals.combinations, self._fresh_seeds()
        found: Sequence[int] = ()
        needed = self._seconds_for(self._one_seed())
        if needed is not None:
            found = self._affordable(names, rounds_left(len(names)), least=FEWEST_SEEDS)
            if not found and needed > self._left:
                self.display.say(
                    f"budget.minutes: {self.minutes:g} is too short for "
                    f"{count(len(names), 'combination')}; each trains once all the same, which "
                    "takes longer"
                )
        self._add(Round(combinations=tuple(names), seeds=tuple(found) or (next(seeds),)))

    def _affordable(self, names: Sequence[str], rounds: int, least: int = 1) -> Sequence[int]:
        """The seeds that combinations can train with, if so many rounds share the time."""
        used = {seed for each in self.rounds.rounds for seed in each.seeds}
        fresh = (seed for seed in self._fresh_seeds() if seed not in used)

        def cost(seed: int) -> float:
            only = Rounds(rounds=(Round(combinations=tuple(names), seeds=(seed,)),))
            return self._seconds_for(self._plan(only).trials) or 0.0

        most = max(MOST_SEEDS - len(used), 0)
        return afford_seeds(fresh, cost, self._left / rounds, self._left, least, most)

    def _fresh_seeds(self) -> Iterator[int]:
        template = self.search.template
        before = TrialPlan(trials=(template,)) if template else self.screening
        return fresh_seeds(self.finals, before)

    def _plan(self, only: Rounds) -> TrialPlan:
        return with_rates(plan_of_rounds(self.finals, only), self._chosen)

    def _one_seed(self) -> Sequence[Trial]:
        """One seed of every combination in the finals."""
        first = next(self._fresh_seeds())
        return [trial for trial in self.finals.trials if trial.seed == first]

    def _learn(self, screening: Screening) -> None:
        """Learn from a screening how long the epochs of each combination take."""
        self._tick()
        found = defaultdict[str, list[float]](list)
        for result in screening.results.values():
            found[result.trial.combination].append(result.seconds / max(len(result.history), 1))
        self._epoch_seconds = {name: float(np.mean(own)) for name, own in found.items()}

    def _seconds_for(self, trials: Sequence[Trial]) -> float | None:
        """Predict how long trials take that are not trained yet; ``None`` if nothing is known."""
        known = {
            name: float(np.mean([each.seconds for each in own.values()]))
            for name, own in self._results.items()
        }
        total = 0.0
        for trial in trials:
            if trial.id in self.finished or trial.id in self._results.get(trial.combination, ()):
                continue
            if trial.combination in known:
                total += known[trial.combination]
            elif self._epoch_seconds:
                typical = float(np.mean(list(self._epoch_seconds.values())))
                total += trial.epochs * self._epoch_seconds.get(trial.combination, typical)
            else:
                return None
        # As long as nothing was trained, as if one trial trained after another.
        pace = self.rounds.training_seconds / self.rounds.work if self.rounds.work else 1.0
        return CAUTION * pace * total

    def _ranked(self, names: Sequence[str]) -> list[str]:
        """Rank combinations by their mean objective; those that diverged come last."""

        def badness(name: str) -> tuple[int, float]:
            own = list(self._results[name].values())
            ended = [score for each in own if isfinite(score := self._scores[each.trial.id])]
            sign = self.judge.metric(own[0].trial.task).sign
            mean = float(np.mean(ended)) if ended else float("nan")
            return len(own) - len(ended), -sign * mean if ended else 0.0

        return sorted(names, key=badness)

    def _add(self, another: Round) -> None:
        self._update(rounds=(*self.rounds.rounds, another))

    def _tick(self) -> None:
        if not self.earlier_ended:  # a run that only repeats one costs nothing
            self._update(seconds=self._spent + self.clock() - self._began)

    def _update(self, **changes: object) -> None:
        self.rounds = self.rounds.model_copy(update=changes)
