"""Division of rows into training, validation and test, and the draw of fewer for a quick look."""

from collections.abc import Mapping

import pandas as pd
from pandas.api.types import is_numeric_dtype

from dnn_sweep.core.data.columns import is_date
from dnn_sweep.core.data.groups import divide_groups, groups_of
from dnn_sweep.core.data.loss_weights import check_training_weights
from dnn_sweep.core.data.names import find_column
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import DataParameters, SplitParameters

FEW_VALIDATION_ROWS = 30  # fewer tell hardly anything apart
ROWS_PER_CLASS = 3  # one for each split


def number_of_folds(split: SplitParameters) -> int:
    """Number of folds; 0 without cross-validation.

    Raises:
        ValueError: If it has not been chosen yet; see
            :func:`~dnn_sweep.core.data.division.choose_folds`.

    >>> number_of_folds(SplitParameters(folds=4)), number_of_folds(SplitParameters())
    (4, 0)
    """
    if split.folds == "auto":
        raise ValueError("the number of folds depends on the table and has to be chosen first")
    return split.folds or 0


def draw_rows(raw: pd.DataFrame, data: DataParameters, split: SplitParameters) -> pd.DataFrame:
    """Draw ``data.max_rows`` rows, with the shares of classes and of a given split kept.

    Returns:
        The rows drawn, in their old order and with their old index; all where few enough.

    Raises:
        SweepError: If a class would have too few rows for every split to hold one.
    """
    if data.max_rows is None or data.max_rows >= len(raw):
        return raw
    keys = [name for name in (data.split_column, data.target) if name in raw.columns]
    # A target with many values, as a regression has, cannot be stratified.
    few = [name for name in keys if raw[name].nunique() <= data.max_rows // 10]
    if not few:
        return raw.sample(n=data.max_rows, random_state=split.seed).sort_index()
    groups = raw.groupby(few, dropna=False).ngroup()
    failure = f"data.max_rows: {data.max_rows} rows cannot be drawn"
    drawn, _ = _divide(raw, groups, split.seed, failure, train_size=data.max_rows)
    left = groups[drawn.index].value_counts().reindex(groups.unique(), fill_value=0)
    if left.min() < ROWS_PER_CLASS:
        rare = raw.loc[groups == left.idxmin(), few].iloc[0].to_dict()
        raise SweepError(
            f"data.max_rows: {data.max_rows} rows drawn in proportion leave {left.min()} with "
            f"{', '.join(f'{name} {value!r}' for name, value in rare.items())}; raise data.max_rows"
        )
    return drawn


def split_rows(
    clean_table: pd.DataFrame, schema: Schema, data: DataParameters, split: SplitParameters
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Divide validated rows; keep the test split of a source that has one.

    Rows of a group (:func:`~dnn_sweep.core.data.groups.groups_of`) stay together. With
    ``split.time`` the latest rows are the test rows, and those before them the validation rows.

    With folds (``split.folds`` is a number), all rows outside the test split are both: each is
    validated by networks that did not see it, and the network that is served is trained on all.

    Returns:
        Training, validation and test rows (features, target and, where there are any, weight and
        group), and a table of every ``row_id`` with its ``split``.

    Raises:
        SweepError: If a class would be left without rows in a part, or every training row has
            weight 0.

    >>> [len(part) for part in split_rows(clean_table, schema, data, split)[:3]]
    [90, 30, 30]
    """
    stratify = split.stratify and schema.task != "regression"
    given = data.split_column
    if given:
        given = find_column(given, list(clean_table.columns), "data.split_column")
    rows = clean_table.drop(columns=given or [])
    rest = rows[clean_table[given] == "train"] if given else rows
    folds = number_of_folds(split)
    if stratify:
        fewest = (0 if given else 1) + (folds or 2)
        _check_enough_rows(rest[schema.target], schema, parts=fewest, folds=folds)

    def divide(part: pd.DataFrame, size: float) -> tuple[pd.DataFrame, pd.DataFrame]:
        if schema.time:
            return _divide_by_time(part, schema.time, size)
        groups = groups_of(part, schema)
        if groups is not None and isinstance(size, int):  # groups are drawn, not rows
            size = size / len(part)
        wanted = f"{size:,} rows" if isinstance(size, int) else f"fraction {size:g}"
        failure = f"split: {wanted} cannot be divided from {len(part):,}"

        def draw(some: pd.DataFrame, labels: pd.Series | None) -> tuple[pd.DataFrame, pd.DataFrame]:
            return _divide(some, labels, split.seed, failure, test_size=size)

        return divide_groups(part, groups, part[schema.target] if stratify else None, draw)

    if given:
        test, share = rows[clean_table[given] == "test"], split.validation
    else:
        rest, test = divide(rest, split.test)
        share = split.validation
        if isinstance(share, float):  # of all rows
            counted = isinstance(split.test, int)
            share = round(share * len(rows)) if counted else share / (1 - split.test)
    train, validation = (rest, rest) if folds else divide(rest, share)
    check_training_weights(train, schema)
    parts = {"train": train, "validation": validation, "test": test}
    if stratify:
        check_classes({name: parts[name] for name in parts if name != "test" or not given}, schema)
    if folds:
        parts = {"folds": train, "test": test}
    ids = pd.concat(
        [pd.DataFrame({"row_id": part.index, "split": name}) for name, part in parts.items()]
    )
    return train, validation, test, ids.sort_values("row_id", ignore_index=True)


def _divide(
    rows: pd.DataFrame, labels: pd.Series | None, seed: int, failure: str, **size: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide rows at random, each label in proportion, in their old order."""
    try:
        first, second = sklearn.model_selection.train_test_split(
            rows, stratify=labels, random_state=seed, **size
        )
    except ValueError as error:
        raise SweepError(f"{failure} ({error})") from error
    return first.sort_index(), second.sort_index()


def _divide_by_time(
    rows: pd.DataFrame, column: str, size: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide off the latest rows; rows of the same time stay together."""
    wanted = size if isinstance(size, int) else round(size * len(rows))
    times = as_times(rows[column])
    later = times >= times.sort_values().iloc[-max(wanted, 1)]
    if wanted >= len(rows) or later.all():
        raise SweepError(
            f"split.time: {wanted:,} latest rows by {column!r} cannot be divided from {len(rows):,}"
            f" with {times.nunique():,} distinct times: no earlier row would be left"
        )
    return rows[~later], rows[later]


def as_times(column: pd.Series) -> pd.Series:
    """Read a column that orders rows in time: numbers, or dates also as text.

    Raises:
        SweepError: If a value is missing, or neither a number nor a date.
    """
    times = column
    if not is_numeric_dtype(column) and not is_date(column):
        times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    wrong = times.isna()
    if wrong.any():
        value = column[wrong].tolist()[0]
        raise SweepError(
            f"split.time: column {column.name!r}, row {wrong.idxmax()}: {value!r} where a number "
            f"or a date such as 2026-01-31 is needed ({wrong.sum():,} of {len(column):,} rows)"
        )
    return times


def check_classes(parts: Mapping[str, pd.DataFrame], schema: Schema, where: str = "split") -> None:
    """Stop where a class has no row in a part.

    Raises:
        SweepError: Names the class and the part.

    >>> check_classes({"validation": validation_rows[:0]}, schema)
    Traceback (most recent call last):
        ...
    dnn_sweep.core.errors.SweepError: split: class 'setosa' of 'species' has no row in the ...
    """
    for name, rows in parts.items():
        counts = rows[schema.target].value_counts().reindex(list(schema.classes), fill_value=0)
        if not counts.min():
            held = f" by {schema.group!r}" if schema.group else f" by {schema.time!r}"
            raise SweepError(
                f"{where}: class {counts.idxmin()!r} of {schema.target!r} has no row in the "
                f"{name} part of {len(rows):,} rows, divided"
                f"{held if schema.group or schema.time else ' at random'}. Give the part more "
                "rows (split.validation, split.test), merge or remove the class, or set "
                "split.stratify: false to go on without it"
            )


def _check_enough_rows(target: pd.Series, schema: Schema, *, parts: int, folds: int) -> None:
    counts = target.value_counts().reindex(list(schema.classes), fill_value=0)
    few = counts[counts < parts]
    if len(few):
        listed = ", ".join(f"{label!r} ({count})" for label, count in few.head(5).items())
        raise SweepError(
            f"target {schema.target!r}: each class needs at least {parts} rows, one for each "
            f"part{f' and fold (split.folds: {folds})' if folds else ''}; too few: {listed}. "
            "Remove or merge these classes, or set split.stratify: false"
        )
