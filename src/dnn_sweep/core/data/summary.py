"""What was understood of the data: source, columns, target, splits, and what to beware of."""

import re
from collections import Counter
from typing import Any

import pandas as pd
from pydantic import BaseModel

from dnn_sweep.core.data.folds import count_folds
from dnn_sweep.core.data.schema import Label, Schema
from dnn_sweep.core.data.source import Source, SourceColumn
from dnn_sweep.core.data.warnings import warn_of_data
from dnn_sweep.core.formatting import TIMES, count
from dnn_sweep.parameters import Task

ALIKE = 8  # more columns that differ by a number in their names are listed as one


class ClassRows(BaseModel, frozen=True, extra="forbid"):
    """The rows of a class, in all and in each part."""

    label: Label
    rows: int
    train: int
    validation: int
    test: int


class DataSummary(BaseModel, frozen=True, extra="forbid"):
    """What was understood of the data.

    Args:
        source: As it was read.
        task: What is predicted.
        target: The column to predict.
        classes: Of the target, in order; none for a regression.
        quantiles: Least value, median and largest value of a regression's target.
        what_a_row_is: Such as ``a row of 4 features``.
        rows: That are used.
        train: Training rows; with folds all rows outside the test split.
        validation: Validation rows; with folds the same rows.
        test: Test rows.
        folds: Number of folds; 0 without cross-validation.
        warnings: Sentences, in order of weight.

    >>> print(data_summary.split_sizes)
    90 training, 30 validation and 30 test rows
    """

    source: Source
    task: Task
    target: str
    classes: tuple[ClassRows, ...] = ()
    quantiles: tuple[float, float, float] | None = None
    what_a_row_is: str
    rows: int
    train: int
    validation: int
    test: int
    folds: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def split_sizes(self) -> str:
        """The rows of each part, in words."""
        if self.folds:
            return f"{self.train:,} rows in {self.folds} folds and {self.test:,} test rows"
        return (
            f"{self.train:,} training, {self.validation:,} validation and {self.test:,} test rows"
        )

    @property
    def kinds(self) -> str:
        """How many columns there are of each kind, in words."""
        kinds = Counter(each.kind for each in self.source.columns)
        return ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())

    @property
    def columns(self) -> list[SourceColumn]:
        """The columns; many that differ by a number in their names alone are one entry."""
        return group_columns(self.source.columns)


def summarize_data(
    source: Source,
    clean_table: pd.DataFrame,
    schema: Schema,
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    folds: pd.DataFrame | None = None,
) -> DataSummary:
    """Collect what was understood of the data, before anything is trained on it.

    The test rows are what is left of the table: they are only counted.

    Args:
        source: As it was read.
        clean_table: The validated table.
        schema: Its schema.
        train_rows: Training rows.
        validation_rows: Validation rows; with folds the same as the training rows.
        folds: The fold of each training row, if there are any.

    >>> tables = clean_table, schema, train_rows, validation_rows
    >>> summarize_data(source, *tables).classes[0]
    ClassRows(label='setosa', rows=50, train=30, validation=10, test=10)
    """
    parts = {"rows": clean_table, "train": train_rows, "validation": validation_rows}
    sizes = {name: len(rows) for name, rows in parts.items()}
    target = clean_table[schema.target]
    counts = pd.DataFrame(
        {name: rows[schema.target].value_counts() for name, rows in parts.items()}
    )
    seen = ["train"] if count_folds(folds) else ["train", "validation"]
    sizes["test"] = sizes["rows"] - sum(sizes[part] for part in seen)
    counts = counts.fillna(0).astype(int)
    counts["test"] = counts["rows"] - counts[seen].sum(axis="columns")
    of_class: dict[Any, dict[Any, int]] = counts.to_dict("index")
    quantiles = None
    if schema.task == "regression":
        quantiles = float(target.min()), float(target.median()), float(target.max())
    shape = f" {TIMES} ".join(map(str, schema.shape))
    return DataSummary(
        source=source,
        task=schema.task,
        target=schema.target,
        classes=tuple(
            ClassRows.model_validate({"label": label} | of_class[label]) for label in schema.classes
        ),
        quantiles=quantiles,
        what_a_row_is={
            "table": f"a row of {count(len(schema.features), 'feature')}",
            "image": f"an image of {shape}",
            "sequence": f"a sequence of {shape}{', padded' if schema.padded else ''}",
        }[schema.rank],
        **sizes,
        folds=count_folds(folds),
        warnings=warn_of_data(source, clean_table, schema, train_rows, validation_rows),
    )


def group_columns(columns: tuple[SourceColumn, ...]) -> list[SourceColumn]:
    """Join columns of one kind whose names differ by a number, such as pixels, if there are many.

    >>> [each.name for each in group_columns(source.columns)][-2:]
    ['petal width (cm)', 'species']
    """
    groups: dict[tuple[str, str, str], list[SourceColumn]] = {}
    for each in columns:
        groups.setdefault((each.kind, re.sub(r"\d+", "#", each.name), each.note), []).append(each)
    joined = []
    for alike in groups.values():
        if len(alike) <= ALIKE:
            joined += alike
            continue
        telling = max(alike, key=lambda each: len(each.examples))
        joined.append(
            telling.model_copy(
                update={
                    "name": f"{alike[0].name} … {alike[-1].name}",
                    "gaps": sum(each.gaps for each in alike),
                    "columns": len(alike),
                }
            )
        )
    first = {each.name: place for place, each in enumerate(columns)}
    return sorted(joined, key=lambda each: first[each.name.partition(" … ")[0]])
