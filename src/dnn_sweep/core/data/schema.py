"""The schema of a table: its columns, its target, its task."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from dnn_sweep.parameters import Task

Label = bool | int | float | str


class Column(BaseModel):
    """One feature column.

    Args:
        name: As it is called in the source.
        kind: How it is scaled: ``numeric``, ``boolean`` or ``categorical``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Literal["numeric", "boolean", "categorical"]


class Schema(BaseModel):
    """A validated table's columns, target and task.

    Args:
        task: What is predicted.
        target: Name of the target column.
        classes: The target's values in order; empty for a regression.
        features: The network's input columns, in order.
        dropped: Columns left out, with the reason.
        image_shape: Height and width of a row that is an image.
        sample_weight: Column of per-row loss weights; ``None`` for equal weights.
        rows: Number of rows.
        fingerprint: SHA-256 of the rows that were validated, in hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    target: str
    classes: tuple[Label, ...] = ()
    features: tuple[Column, ...]
    dropped: dict[str, str] = {}
    image_shape: tuple[int, int] | None = None
    sample_weight: str | None = None
    rows: int
    fingerprint: str

    @property
    def feature_names(self) -> list[str]:
        """Names of the feature columns, in order."""
        return [column.name for column in self.features]

    def names_of(self, kind: str) -> list[str]:
        """Names of the feature columns of one kind, in order."""
        return [column.name for column in self.features if column.kind == kind]


class TargetScaling(BaseModel):
    """Standardisation of a regression's target, fitted on the training rows.

    Args:
        mean: Subtracted, in the target's unit.
        scale: Divided by, in the target's unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float = 0.0
    scale: float = 1.0
