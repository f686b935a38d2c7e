"""A sweep's training: a screening of learning rates or a search, and then the finals."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.folds import divide_folds, divide_once, rows_by_fold
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepInterruptedError, TrialsFailedError
from dnn_sweep.core.formatting import count
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.learning_rates import with_rates
from dnn_sweep.core.plan.rounds import Rounds
from dnn_sweep.core.plan.search_plan import NO_SEARCH, SearchPlan
from dnn_sweep.core.plan.search_record import SearchRecord
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from dnn_sweep.core.training.engine import LOCAL, assign_engines, build_engines
from dnn_sweep.core.training.event_files import EventFiles
from dnn_sweep.core.training.interrupts import Interrupts, exit_status
from dnn_sweep.core.training.judge import Judge
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.race import Race
from dnn_sweep.core.training.results import TrialReport, TrialResult
from dnn_sweep.core.training.screening import Screening
from dnn_sweep.core.training.search import Search, SearchProgress
from dnn_sweep.parameters import (
    BudgetParameters,
    ExecutorParameters,
    LoggingParameters,
    ScreeningParameters,
    SweepParameters,
    TrainingParameters,
)

logger = logging.getLogger(__name__)
BEYOND = " beyond edges"
TENSORBOARD = "tensorboard"  # below the folder of the logs
NEVER_SERVED = ("screening", "search")  # stages
NO_BUDGET, NO_ROUNDS, SWEEP = BudgetParameters(), Rounds(), SweepParameters()
NO_RECORD = SearchRecord()


@dataclass
class Sweep:
    """Trains what an earlier run has not trained yet."""

    finals: TrialPlan  # at their optimizers' own learning rates
    screening: Screening  # before its first trial
    finished: Mapping[str, TrialResult]  # results of trials that were trained before, by id
    data: TrainingData
    display: TrainingProgress
    training: TrainingParameters
    logs: LoggingParameters
    race: Race | None = None  # what a budget allows, where there is one
    fresh: bool = False  # whether what is trained replaces what is stored
    checkpoints: Checkpoints = NO_CHECKPOINTS
    executor: ExecutorParameters = LOCAL
    repeats: bool = False  # finals that once followed a screening, of which some train again
    search: Search | None = None  # in place of the screening, where there is one
    searched: SearchPlan = NO_SEARCH  # that was in place of it when the finals were first trained

    def __post_init__(self) -> None:
        planned = self.training.engine, self.training.cohort_size
        several = self.repeats or self.race
        main_stage = self.finals.trials if several or self.screening.plan.trials else ()
        search = self.search.plan if self.search else self.searched
        if search:
            main_stage = ()
        self._engines = build_engines(*planned, main_stage, search, self.executor)
        self._count("trials", 0, len(self.finals.trials))
        self._is_searching = False
        self._told = defaultdict[str, set[str]](set)  # engines and reasons, by stage
        every = 0.0 if self.fresh else self.training.checkpoint_seconds  # a fresh one starts over
        self.checkpoints = replace(self.checkpoints, seconds=every)

    def run(self) -> Iterator[TrialReport]:
        """Train, and yield a report of each trial as soon as it ends.

        Raises:
            SweepInterruptedError: On Ctrl-C or SIGTERM; what was trained until then is kept.
            TrialsFailedError: After a stage of which some trials could not be trained.
        """
        self.checkpoints.tidy(self.finished)
        events = EventFiles(Path(self.logs.folder) / TENSORBOARD) if self.logs.tensorboard else None
        with self.display, Interrupts().listening() as interrupts:
            try:
                choose = self._search if self.search else self._screen
                for report in chain.from_iterable(stage() for stage in (choose, self._final)):
                    with interrupts.held():  # while the trial is saved
                        yield report
                        if events and report.stage == "finals":
                            events.write(report.result)
                        self.checkpoints.remove(report.result.trial.id)
            except KeyboardInterrupt as stop:
                raise SweepInterruptedError(
                    f"interrupted: {self._done} of {self._total} {self._stage} are trained and "
                    "kept; run the same command again to train the rest",
                    exit_status(stop),
                ) from None
            finally:
                for engine in self._engines:
                    engine.close()

    def _screen(self) -> Iterator[TrialReport]:
        """Try learning rates; with a budget, as many as there is time for."""
        self.screening.recall(self.finished)
        whole, stage = self.screening, "screening"
        for screening in self.race.screenings(whole) if self.race else [whole]:
            self.screening = screening
            yield from self._try_rates(stage)
            if len(screening.plan.trials) == len(whole.plan.trials):
                stage = f"screening{BEYOND}"

    def _search(self) -> Iterator[TrialReport]:
        """Train what a search proposes; with a budget, as much as there is time for."""
        if (search := self.search) is None:
            return
        progress = SearchProgress(self.race.timer if self.race else self.display)
        goes_on = self.race.may_search if self.race else _always
        for trials, known, recalled in search.rungs(self.finished, goes_on):
            if not self._is_searching:
                self._is_searching = True
                self._count("search", recalled, search.trials)
                self.display.start(search.trials, 1, recalled, "search")
            for result in self._train("search", trials, known, recalled, progress=progress):
                search.add(result)
                yield TrialReport(result, replicates=1, stage="screening")
        self.finals = search.finals(self.finals)
        search.summarize(self.display)
        if self.race:
            self.race.enter(self.finals, search.epoch_seconds)

    def _try_rates(self, stage: str) -> Iterator[TrialReport]:
        """Try what the screening asks for, and beyond while the best is at the edge of it."""
        results = self.screening.results
        self.screening.recall(self.finished)
        recalled = 0 if stage.endswith(BEYOND) else len(results)
        while any(trial.id not in results for trial in self.screening.asked_for()):
            # All of them, also those that are trained, so that the same programs train the rest.
            known = {each: len(result.history) for each, result in results.items()}
            for result in self._train(stage, self.screening.asked_for(), known, recalled):
                self.screening.add(result)
                yield TrialReport(result, replicates=1, stage="screening")
            self.screening.recall(self.finished)
            stage, recalled = f"screening{BEYOND}", 0

    def _final(self) -> Iterator[TrialReport]:
        """Train each combination at its best rate; report finished trials again, for tracking."""
        chosen = self.screening.best_trials()
        if self.race:
            yield from self._race(self.race, chosen)
            return
        trials = with_rates(self.finals, chosen).trials
        replicates, left = Counter(trial.combination for trial in trials), len(trials)
        for result in self._each("finals" if chosen else "trials", trials):
            left -= 1
            yield TrialReport(result, replicates[result.trial.combination], left)

    def _race(self, race: Race, chosen: Mapping[str, Trial]) -> Iterator[TrialReport]:
        """Train the finals round by round."""
        for number, plan in race.stages(chosen):
            left = len(plan.trials)
            for result in self._each(f"round {number}", plan.trials):
                left -= 1
                race.note(result)
                last = not left and race.complete(number)
                yield TrialReport(result, None, 0 if last else left + 1)

    def _each(self, stage: str, trials: Sequence[Trial]) -> Iterator[TrialResult]:
        """Yield every trial's result, first of those that are trained already."""
        # Combinations at the same rate may be the same trials under several names.
        namesakes: dict[str, list[Trial]] = {}
        for trial in trials:
            namesakes.setdefault(trial.id, []).append(trial)
        known = dict.fromkeys((each for each in namesakes if each in self.finished), 0)
        self._count(stage, len(known), len(namesakes))
        finished = (self.finished[trial_id] for trial_id in known)
        measured = self.training.diagnostics
        trained = self._train(stage, trials, known, len(known), measured=measured)
        for result in chain(finished, trained):
            known[result.trial.id] = len(result.history)  # of all finished ones before any trains
            for trial in namesakes[result.trial.id]:
                # Names are this plan's: another sweep may have named the combination differently.
                yield result.of(trial)

    def _train(
        self,
        stage: str,
        trials: Sequence[Trial],
        known: Mapping[str, int],
        recalled: int,
        *,
        measured: bool = False,
        progress: TrainingProgress | None = None,
    ) -> Iterator[TrialResult]:
        """Train those trials of a stage that are not known yet, each id once.

        ``known`` has the number of epochs of each trial that is, by id. ``progress`` is told of
        them in place of the display, for a stage that has begun before.
        """
        distinct = {trial.id: trial for trial in reversed(trials)}
        trials = [trial for trial in trials if distinct[trial.id] is trial]
        if progress is None:
            self._count(stage, len(known), len(trials))
            left, epochs = len(trials) - len(known), max(trial.epochs for trial in trials)
            self.display.start(left + recalled, epochs, recalled, stage)
        if begun := self.checkpoints.count(trial for trial in trials if trial.id not in known):
            self.display.say(f"continuing {count(begun, 'trial')} from the last checkpoint")
        finished = dict(known)
        display = progress or (self.race.timer if self.race else self.display)
        if self.race:
            self.race.begin_stage()
        failures: list[str] = []
        for each in assign_engines(trials, self.training.engine, engines=self._engines):
            said = f"engine {each.engine.name} ({each.reason})"
            if any(t.id not in finished for t in each.trials) and said not in self._told[stage]:
                self._told[stage].add(said)  # once for all batches of a search
                logger.info(said)
            given = self.data, display, self.logs, each.reason, finished
            others: dict[str, Any] = {"measured": measured, "checkpoints": self.checkpoints}
            try:
                for trained in each.engine.train(each.trials, *given, **others):
                    outputs = self.data.in_common_unit(trained.outputs, trained.trial.fold)
                    result = replace(trained, outputs=outputs, replaces=self.fresh)
                    if stage.startswith(NEVER_SERVED) or trained.trial.fold is not None:
                        result = result.discard_network()  # which is never served
                    self.display.trial_finished(result)
                    self._done += 1
                    if self.race:
                        self.race.trained(result)
                    yield result
            except TrialsFailedError as error:  # the other engines train theirs first
                failures += error.failures
        if failures:
            raise TrialsFailedError(failures)

    def _count(self, stage: str, done: int, total: int) -> None:
        whole = stage.removesuffix(BEYOND)  # the count is of all the screening
        the = "" if whole.startswith("round") else "the "
        self._stage = "trials" if stage == "trials" else f"trials of {the}{whole}"
        self._done, self._total = done, total


