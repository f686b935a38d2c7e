"""Where the rows come from (``params:data``)."""

from typing import Literal

from pydantic import ConfigDict, PositiveInt

from dnn_sweep.parameters.base import Parameters


class DataParameters(Parameters):
    """Where the rows come from and how to read them (``params:data``).

    Args:
        target: The column to predict; it must be given, by the experiment or by the user.
        task: What kind of prediction; ``auto`` infers it from the target.
        split_column: Column that says ``train`` or ``test`` for each row, where the source has
            an official test split.
        sample_weight: Column that says what each training row counts; no feature.
        ignore: Columns left out.
        categorical: Numeric columns to treat as categories (codes such as a postcode).
        max_rows: Use at most this many rows, drawn at random within classes; ``None`` for all.
        image_shape: Height and width of a row that is an image, for the figures.
        filepath: The user's CSV or Parquet file (experiment ``csv``).
        source_dir: A folder that already holds the IDX files (experiments ``mnist`` and
            ``fashion_mnist``).
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
    image_shape: tuple[PositiveInt, PositiveInt] | None = None
    filepath: str | None = None
    source_dir: str | None = None
