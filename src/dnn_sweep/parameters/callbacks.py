"""The Keras callbacks of a trial (``params:callbacks``)."""

from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from dnn_sweep.parameters.base import Parameters

CHECKPOINT_FIELDS = (
    "epoch",
    "loss",
    "accuracy",
    "mae",
    "val_loss",
    "val_accuracy",
    "val_mae",
)


class CheckpointParameters(Parameters):
    """Which epoch's weights a trial keeps.

    Args:
        enabled: Keep the best epoch's weights; otherwise those that training ends with (or that
            early stopping restores).
        monitor: A per-epoch metric; ``auto`` is ``val_accuracy``, for regression ``val_mae``.
        mode: Whether more or less of it is better; ``auto`` as Keras infers it.
        filename: Pattern of the kept file's name, ``.keras`` is added; may hold ``{epoch}`` and
            any per-epoch metric, such as ``{epoch:02d}_{val_accuracy:0.2f}``.
    """

    enabled: bool = True
    monitor: str = "auto"
    mode: Literal["auto", "min", "max"] = "auto"
    filename: str = "{epoch:02d}_{val_loss:0.2f}"

    @field_validator("filename")
    @classmethod
    def _pattern_can_be_filled(cls, pattern: str) -> str:
        allowed = ", ".join(f"{{{name}}}" for name in CHECKPOINT_FIELDS)
        if len(pattern) > 100:
            raise ValueError("checkpoint.filename must not be longer than 100 characters")
        if not pattern or "/" in pattern or "\\" in pattern or pattern.startswith("."):
            raise ValueError("checkpoint.filename must be a plain file name, not a path")
        try:
            names = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
            if unknown := [name for name in names if name not in CHECKPOINT_FIELDS]:
                raise ValueError(f"unknown field {unknown[0]!r}")
            pattern.format(**dict.fromkeys(CHECKPOINT_FIELDS, 1.0) | {"epoch": 1})
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(
                f"checkpoint.filename {pattern!r} cannot be filled in ({error}); "
                f"fields allowed: {allowed}"
            ) from None
        return pattern


class EarlyStoppingParameters(Parameters):
    """When a trial that no longer improves is stopped (Keras's ``EarlyStopping``)."""

    enabled: bool = False
    monitor: str = "val_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    patience: NonNegativeInt = 10
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    restore_best_weights: bool = True


class ReduceOnPlateauParameters(Parameters):
    """When the learning rate is lowered (Keras's ``ReduceLROnPlateau``)."""

    enabled: bool = False
    monitor: str = "val_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: PositiveInt = 5
    min_delta: Annotated[float, Field(ge=0)] = 1e-4
    min_lr: Annotated[float, Field(ge=0)] = 0.0


class CallbackParameters(Parameters):
    """The Keras callbacks that can change a trial's result (``params:callbacks``).

    Args:
        checkpoint: Which epoch's weights are kept.
        early_stopping: Stop a trial that no longer improves.
        stop_on_nan: Stop a trial whose loss is no longer finite; it is recorded as diverged.
        reduce_on_plateau: Lower the learning rate when progress stalls.
    """

    checkpoint: CheckpointParameters = CheckpointParameters()
    early_stopping: EarlyStoppingParameters = EarlyStoppingParameters()
    stop_on_nan: bool = True
    reduce_on_plateau: ReduceOnPlateauParameters = ReduceOnPlateauParameters()