def _always(proposals: int, *, begun: bool) -> bool:
    del proposals, begun
    return True


def train_trials(
    trial_plan: TrialPlan,
    screening_plan: TrialPlan,
    finished_trials: Mapping[str, TrialResult],
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    training_display: TrainingProgress,
    training: TrainingParameters,
    screening: ScreeningParameters,
    logs: LoggingParameters,
    fold_matrices: pd.DataFrame | None = None,
    folds: pd.DataFrame | None = None,
    objective: Objective | None = None,
    budget: BudgetParameters = NO_BUDGET,
    earlier_rounds: Rounds = NO_ROUNDS,
    stage_clock: Mapping[str, float] | None = None,
    sweep: SweepParameters = SWEEP,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    search_plan: SearchPlan = NO_SEARCH,
    executor: ExecutorParameters = LOCAL,
) -> Iterator[tuple[TrialResult, TrialReport, Rounds, SearchRecord]]:
    """Train a sweep; yield each result for the trial store, its report for MLflow, and records.

    The records are the rounds of a budget and the proposals of a search. With a ``search_plan``
    the finals are of what the search finds, and there is no screening.

    ``earlier_rounds`` are those that a budget allowed before, ``stage_clock`` the seconds that the
    command has taken so far. Trials go on from their ``checkpoints``; the ``executor`` says where.

    The ``objective`` decides the screening, by default that of the task. A fresh ``sweep`` knows
    no finished trials and no earlier rounds.

    >>> plans = trial_plan, screening_plan, finished_trials
    >>> rows = train_matrix, validation_matrix, target_scaling, training_display
    >>> trained = train_trials(*plans, *rows, training, screening, logs)
    >>> [result.trial.combination for result, *_ in trained]
    ['relu + sgd', 'relu + adam']
    """
    if sweep.fresh:
        finished_trials, earlier_rounds = {}, NO_ROUNDS
    inner = trial_plan.trials[0].inner
    divided: tuple[TrainingData, ...] = ()
    if fold_matrices is not None and len(fold_matrices):
        divided = tuple(fold.data for fold in divide_folds(fold_matrices, inner))
    one = divide_once(train_matrix, validation_matrix, 0.0 if divided else inner, target_scaling)
    data = replace(one.data, folds=divided)
    true = validation_matrix[TARGET].to_numpy()
    judge = Judge(objective, true, target_scaling, rows_by_fold(folds))
    screened = TrialPlan(trials=()) if search_plan else screening_plan
    plan, race = Screening(screened, screening, judge=judge), None
    search = Search(search_plan, judge) if search_plan else None
    if budget.minutes is not None:
        before = (stage_clock or {}).get("total", 0.0)
        given = budget.minutes, earlier_rounds, before, finished_trials, training_display
        race = Race(trial_plan, screened, *given, judge=judge, search=search_plan)
    settings = training, logs, race, sweep.fresh, checkpoints
    planned = trial_plan, plan, finished_trials, data, training_display, *settings
    for report in Sweep(*planned, executor, search=search).run():
        rounds, found = race.rounds if race else NO_ROUNDS, search.record if search else NO_RECORD
        yield report.result, report, rounds, found
