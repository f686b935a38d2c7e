"""The source of the rows (``params:data``)."""

from typing import Literal, Self

from pydantic import ConfigDict, PositiveInt, model_validator

from dnn_sweep.parameters.base import Parameters


class SequenceParameters(Parameters):
    """How the rows of a long table, one per step, form sequences (``params:data.sequence``).

    Args:
        id: Column that says to which sequence a step belongs; ``None`` for an ordinary table.
        order: Column of numbers or dates that puts the steps of a sequence in order.
        steps: Length of every sequence: shorter ones are padded at the end, of longer ones the
            last steps are kept; ``None`` for the length of the longest.

    >>> SequenceParameters(id="patient", order="day").steps is None
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    id: str | None = None
    order: str | None = None
    steps: PositiveInt | None = None

    @model_validator(mode="after")
    def _both_columns_are_named(self) -> Self:
        if self.id is None and (self.order or self.steps):
            raise ValueError(
                "data.sequence.id: name the column that says to which sequence a row belongs"
            )
        if self.id is not None and self.order is None:
            raise ValueError("data.sequence.order: name the column that orders a sequence's rows")
        if self.id is not None and self.id == self.order:
            raise ValueError(f"data.sequence: id and order both name the column {self.id!r}")
        return self


class DataParameters(Parameters):
    """The source of the rows and how to read it (``params:data``).

    Args:
        target: The column to predict; required.
        task: Kind of prediction; ``auto`` infers it from the target.
        split_column: Column with ``train`` or ``test`` for each row, where the source has an
            official test split.
        sample_weight: Column of per-row loss weights; not a feature.
        ignore: Columns to leave out.
        categorical: Numeric columns to treat as categories, such as postcodes.
        max_rows: Use at most this many rows, drawn at random within classes; ``None`` for all.
        image_shape: Height, width and (1 by default) channels of a row that is an image.
        image_size: Height and width of images, in place of ``image_shape``.
        channels: 1 for grey images of ``image_size``, 3 for colour.
        sequence: How the rows of a long table form sequences.
        filepath: The user's CSV or Parquet file (experiment ``csv``).
        folder: The user's folder of images (experiment ``image_folder``).
        source_dir: A folder that already contains the IDX files (experiments ``mnist`` and
            ``fashion_mnist``).

    >>> DataParameters(filepath="my.csv", target=2020).target
    '2020'
    """

    # A column may be called 2020, which the command line reads as a number.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    target: str | None = None
    task: Literal["auto", "multiclass", "binary", "regression"] = "auto"
    split_column: str | None = None
    sample_weight: str | None = None
    ignore: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    max_rows: PositiveInt | None = None
    image_shape: (
        tuple[PositiveInt, PositiveInt] | tuple[PositiveInt, PositiveInt, Literal[1, 3]] | None
    ) = None
    image_size: PositiveInt | None = None
    channels: Literal[1, 3] = 1
    sequence: SequenceParameters = SequenceParameters()
    filepath: str | None = None
    folder: str | None = None
    source_dir: str | None = None

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels of a row that is an image; ``None`` for other rows."""
        if self.image_shape:
            height, width, channels = (*self.image_shape, 1)[:3]
            return height, width, channels
        size = self.image_size
        return (size, size, self.channels) if size else None

    @model_validator(mode="after")
    def _a_row_is_one_thing(self) -> Self:
        given = {
            "data.image_shape": self.image_shape,
            "data.image_size": self.image_size,
            "data.sequence": self.sequence.id,
        }
        if len(keys := [key for key, value in given.items() if value]) > 1:
            raise ValueError(f"{' and '.join(keys)} exclude each other; set one of them to null")
        return self
