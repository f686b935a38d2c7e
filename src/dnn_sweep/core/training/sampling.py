"""Proposals of a search, drawn by Optuna.

Optuna's study lives in memory only: it is filled anew from the stored trials, in the order of the
proposals, so a search that is continued goes on with the same proposals.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from math import isfinite
from typing import Any

from pydantic import JsonValue

from dnn_sweep.core.lazy import optuna
from dnn_sweep.core.plan.proposal import SearchFactor
from dnn_sweep.core.plan.search_plan import SearchPlan, depth_of

STARTUP = 64  # proposals at most before the estimator of ``tpe`` has seen enough to learn from


@dataclass(eq=False)
class Drawn:
    """A proposal that Optuna waits to hear of.

    Args:
        number: From 0.
        values: Of the factors that apply, rounded as names show them.
        asked: Optuna's trial.
        scores: By the number of epochs, as far as it was trained.
    """

    number: int
    values: dict[str, JsonValue]
    asked: optuna.Trial
    scores: dict[int, float] = field(default_factory=dict)


class Proposer:
    """Asks Optuna for configurations and tells it how they went.

    Args:
        plan: The factors.
        maximize: Whether a higher score is better.
    """

    def __init__(self, plan: SearchPlan, *, maximize: bool) -> None:
        self._plan = plan
        with quietly():
            self._study = optuna.create_study(
                sampler=_sampler(plan), direction="maximize" if maximize else "minimize"
            )

    def ask(self, count: int) -> list[Drawn]:
        """Draw so many configurations, in as many groups as there are programs.

        What a compiled program is made for is drawn once for each group, so that the lanes of few
        programs are filled. Where there are no more programs than a batch may have, every proposal
        is a group of its own. The first batch takes the optimizers in turn.
        """
        most = self._plan.settings.programs
        programs = count if self._plan.draws_apart else min(most, count)
        sizes = [count // programs + (at < count % programs) for at in range(programs)]
        drawn: list[Drawn] = []
        with quietly():
            names = {each.name for each in self._plan.factors if each.of_program}
            optimizers = cycle(self._plan.optimizers)
            is_first = not self._study.get_trials(deepcopy=False)
            for size in sizes:
                if is_first:  # in turn, so that none is missed by chance
                    self._study.enqueue_trial({"optimizer": next(optimizers)})
                leader = self._draw()
                drawn.append(leader)
                shared = {n: value for n, value in leader.asked.params.items() if n in names}
                for _ in range(size - 1):
                    self._study.enqueue_trial(shared)
                    drawn.append(self._draw())
        return drawn

    def tell(self, drawn: list[Drawn]) -> None:
        """Tell Optuna how a batch went, in the order in which it was proposed."""
        longest, states = self._plan.lengths[-1], optuna.trial.TrialState
        with quietly():
            for each in drawn:
                for epochs, score in each.scores.items():
                    if isfinite(score):
                        each.asked.report(score, epochs)
                last = each.scores.get(longest)
                if last is not None and isfinite(last):
                    self._study.tell(each.asked, last)
                else:  # stopped early; one that diverged at once has reported nothing: the worst
                    self._study.tell(each.asked, state=states.PRUNED)

    def _draw(self) -> Drawn:
        asked, network = self._study.ask(), self._plan.network
        # A Sobol sequence has a fixed number of dimensions, so that all factors are always drawn.
        flat = self._plan.settings.method == "qmc"
        values: dict[str, JsonValue] = {}
        for factor in self._plan.factors:
            depth = depth_of(network, values) if network else 0
            applies = factor.applies(values, depth)
            if applies or flat:
                value = factor.rounded(suggest(asked, factor))
                values |= {factor.name: value} if applies else {}
        return Drawn(asked.number, values, asked)


def suggest(asked: optuna.Trial, factor: SearchFactor) -> Any:
    """Let Optuna choose a factor's value."""
    if factor.values:
        return asked.suggest_categorical(factor.name, factor.values)
    name, low, high, step, log = factor.name, factor.low, factor.high, factor.step, factor.log
    if factor.whole:
        return asked.suggest_int(name, int(low), int(high), step=int(step or 1), log=log)
    return asked.suggest_float(name, low, high, step=step, log=log)


def distribution_of(factor: SearchFactor) -> optuna.distributions.BaseDistribution:
    """Describe a factor to Optuna."""
    kinds = optuna.distributions
    if factor.values:
        return kinds.CategoricalDistribution(factor.values)
    if factor.whole:
        step = int(factor.step or 1)
        return kinds.IntDistribution(int(factor.low), int(factor.high), factor.log, step)
    return kinds.FloatDistribution(factor.low, factor.high, factor.log, factor.step)


def _sampler(plan: SearchPlan) -> optuna.samplers.BaseSampler:
    settings, samplers = plan.settings, optuna.samplers
    match settings.method:
        case "random":
            return samplers.RandomSampler(seed=settings.seed)
        case "qmc":
            return samplers.QMCSampler(
                seed=settings.seed, scramble=True, warn_independent_sampling=False
            )
        case _:
            return samplers.TPESampler(
                seed=settings.seed,
                n_startup_trials=min(STARTUP, settings.batch),
                multivariate=True,
                group=True,
                constant_liar=True,
            )


@contextmanager
def quietly() -> Iterator[None]:
    """Keep Optuna's notes on experimental features and on every trial off the console."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        yield
