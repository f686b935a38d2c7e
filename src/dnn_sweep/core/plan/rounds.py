"""The rounds of a sweep with a budget: which combinations trained with which seeds.

Rounds are decided by the clock while a sweep trains. What was decided is recorded, so that a
sweep that is continued, or compared and reported on its own, has the same trials.
"""

from collections.abc import Iterator
from itertools import count

from pydantic import BaseModel, ConfigDict

from dnn_sweep.core.networks.network import content_hash
from dnn_sweep.core.plan.folds import with_seed
from dnn_sweep.core.plan.trial import Trial, TrialPlan


class Round(BaseModel):
    """One round: these combinations train with these further seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    combinations: tuple[str, ...]
    seeds: tuple[int, ...]


class Rounds(BaseModel):
    """The rounds of a sweep so far; none where every combination trains with every seed.

    >>> Rounds().ended
    False
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: float | None = None  # the budget; ``None`` without one
    plan: str = ""  # hash of the plans that these rounds belong to
    own_rates: bool = False  # whether each combination kept its own rate, because there was no time
    extensions: int | None = None  # of the screening; ``None`` for as many as it asked for
    proposals: int | None = None  # of the search; ``None`` for as many as it asked for
    rounds: tuple[Round, ...] = ()
    ended: bool = False  # whether the last round is decided on; its trials may still be missing
    seconds: float = 0.0  # of all commands so far that trained for these rounds
    training_seconds: float = 0.0  # that passed while trials trained, without compilations
    work: float = 0.0  # seconds of those trials, added up: more where several train at once

    def counts(self) -> dict[str, int]:
        """Number of seeds of each combination."""
        found: dict[str, int] = {}
        for each in self.rounds:
            for name in each.combinations:
                found[name] = found.get(name, 0) + len(each.seeds)
        return found


def hash_of_plans(*plans: TrialPlan) -> str:
    """Name the trials of some plans in a few characters."""
    return content_hash(
        [[(trial.combination, trial.id) for trial in plan.trials] for plan in plans]
    )[:16]


def fresh_seeds(finals: TrialPlan, screening: TrialPlan) -> Iterator[int]:
    """The seeds of the finals in their order, then further ones without end.

    None of them is one of the screening's, so that the choice of a rate biases nothing.
    """
    planned = list(dict.fromkeys(trial.seed for trial in finals.trials))
    taken = {*planned, *(trial.seed for trial in screening.trials)}
    yield from planned
    yield from (seed for seed in count() if seed not in taken)


def plan_of_rounds(plan: TrialPlan, rounds: Rounds) -> TrialPlan:
    """Plan the finals that the rounds ask for, in the order of the grid; all without rounds.

    A seed that the plan does not have trains as its first one does; with folds, on the first
    division of the rows.
    """
    if not rounds.rounds:
        return plan
    trials: list[Trial] = []
    for name in plan.combinations:
        own = [trial for trial in plan.trials if trial.combination == name]
        for each in rounds.rounds:
            if name in each.combinations:
                trials += [trial for seed in each.seeds for trial in _replicate(own, seed)]
    return TrialPlan(trials=tuple(trials))


def _replicate(own: list[Trial], seed: int) -> list[Trial]:
    """A combination's trials with a seed: one, or one for each fold."""
    if planned := [trial for trial in own if trial.seed == seed]:
        return planned
    return [with_seed(trial, seed) for trial in own if trial.seed == own[0].seed]
