"""The source of the rows (``params:data``)."""

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, PositiveInt, model_validator

from dnn_sweep.parameters.base import Parameters, listed

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "spaces": r"\s+"}
COMPRESSED = {".gz", ".bz2", ".xz", ".zip", ".zst"}
MARKS = {"point": ".", "comma": ",", "space": " ", "apostrophe": "'"}


def _as_name(given: Any) -> Any:
    """Undo what YAML makes of a column's name: ``No`` is false there, and ``a: b`` a mapping."""
    if isinstance(given, list | tuple):
        raise ValueError(
            f"[{', '.join(map(str, given))}] names several columns where one belongs. One target "
            "is predicted at a time: run once for each, with the others in data.ignore"
        )
    if isinstance(given, dict):
        return ", ".join(f"{key}: {value}" for key, value in given.items())
    return given if given is None else str(given)


def _as_list(given: Any) -> Any:
    """A single name stands for a list of one: the command line cannot write lists."""
    if given is None:
        return given
    names = given if isinstance(given, list | tuple) else [given]
    return ["null" if name is None else name for name in names]


def _spelled_out(names: dict[str, str]) -> BeforeValidator:
    """Allow a character by its name, since some cannot be written on the command line."""

    def read(given: Any) -> Any:
        if given is None or given in names.values():
            return given
        if given not in names:
            raise ValueError(f"{given!r} is unknown.{listed(given, names)}")
        return names[given]

    return BeforeValidator(read)


Name = Annotated[str, BeforeValidator(_as_name)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_as_list)]
MODEL_PREFIX = "dnn_sweep_"  # a registered model is called this and its experiment's name


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

    id: Name | None = None
    order: Name | None = None
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
        keep: Columns to use although they look like identifiers.
        categorical: Numeric columns to treat as categories, such as postcodes.
        numeric: Columns of numbers with a unit, such as ``1.5kg``, to read as numbers.
        text: Columns of free text, such as sentences, of which the words are used.
        encoding: Of a text file, such as ``cp949``; ``None`` to guess.
        separator: Between the fields of a text file: a character, or ``comma``, ``semicolon``,
            ``tab``, ``pipe`` or ``spaces``; ``None`` to guess.
        decimal: Decimal mark, ``point`` or ``comma``; ``None`` to guess, column by column.
        thousands: Mark between groups of three digits: ``comma``, ``point``, ``space`` or
            ``apostrophe``; ``None`` to guess.
        missing: The marks of gaps, in place of the usual ones.
        header: Line of the header, from 1; ``none`` for a file without one, ``auto`` to guess.
        dates: Whether dates become ``parts`` (year, month and so on), are left out (``drop``), or
            are categories (``text``).
        day_first: Whether 01/03/2024 is in March; ``None`` to guess.
        letter_case: Whether labels and categories that differ in letter case alone are one
            (``join``) or several (``keep``).
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

    target: Name | None = None
    task: Literal["auto", "multiclass", "binary", "regression"] = "auto"
    split_column: Name | None = None
    sample_weight: Name | None = None
    ignore: Names = ()
    keep: Names = ()
    categorical: Names = ()
    numeric: Names = ()
    text: Names = ()
    encoding: str | None = None
    separator: Annotated[str | None, _spelled_out(SEPARATORS)] = None
    decimal: Annotated[Literal[".", ","] | None, _spelled_out(MARKS)] = None
    thousands: Annotated[Literal[",", ".", " ", "'"] | None, _spelled_out(MARKS)] = None
    missing: Names | None = None
    header: Literal["auto", "none"] | PositiveInt = "auto"
    dates: Literal["parts", "drop", "text"] = "parts"
    day_first: bool | None = None
    letter_case: Literal["join", "keep"] = "join"
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


def name_of_table(filepath: str) -> str:
    """Name an experiment after its file: letters, digits, ``_`` and ``-``, without the suffix.

    >>> name_of_table("exports/Sales 2024 (EU).csv.gz")
    'Sales_2024_EU'
    """
    path = PurePath(filepath)
    if path.suffix.lower() in COMPRESSED:
        path = path.with_suffix("")
    return re.sub(r"[^\w-]+", "_", path.stem).strip("_") or "table"


def experiment_of(model: str) -> str:
    """Name the experiment of a registered model.

    >>> experiment_of("dnn_sweep_digits")
    'digits'
    """
    return model.removeprefix(MODEL_PREFIX)
