"""The source of the rows (``params:data``)."""

from typing import Literal

from pydantic import ConfigDict, PositiveInt

from dnn_sweep.parameters.base import Parameters


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
        filepath: The user's CSV or Parquet file (experiment ``csv``).
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
    filepath: str | None = None
    source_dir: str | None = None
