"""The schema of a table: its columns, its target, its task."""

from typing import Any, Literal

from pydantic import BaseModel

from dnn_sweep.core.data.reading import part_name
from dnn_sweep.parameters import Task

Label = bool | int | float | str
Rank = Literal["table", "sequence", "image"]


class Column(BaseModel, frozen=True, extra="forbid"):
    """A feature column: its name in the source, its kind, and how its text is read.

    Args:
        kind: Decides how it is scaled.
        decimal: The decimal mark of its numbers.
        thousands: The mark between groups of three digits; empty for none.
        unit: What follows each number, such as ``%`` or ``kg``; empty for nothing.
        format: How its dates are written, as in ``strptime``; empty for ISO 8601.
        parts: The inputs that a date becomes.
        spellings: The spelling of each category, by its text in lower case, where letter case
            made no difference.
    """

    name: str
    kind: Literal["numeric", "boolean", "categorical", "date", "text"]
    decimal: str = "."
    thousands: str = ""
    unit: str = ""
    format: str = ""
    parts: tuple[str, ...] = ()
    spellings: dict[str, str] = {}


class Schema(BaseModel, frozen=True, extra="forbid"):
    """A validated table's columns, target and task.

    Args:
        classes: The target's values in order; empty for a regression.
        features: The network's input columns, in order.
        dropped: Columns left out, with the reason.
        rank: What a row is: a table's row, a sequence or an image.
        shape: Shape of a row as the source has it, of which the features are the cells in C order:
            ``(features,)``, ``(steps, features)`` or ``(height, width, channels)``.
        padded: Whether sequences have different lengths, so that steps at their end are missing.
        sequence: The columns of a table with one row per step that say to which sequence a row
            belongs, and in which order; ``None`` for other rows.
        sample_weight: Column of per-row loss weights; ``None`` for equal weights.
        group: Column of groups that no split divides; ``None`` for none.
        time: Column that orders rows in time, where splits follow it; ``None`` for none.
        repeated: How many rows repeat another one, and are kept on its side of every split.
        missing: The marks of gaps that were given; ``None`` for the usual ones.
        fingerprint: SHA-256 of the rows that were validated, in hexadecimal.

    >>> schema.classes
    ('setosa', 'versicolor', 'virginica')
    """

    task: Task
    target: str
    classes: tuple[Label, ...] = ()
    features: tuple[Column, ...]
    dropped: dict[str, str] = {}
    rank: Rank = "table"
    shape: tuple[int, ...] = ()
    padded: bool = False
    sequence: tuple[str, str] | None = None
    sample_weight: str | None = None
    group: str | None = None
    time: str | None = None
    repeated: int = 0
    missing: tuple[str, ...] | None = None
    rows: int
    fingerprint: str

    @property
    def channel_names(self) -> list[list[str]]:
        """Names of the columns that share a scale: those of each channel, or of each feature."""
        channels = 1 if self.rank == "table" else self.shape[-1]
        return [self.feature_names[at::channels] for at in range(channels)]

    @property
    def feature_names(self) -> list[str]:
        """Names of the feature columns, in order."""
        return [column.name for column in self.features]

    @property
    def reading(self) -> list[dict[str, Any]]:
        """How each feature column is read, as ``core.data.reading.read_features`` takes it."""
        return [
            {"kind": each.kind, **each.model_dump(exclude_defaults=True)} for each in self.features
        ]

    def inputs_of(self, kind: str) -> list[str]:
        """Names of the columns of a kind once they are read; the parts of dates are numeric."""
        inputs = []
        for each in self.features:
            if each.kind == kind:
                inputs.append(each.name)
            elif each.kind == "date" and kind == "numeric":
                inputs += [part_name(each.name, part) for part in each.parts]
        return inputs

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of each feature column, by its name."""
        return {column.name: column.kind for column in self.features}


class TargetScaling(BaseModel, frozen=True, extra="forbid"):
    """Mean and spread of a regression's target on the training rows; neutral for classes."""

    mean: float = 0.0
    scale: float = 1.0
