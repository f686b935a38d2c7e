"""Nodes that train, and say with which code."""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

import pandas as pd

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.interrupts import Interrupts
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialReport, TrialResult
from dnn_sweep.core.training.screening import (
    asked_for,
    best_rates,
    recall,
    screening_table,
    with_rates,
)
from dnn_sweep.parameters import LoggingParameters, ScreeningParameters, TrainingParameters

logger = logging.getLogger(__name__)


def record_revision(revision: dict[str, str]) -> dict[str, str]:
    """The code's revision as tags of the sweep's run, under the name that MLflow's UI reads."""
    names = {"commit": "mlflow.source.git.commit", "changed": "git_changed"}
    return {names[key]: value for key, value in revision.items()}


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
) -> Iterator[tuple[TrialResult, TrialReport]]:
    """Screen learning rates, then train the finals; yield every trial of the finals.

    Trials that an earlier run finished are not trained again. Those of the finals come first, so
    that they are recorded under this sweep too; the trial store leaves them as they are.

    Args:
        trial_plan: The finals' trials, at their optimizers' own learning rates.
        screening_plan: The screening's first trials; none where rates are given.
        finished_trials: Results of trials that were trained before, by id.
        train_matrix: Scaled training rows.
        validation_matrix: Scaled validation rows.
        target_scaling: The target's unit.
        training_display: Told of every trial and epoch.
        training: Which engine.
        screening: How often the grid of learning rates may grow.
        logs: Files to write while training.

    Yields:
        Each result, for the trial store and for MLflow.

    Raises:
        SweepError: When the user interrupts; what was trained until then is kept.
    """
    from dnn_sweep.core.training import assign_engines, build_engines

    replicates = Counter(trial.combination for trial in trial_plan.trials)
    engines = build_engines(
        training.engine,
        training.cohort_size,
        trial_plan.trials if screening_plan.trials else (),
        diagnostics=training.diagnostics,
    )
    data = TrainingData.from_matrices(train_matrix, validation_matrix, target_scaling.scale)
    done = 0

    def train(
        trials: Sequence[Trial],
        known: Collection[str],
        stage: str,
        recalled: int = 0,
        *,
        measured: bool = True,
    ) -> Iterator[TrialResult]:
        """Train those trials of a stage that are not known yet."""
        nonlocal done
        done = len(known)
        training_display.start(
            total_trials=len(trials) - len(known) + recalled,
            epochs=max(trial.epochs for trial in trials),
            cached=recalled,
            stage=stage,
        )
        for each in assign_engines(trials, training.engine, engines=engines, logs=logs):
            if any(trial.id not in known for trial in each.trials):
                logger.info("engine %s (%s)", each.engine.name, each.reason)
            for result in each.engine.train(
                each.trials, data, training_display, logs, each.reason, known, measured=measured
            ):
                training_display.trial_finished(result)
                done += 1
                yield result

    with training_display, Interrupts().listening() as interrupts:
        trials: Sequence[Trial] = trial_plan.trials
        try:
            screened = recall(screening_plan, {}, finished_trials, screening)
            stage, recalled = "screening", len(screened)
            asked = asked_for(screening_plan, screened, screening)
            while any(trial.id not in screened for trial in asked):
                trials = asked  # with those that are trained: the same programs train the rest
                ids = frozenset(screened)
                for result in train(trials, ids, stage, recalled, measured=False):
                    screened[result.trial.id] = result.without_network()
                    with interrupts.held():  # while the trial is saved
                        yield result, TrialReport(result, 1, stage="screening")
                screened = recall(screening_plan, screened, finished_trials, screening)
                asked = asked_for(screening_plan, screened, screening)
                stage, recalled = "screening beyond the edges", 0
            rates = best_rates(screening_plan, screened, screening)
            trials = with_rates(trial_plan, rates).trials
            known = [trial for trial in trials if trial.id in finished_trials]
            left = len(trials)
            for trial in known:
                left -= 1
                # Names are the plan's: another sweep may have called the combination otherwise.
                result = finished_trials[trial.id].of(trial)
                with interrupts.held():
                    yield result, TrialReport(result, replicates[trial.combination], left)
            ids = frozenset(trial.id for trial in known)
            for result in train(trials, ids, "finals" if rates else "trials", len(ids)):
                left -= 1
                report = TrialReport(result, replicates[result.trial.combination], left)
                with interrupts.held():
                    yield result, report
        except KeyboardInterrupt:
            raise SweepError(
                f"interrupted: {done} of {len(trials)} trials are "
                "trained and kept; run the same command again to train the rest"
            ) from None


def choose_learning_rates(
    trial_plan: TrialPlan,
    screening_plan: TrialPlan,
    trial_results: Mapping[str, TrialResult],
    screening: ScreeningParameters,
) -> tuple[TrialPlan, pd.DataFrame]:
    """The finals as they were trained, and what the screening saw.

    Args:
        trial_plan: The finals' trials, at their optimizers' own learning rates.
        screening_plan: The screening's first trials; none where rates are given.
        trial_results: Trained trials by id.
        screening: How often the grid of learning rates could grow.

    Returns:
        The plan of the finals, each combination at its rate, and one row a screening trial.
    """
    screened = recall(screening_plan, {}, trial_results, screening)
    rates = best_rates(screening_plan, screened, screening)
    return with_rates(trial_plan, rates), screening_table(screening_plan, screened, screening)
