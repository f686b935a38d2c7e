"""Trials of a cross-validation: each trial once per fold, and the network that is served.

A network is scored on rows that neither its weights nor its epoch depend on. So the last epoch
counts; where a callback decides by a validation figure (early stopping, a checkpoint, a lower
learning rate on a plateau), it watches a share of the training rows, which the network is then not
trained on. That holds with folds and without.
"""

from collections.abc import Sequence

from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.network import Schedule
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.parameters import (
    CallbackParameters,
    SplitParameters,
    Task,
    TrainingParameters,
)

ONE_SPLIT = SplitParameters()  # without folds
# Arguments of Keras's schedules that count optimizer steps.
SCHEDULE_STEPS = ("decay_steps", "first_decay_steps", "warmup_steps")


def in_every_repeat(training: TrainingParameters, split: SplitParameters) -> TrainingParameters:
    """Give every repeat seeds of its own, so that a seed belongs to one division of the rows.

    >>> two = SplitParameters(folds=4, repeats=2)
    >>> in_every_repeat(TrainingParameters(seeds=[0, 1, 2]), two).seeds
    (0, 1, 2, 3, 4, 5)
    """
    step = max(training.seeds) + 1
    repeats = range(split.repeats)
    seeds = tuple(seed + repeat * step for repeat in repeats for seed in training.seeds)
    return training.model_copy(update={"seeds": seeds})


def inner_share(callbacks: CallbackParameters, split: SplitParameters) -> float:
    """Fraction of the training rows that callbacks watch; 0 where no such figure decides.

    >>> stopping = CallbackParameters(early_stopping={"enabled": True})
    >>> inner_share(CallbackParameters(), ONE_SPLIT), inner_share(stopping, ONE_SPLIT)
    (0.0, 0.1)
    """
    deciding = (callbacks.checkpoint, callbacks.early_stopping, callbacks.reduce_on_plateau)
    of_training = ("loss", "accuracy", "mae")
    watched = any(each.enabled and each.monitor not in of_training for each in deciding)
    return split.inner if watched else 0.0


def plan_inner(plan: TrialPlan, inner: float) -> TrialPlan:
    """Plan each trial with a share of its training rows for the callbacks; 0 leaves it as it is."""
    return TrialPlan(trials=tuple(_changed(trial, {"inner": inner}) for trial in plan.trials))


def plan_unit(plan: TrialPlan, scaling: TargetScaling | None, task: Task) -> TrialPlan:
    """Plan a regression's trials for a target of this unit, in which they record their errors."""
    if scaling is None or task != "regression":
        return plan
    own: dict[str, object] = {"target_scale": scaling.scale}
    return TrialPlan(trials=tuple(_changed(trial, own) for trial in plan.trials))


def plan_folds(
    plan: TrialPlan,
    fingerprints: Sequence[str],
    seeds: Sequence[int],
    repeats: int,
    inner: float,
) -> TrialPlan:
    """Plan each trial once for every fold of its repeat, fold after fold.

    Args:
        plan: One trial per combination and seed, with the seeds of all repeats.
        fingerprints: Of each fold, through all repeats.
        seeds: Those of the first repeat.
        repeats: How often the rows are divided anew.
        inner: Fraction of a fold's training rows that callbacks watch.
    """
    folds = len(fingerprints) // repeats
    step = max(seeds) + 1
    trials = []
    for trial in plan.trials:
        first = trial.seed // step * folds
        for fold in range(first, first + folds):
            own = {"fold": fold, "data": fingerprints[fold], "inner": inner}
            trials.append(_changed(trial, own))
    return TrialPlan(trials=tuple(trials))


def plan_own_folds(
    plan: TrialPlan, fingerprints: Sequence[str], seeds: Sequence[int], inner: float
) -> TrialPlan:
    """Plan each trial in one fold: that of its seed, of which there are as many as folds.

    Args:
        plan: One trial per combination and seed.
        fingerprints: Of each fold, through all repeats.
        seeds: One for each fold.
        inner: Fraction of a fold's training rows that callbacks watch.

    Raises:
        SweepError: If the rows were divided for another number of seeds.
    """
    if len(seeds) != len(fingerprints):
        raise SweepError(
            f"the rows are divided into {len(fingerprints)} folds, one for each seed, but there "
            f"are {len(seeds)} training.seeds; run the pipelines ingestion and scaling again, or "
            "train, which runs both"
        )
    fold_of = {seed: fold for fold, seed in enumerate(seeds)}
    trials = []
    for trial in plan.trials:
        fold = fold_of[trial.seed]
        own = {"fold": fold, "data": fingerprints[fold], "inner": inner}
        trials.append(_changed(trial, own))
    return TrialPlan(trials=tuple(trials))


def refit_of(trial: Trial, epochs: int, data: str, rows: tuple[int, int]) -> Trial:
    """Plan a combination's training on all rows of a cross-validation.

    No row is left that could stop it or choose its epoch, so it has so many ``epochs`` as the
    networks of the folds kept on average. ``data`` is the fingerprint of the rows, ``rows`` how
    many a trial of a fold is trained on, and how many they are.
    """
    callbacks = trial.callbacks.model_copy(
        update={
            "early_stopping": type(trial.callbacks.early_stopping)(),
            "checkpoint": trial.callbacks.checkpoint.model_copy(update={"enabled": False}),
            "reduce_on_plateau": type(trial.callbacks.reduce_on_plateau)(),
        }
    )
    own: dict[str, object] = {
        "callbacks": callbacks,
        "epochs": epochs,
        "data": data,
        "fold": None,
        "inner": 0.0,
        "epoch_objective": None,
    }
    own["schedule"] = stretch_schedule(trial, rows)
    return _changed(trial, own)


def with_seed(trial: Trial, seed: int) -> Trial:
    """The same trial with another seed."""
    return _changed(trial, {"seed": seed})


def stretch_schedule(trial: Trial, rows: tuple[int, int]) -> Schedule | None:
    """Let a trial's schedule take as many epochs as before, which have more steps.

    ``rows`` is how many rows the trial was planned for, and how many there are now.
    """
    if trial.schedule is None:
        return None
    before, now = (-(-each // trial.batch_size) for each in rows)
    moved = {
        name: round(steps * now / before)
        for name, steps in trial.schedule.arguments.items()
        if name in SCHEDULE_STEPS and steps
    }
    return trial.schedule.model_copy(update={"arguments": trial.schedule.arguments | moved})


def _changed(trial: Trial, fields: dict[str, object]) -> Trial:
    # Not `model_copy`, which would keep an id that was computed before.
    return Trial(**{name: getattr(trial, name) for name in Trial.model_fields} | fields)
