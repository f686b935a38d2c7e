"""The callbacks of a task: metrics checked, ``auto`` and ``objective`` replaced."""

import logging
from collections.abc import Sequence
from typing import Any

from dnn_sweep.core.data.folds import Fold
from dnn_sweep.core.data.predictions import target_values
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.plan.objective import try_objective
from dnn_sweep.core.scorer import source_of
from dnn_sweep.parameters import CallbackParameters

logger = logging.getLogger(__name__)
OBJECTIVE = "objective"  # as a monitor
VALIDATION_OBJECTIVE = "val_objective"  # in the logs of an epoch
DECIDING = ("checkpoint", "early_stopping", "reduce_on_plateau")


def resolve_callbacks(
    callbacks: CallbackParameters, schema: Schema, objective: Objective | None = None
) -> CallbackParameters:
    """Replace ``auto`` and ``objective``, and check the metrics that are named.

    ``auto`` and ``objective`` are the metric that ranks. Where Keras does not measure it in every
    epoch, they become ``val_objective``, which the engines compute for the callbacks alone.

    A callback that is switched off gets its default settings: they change no result, so they
    must not change a trial's id.

    Raises:
        SweepError: If the task has no such metric.
    """
    measured = objective_of(schema.task)
    ranking = objective or measured
    is_measured = ranking == ranking.by_epoch
    own = ranking.validation_metric if is_measured else VALIDATION_OBJECTIVE
    metrics = ("loss", measured.metric, "val_loss", measured.validation_metric)

    def resolved(name: str, callback: Any) -> Any:
        if callback.monitor == OBJECTIVE or (name, callback.monitor) == ("checkpoint", "auto"):
            mode = ranking.mode if callback.mode == "auto" else callback.mode
            return callback.model_copy(update={"monitor": own, "mode": mode})
        if callback.monitor not in metrics:
            where = f"callbacks.{name}.monitor (task {schema.task})"
            allowed = (*metrics, OBJECTIVE)
            raise unknown_name(callback.monitor, allowed, what="metric", where=where)
        if callback.mode != "auto":
            return callback
        mode = measured.mode if callback.monitor.endswith(measured.metric) else "min"
        return callback.model_copy(update={"mode": mode})

    checkpoint = callbacks.checkpoint
    update = {"checkpoint": resolved("checkpoint", checkpoint)}
    if unfit := [name for name in checkpoint.fields if name not in ("epoch", *metrics)]:
        raise SweepError(
            f"callbacks.checkpoint.filename: {checkpoint.filename!r} asks for {unfit[0]}, which a "
            f"{schema.task} task does not have; allowed: epoch, {', '.join(metrics)}"
        )
    for name in ("early_stopping", "reduce_on_plateau"):
        given = getattr(callbacks, name)
        update[name] = resolved(name, given) if given.enabled else type(given)()
    return callbacks.model_copy(update=update)


def objective_by_epoch(
    callbacks: CallbackParameters, objective: Objective | None
) -> Objective | None:
    """What is computed after every epoch for resolved callbacks; ``None`` where none needs it."""
    enabled = [each for each in (getattr(callbacks, name) for name in DECIDING) if each.enabled]
    if objective is None or all(each.monitor != VALIDATION_OBJECTIVE for each in enabled):
        return None
    source = source_of(objective.scorer) if objective.is_custom else ""
    return objective.model_copy(update={"source": source})


def check_watched_rows(
    callbacks: CallbackParameters,
    schema: Schema,
    objective: Objective | None,
    parts: Sequence[Fold],
) -> CallbackParameters:
    """Try the objective on the rows that callbacks watch, before anything is trained.

    A few rows may lack a class. Then a checkpoint's ``auto`` becomes the loss, with a warning.

    Args:
        callbacks: Not yet resolved.
        schema: Of the table.
        objective: What ranks; ``None`` for what the task measures.
        parts: The rows of the only split, or of every fold.

    Raises:
        SweepError: If a callback asks for the objective by name, and it cannot be computed.
    """
    watched = objective_by_epoch(resolve_callbacks(callbacks, schema, objective), objective)
    if watched is None:
        return callbacks
    try:
        for part in parts:
            _try_on(part, watched, schema)
    except SweepError as error:
        if any(getattr(callbacks, name).monitor == OBJECTIVE for name in DECIDING):
            raise SweepError(
                f"{error}. These are the rows that callbacks watch (callbacks, monitor: "
                "objective); split.inner sets more of them aside"
            ) from error
        logger.warning(
            "callbacks.checkpoint watches val_loss, since the rows that it watches are too few: %s",
            error,
        )
        checkpoint = callbacks.checkpoint.model_copy(update={"monitor": "val_loss"})
        return callbacks.model_copy(update={"checkpoint": checkpoint})
    return callbacks


def _try_on(part: Fold, objective: Objective, schema: Schema) -> None:
    rows = part.scored if part.watched is None else part.watched
    true, watched = (each[TARGET].to_numpy() for each in (part.train, rows))
    if schema.task == "regression":
        true, watched = (target_values(each, part.scaling) for each in (true, watched))
    try_objective(objective, true, watched, len(schema.classes))
