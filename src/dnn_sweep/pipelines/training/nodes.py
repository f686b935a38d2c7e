"""Nodes that train, and say with which code."""

from collections import Counter
from collections.abc import Iterator, Mapping

import pandas as pd

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.interrupts import Interrupts
from dnn_sweep.core.progress import TrainingProgress
from dnn_sweep.core.results import TrialReport, TrialResult
from dnn_sweep.core.tables import TargetScaling
from dnn_sweep.core.training_data import TrainingData
from dnn_sweep.core.trials import TrialPlan
from dnn_sweep.parameters import LoggingParameters, TrainingParameters


def record_revision(revision: dict[str, str]) -> dict[str, str]:
    """The code's revision as tags of the sweep's run, under the name that MLflow's UI reads."""
    names = {"commit": "mlflow.source.git.commit", "changed": "git_changed"}
    return {names[key]: value for key, value in revision.items()}


def train_trials(
    trial_plan: TrialPlan,
    finished_trials: Mapping[str, TrialResult],
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    training_display: TrainingProgress,
    training: TrainingParameters,
    logs: LoggingParameters,
) -> Iterator[tuple[TrialResult, TrialReport]]:
    """Train what has not been trained yet; yield every trial of the plan.

    Trials that an earlier run finished come first, so that they are recorded under this sweep
    too; the trial store leaves them as they are.

    Args:
        trial_plan: The sweep's trials.
        finished_trials: Results of trials that were trained before, by id.
        train_matrix: Scaled training rows.
        validation_matrix: Scaled validation rows.
        target_scaling: The target's unit.
        training_display: Told of every trial and epoch.
        training: Which engine.
        logs: Files to write while training.

    Yields:
        Each result, for the trial store and for MLflow.

    Raises:
        SweepError: When the user interrupts; what was trained until then is kept.
    """
    from dnn_sweep.core.engines import assign_engines

    replicates = Counter(trial.combination for trial in trial_plan.trials)
    known = [trial for trial in trial_plan.trials if trial.id in finished_trials]
    finished = frozenset(trial.id for trial in known)
    assignments = assign_engines(
        trial_plan.trials,
        training.engine,
        cohort_size=training.cohort_size,
        logs=logs,
        diagnostics=training.diagnostics,
    )
    data = TrainingData.from_matrices(train_matrix, validation_matrix, target_scaling.scale)
    done = 0
    left = len(trial_plan.trials)

    def report(result: TrialResult) -> tuple[TrialResult, TrialReport]:
        nonlocal left
        left -= 1
        return result, TrialReport(result, replicates[result.trial.combination], left)

    with training_display as display, Interrupts().listening() as interrupts:
        display.start(
            total_trials=len(trial_plan.trials),
            epochs=max(trial.epochs for trial in trial_plan.trials),
            cached=len(known),
        )
        try:
            for trial in known:
                # Names are the plan's: another sweep may have called the combination otherwise.
                with interrupts.held():
                    yield report(finished_trials[trial.id].of(trial))
            for each in assignments:
                for result in each.engine.train(
                    each.trials, data, display, logs, each.reason, finished
                ):
                    display.trial_finished(result)
                    done += 1
                    with interrupts.held():  # while the trial is saved
                        yield report(result)
        except KeyboardInterrupt:
            raise SweepError(
                f"interrupted: {len(known) + done} of {len(trial_plan.trials)} trials are "
                "trained and kept; run the same command again to train the rest"
            ) from None
