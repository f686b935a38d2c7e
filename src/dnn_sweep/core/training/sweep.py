"""A sweep's training: learning rates are screened, then the finals are trained at the best."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import pandas as pd

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.folds import divide_folds, rows_by_fold
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.learning_rates import with_rates
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.engine import assign_engines, build_engines
from dnn_sweep.core.training.interrupts import Interrupts
from dnn_sweep.core.training.judge import Judge
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialReport, TrialResult
from dnn_sweep.core.training.screening import Screening
from dnn_sweep.parameters import LoggingParameters, ScreeningParameters, TrainingParameters

logger = logging.getLogger(__name__)
BEYOND = " beyond the edges"


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

    def __post_init__(self) -> None:
        size = self.training.cohort_size
        main_stage = self.finals.trials if self.screening.plan.trials else ()
        self._engines = build_engines(self.training.engine, size, main_stage)
        self._count("trials", 0, len(self.finals.trials))

    def run(self) -> Iterator[TrialReport]:
        """Train, and yield a report of each trial as soon as it ends.

        Raises:
            SweepError: When the user interrupts; what was trained until then is kept.
        """
        with self.display, Interrupts().listening() as interrupts:
            try:
                for report in chain.from_iterable(stage() for stage in (self._screen, self._final)):
                    with interrupts.held():  # while the trial is saved
                        yield report
            except KeyboardInterrupt:
                raise SweepError(
                    f"interrupted: {self._done} of {self._total} {self._stage} are trained and "
                    "kept; run the same command again to train the rest"
                ) from None
            finally:
                for engine in self._engines:
                    engine.close()

    def _screen(self) -> Iterator[TrialReport]:
        """Try learning rates; go beyond those tried while the best is at the edge of them."""
        results = self.screening.results
        self.screening.recall(self.finished)
        stage, recalled = "screening", len(results)
        while any(trial.id not in results for trial in self.screening.asked_for()):
            # All of them, also those that are trained, so that the same programs train the rest.
            for result in self._train(stage, self.screening.asked_for(), results, recalled):
                self.screening.add(result)
                yield TrialReport(result, replicates=1, stage="screening")
            self.screening.recall(self.finished)
            stage, recalled = f"screening{BEYOND}", 0

    def _final(self) -> Iterator[TrialReport]:
        """Train each combination at its best rate; report finished trials again, for tracking."""
        chosen = self.screening.best_trials()
        trials = with_rates(self.finals, chosen).trials
        replicates = Counter(trial.combination for trial in trials)
        # Combinations at the same rate may be the same trials under several names.
        namesakes: dict[str, list[Trial]] = {}
        for trial in trials:
            namesakes.setdefault(trial.id, []).append(trial)
        known = [trial_id for trial_id in namesakes if trial_id in self.finished]
        stage, left = "finals" if chosen else "trials", len(trials)
        self._count(stage, len(known), len(namesakes))
        finished = (self.finished[trial_id] for trial_id in known)
        measured = self.training.diagnostics
        trained = self._train(stage, trials, known, len(known), measured=measured)
        for result in chain(finished, trained):
            for trial in namesakes[result.trial.id]:
                left -= 1
                # Names are this plan's: another sweep may have named the combination differently.
                yield TrialReport(result.of(trial), replicates[trial.combination], left)

    def _train(
        self,
        stage: str,
        trials: Sequence[Trial],
        known: Collection[str],
        recalled: int,
        *,
        measured: bool = False,
    ) -> Iterator[TrialResult]:
        """Train those trials of a stage that are not known yet, each id once."""
        distinct = {trial.id: trial for trial in reversed(trials)}
        trials = [trial for trial in trials if distinct[trial.id] is trial]
        self._count(stage, len(known), len(trials))
        left, epochs = len(trials) - len(known), max(trial.epochs for trial in trials)
        self.display.start(left + recalled, epochs, recalled, stage)
        finished, logs = frozenset(known), self.logs
        for each in assign_engines(trials, self.training.engine, engines=self._engines, logs=logs):
            if any(trial.id not in finished for trial in each.trials):
                logger.info("engine %s (%s)", each.engine.name, each.reason)
            given = self.data, self.display, logs, each.reason, finished
            for trained in each.engine.train(each.trials, *given, measured=measured):
                outputs = self.data.in_common_unit(trained.outputs, trained.trial.fold)
                result = replace(trained, outputs=outputs)
                self.display.trial_finished(result)
                self._done += 1
                yield result

    def _count(self, stage: str, done: int, total: int) -> None:
        whole = stage.removesuffix(BEYOND)  # the count is of all the screening
        self._stage = "trials" if stage == "trials" else f"trials of the {whole}"
        self._done, self._total = done, total


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
) -> Iterator[tuple[TrialResult, TrialReport]]:
    """Train a sweep; yield each result for the trial store, and its report for MLflow.

    The ``objective`` decides the screening, by default that of the task.

    >>> plans = trial_plan, screening_plan, finished_trials
    >>> rows = train_matrix, validation_matrix, target_scaling, training_display
    >>> trained = train_trials(*plans, *rows, training, screening, logs)
    >>> [result.trial.combination for result, _ in trained]
    ['relu + sgd', 'relu + adam']
    """
    unit = target_scaling.scale, target_scaling.mean
    data = TrainingData.from_matrices(train_matrix, validation_matrix, *unit)
    if fold_matrices is not None and len(fold_matrices):
        divided = divide_folds(fold_matrices, trial_plan.trials[0].inner)
        data = replace(data, folds=tuple(fold.data for fold in divided))
    judge = Judge(objective, data.y_validation, target_scaling, rows_by_fold(folds))
    plan = Screening(screening_plan, screening, judge=judge)
    sweep = Sweep(trial_plan, plan, finished_trials, data, training_display, training, logs)
    for report in sweep.run():
        yield report.result, report
