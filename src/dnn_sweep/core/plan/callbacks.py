"""The callbacks of a task: metrics checked, ``auto`` replaced."""

from typing import Any

from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.parameters import CallbackParameters


def resolve_callbacks(
    callbacks: CallbackParameters, schema: Schema, objective: Objective | None = None
) -> CallbackParameters:
    """Replace ``auto`` and check the metrics that are named.

    ``auto`` is the ``objective`` where it is measured in every epoch, and else the loss.

    A callback that is switched off gets its default settings: they change no result, so they
    must not change a trial's id.

    Raises:
        SweepError: If the task has no such metric.
    """
    measured = objective_of(schema.task)
    watched = (objective or measured).by_epoch
    metrics = ("loss", measured.metric, "val_loss", measured.validation_metric)

    def resolved(name: str, callback: Any) -> Any:
        if callback.monitor not in metrics:
            where = f"callbacks.{name}.monitor (task {schema.task})"
            raise unknown_name(callback.monitor, metrics, what="metric", where=where)
        if callback.mode != "auto":
            return callback
        mode = measured.mode if callback.monitor.endswith(measured.metric) else "min"
        return callback.model_copy(update={"mode": mode})

    checkpoint = callbacks.checkpoint
    if checkpoint.monitor == "auto":
        checkpoint = checkpoint.model_copy(update={"monitor": watched.validation_metric})
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
