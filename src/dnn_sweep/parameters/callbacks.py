"""The Keras callbacks of a trial (``params:callbacks``)."""

from string import Formatter
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from dnn_sweep.parameters.base import Parameters

CHECKPOINT_FIELDS = ("epoch", "loss", "accuracy", "mae", "val_loss", "val_accuracy", "val_mae")


class CheckpointParameters(Parameters):
    """Which epoch's weights a trial keeps.

    Args:
        enabled: Keep the best epoch's weights; otherwise those at the end of training (or those
            that early stopping restores). ``split.inner`` says which rows decide.
        monitor: A per-epoch metric, or ``objective`` for the one that ranks; ``auto`` is that where
            the watched rows suffice for it, or else ``val_loss``.
        mode: Whether more or less of it is better; ``auto`` decides as Keras does.
        filename: Pattern of the kept file's name, without ``.keras``; may contain ``{epoch}`` and
            any per-epoch metric, such as ``{epoch:02d}_{val_accuracy:0.2f}``.

    >>> CheckpointParameters(filename="maeve_{epoch:02d}").fields
    ['epoch']
    """

    enabled: bool = False
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
            if unknown := [name for name in _fields(pattern) if name not in CHECKPOINT_FIELDS]:
                raise ValueError(f"unknown field {unknown[0]!r}")
            pattern.format(**dict.fromkeys(CHECKPOINT_FIELDS, 1.0) | {"epoch": 1})
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(
                f"checkpoint.filename {pattern!r} cannot be filled in ({error}); "
                f"fields allowed: {allowed}"
            ) from None
        return pattern

    @property
    def fields(self) -> list[str]:
        """Names of the fields in the file name's pattern."""
        return _fields(self.filename)


def _fields(pattern: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]


class EarlyStoppingParameters(Parameters):
    """Stops a trial that no longer improves (Keras's ``EarlyStopping``).

    >>> EarlyStoppingParameters(enabled=True).patience
    10
    """

    enabled: bool = False
    monitor: str = "val_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    patience: NonNegativeInt = 10
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    restore_best_weights: bool = True


class ReduceOnPlateauParameters(Parameters):
    """Lowers the learning rate when progress stalls (Keras's ``ReduceLROnPlateau``).

    >>> ReduceOnPlateauParameters(enabled=True, patience=3).factor
    0.5
    """

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
        stop_on_nan: Stop a trial whose loss is no longer finite, and record it as diverged.

    >>> CallbackParameters(early_stopping={"enabled": True}).early_stopping.monitor
    'val_loss'
    """

    checkpoint: CheckpointParameters = CheckpointParameters()
    early_stopping: EarlyStoppingParameters = EarlyStoppingParameters()
    stop_on_nan: bool = True
    reduce_on_plateau: ReduceOnPlateauParameters = ReduceOnPlateauParameters()
