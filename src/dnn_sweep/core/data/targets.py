"""The column to predict: its numbers or classes, and which task that makes."""

import logging

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from dnn_sweep.core.data.columns import MOSTLY, is_date, refuse_where
from dnn_sweep.core.data.date_formats import find_dates
from dnn_sweep.core.data.reading import NO_TEXT, find_marks, parse_numbers, without_marks
from dnn_sweep.core.data.recognition import find_numbers, join_spellings
from dnn_sweep.core.data.schema import Label
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import DataParameters, Task

logger = logging.getLogger(__name__)

MOST_CLASSES_OF_NUMBERS = 20  # a whole-number target with more values is a regression's
RARE = 0.1  # share of the training rows; see `is_rare`
LARGEST = 1e100  # its square must be a number


def read_target(target: pd.Series, data: DataParameters, *, decimal_comma: bool) -> pd.Series:
    """Convert a target of text to numbers, if it holds any, or to labels spelled in one way.

    Raises:
        SweepError: If it cannot be predicted as it is: gaps, dates, several labels in a cell, or
            text between numbers.

    >>> prices = pd.Series(["$9,000", "$12,500"], name="price")
    >>> read_target(prices, DataParameters(), decimal_comma=False).tolist()
    [9000, 12500]
    """
    if is_datetime64_any_dtype(target) or is_date(target):
        _refuse_dates(target)
    if is_bool_dtype(target):
        return target
    if is_numeric_dtype(target):
        return without_marks(target, data.missing)
    if data.missing is not None:
        target = target.mask(find_marks(target, data.missing, ()).fillna(False).astype(bool))
    _check_no_gaps(target)
    text = target.astype("string").str.strip()
    read = _numbers_of(target, text, data, decimal_comma=decimal_comma)
    if read is not None:
        return read
    if data.task == "auto":
        if len(text) and text.str.contains(r"\d").all() and find_dates(text, data) is not None:
            _refuse_dates(target)
        _refuse_several_labels(text)
    return _labels_of(target, data)


def _numbers_of(
    target: pd.Series, text: pd.Series, data: DataParameters, *, decimal_comma: bool
) -> pd.Series | None:
    """The numbers of a target that was written as text; ``None`` if it holds labels."""
    how, share = find_numbers(text, data, decimal_comma=decimal_comma)
    numbers = parse_numbers(text, **how)
    if share == 1 and numbers.notna().all():
        if pd.to_numeric(text, errors="coerce").notna().all():
            # Plain numbers that someone made text are labels, if they are few.
            return None
        whole = bool((numbers % 1 == 0).all()) and float(numbers.abs().max()) < 2**53
        logger.info(
            "Target %r: %r is read as %s", target.name, target.tolist()[0], f"{numbers.iloc[0]:g}"
        )
        return numbers.astype("int64") if whole else numbers
    known = numbers.notna()
    if data.task not in ("auto", "regression") or known.mean() < MOSTLY:
        return None
    wrong = int((~known).to_numpy().argmax())
    others = f" (and {int((~known).sum()) - 1} more)" if (~known).sum() > 1 else ""
    raise SweepError(
        f"target {target.name!r}: {known.sum()} of {len(text)} values are numbers; row {wrong + 1} "
        f"is {target.tolist()[wrong]!r}{others} (row_id {target.index[wrong]}). Correct it or "
        "remove the row from the file; only if the numbers are classes, set data.task: multiclass"
    )


def _labels_of(target: pd.Series, data: DataParameters) -> pd.Series:
    labels = target.map(lambda value: value.strip() if isinstance(value, str) else value)
    before, after = target.nunique(), labels.nunique()
    if data.letter_case == "join" and (spellings := join_spellings(labels)):
        labels = labels.map(lambda v: spellings.get(v.casefold(), v) if isinstance(v, str) else v)
    if labels.nunique() < before:
        joined = labels[labels != target].unique().tolist()
        shown = "; ".join(
            f"{label!r}: {', '.join(map(repr, target[labels == label].unique().tolist()))}"
            for label in joined[:5]
        )
        switch = "" if after == labels.nunique() else " (data.letter_case: keep tells them apart)"
        logger.warning("Target %r: joined into one class each: %s%s", target.name, shown, switch)
    words = sorted({v for v in labels.unique() if isinstance(v, str)} & (NO_TEXT - {""}))
    if words:
        counts = ", ".join(f"{word!r} ({int((labels == word).sum())} rows)" for word in words)
        logger.info(
            "Target %r: %s is a label, not a gap; to make it one, add it to data.missing",
            target.name,
            counts,
        )
    return labels


def is_rare(share: float, classes: int) -> bool:
    """Whether a class has less than 10 % of the rows; of many, less than half of an equal share.

    >>> is_rare(0.09, 2), is_rare(0.09, 10), is_rare(0.04, 10)
    (True, False, True)
    """
    return share < min(RARE, 0.5 / classes)


def _refuse_dates(target: pd.Series) -> None:
    raise SweepError(
        f"target {target.name!r} holds dates or times; turn it into numbers or classes first"
    )


def _refuse_several_labels(text: pd.Series) -> None:
    """Refuse cells such as ``red;blue``, where each of the parts is a label elsewhere too."""
    different = text.drop_duplicates()
    for mark in ";|,":
        several = different[different.str.contains(mark, regex=False)]
        parts = different.str.split(mark).explode().str.strip()
        if len(several) and parts.nunique() < len(parts) and parts.nunique() <= len(different):
            raise SweepError(
                f"target {text.name!r}: {several.iloc[0]!r} is several labels in one cell, which "
                "cannot be predicted. Make a column of yes and no for each label and predict one "
                "at a time; or, if each combination is a class of its own, set data.task: "
                "multiclass (binary for two)"
            )


def _check_no_gaps(target: pd.Series) -> None:
    gaps = target.index[target.isna()]
    if len(gaps):
        rows = ", ".join(str(row) for row in gaps[:5]) + (", …" if len(gaps) > 5 else "")
        raise SweepError(
            f"target {target.name!r} is missing in {len(gaps)} of {len(target)} rows "
            f"(rows {rows}); fill or remove them"
        )


def task_of(target: pd.Series, data: DataParameters) -> Task:
    """Infer the task, and say so where a number could be either a class or an amount.

    >>> task_of(pd.Series([0.5, 1.5, 2.5]), DataParameters())
    'regression'
    """
    _check_no_gaps(target)
    refuse_where(target.isin([np.inf, -np.inf]), target, "is not finite", what="target")
    if data.task != "auto":
        return data.task
    values = target.nunique()
    if data.folder:  # its folders are classes, even if numbers name them
        return "binary" if values == 2 else "multiclass"
    if values > MOST_CLASSES_OF_NUMBERS and pd.to_numeric(target, errors="coerce").notna().all():
        return "regression"
    numeric = is_numeric_dtype(target) and not is_bool_dtype(target)
    if numeric and (target % 1 != 0).any():
        return "regression"
    if numeric and values > 2:
        logger.info(
            "Target %r: %d different whole numbers (%g to %g) are read as classes. If they are "
            "counts or amounts, set data.task: regression",
            target.name,
            values,
            target.min(),
            target.max(),
        )
    return "binary" if values == 2 else "multiclass"


def classes_of(target: pd.Series, task: Task) -> tuple[Label, ...]:
    """The target's values in order.

    Raises:
        SweepError: If there is one only, or more than two for a binary task.

    >>> classes_of(pd.Series(["b", "a", "b"]), "binary")
    ('a', 'b')
    """
    labels = sorted(target.unique().tolist())
    if len(labels) == 1:
        raise SweepError(
            f"target {target.name!r} holds one class only ({labels[0]!r}); "
            "there is nothing to tell apart"
        )
    if task == "binary" and len(labels) != 2:
        raise SweepError(
            f"data.task is binary but target {target.name!r} holds {len(labels)} classes "
            f"({', '.join(repr(label) for label in labels[:5])}…); use multiclass"
        )
    return tuple(labels)


def regression_target(target: pd.Series) -> pd.Series:
    """The target as float64.

    Raises:
        SweepError: If a value is no number, all are equal, or they are too large or too close.

    >>> regression_target(pd.Series(["1", "2.5"])).tolist()
    [1.0, 2.5]
    """
    numbers = pd.to_numeric(target, errors="coerce").astype("float64")
    refuse_where(numbers.isna(), target, "where a regression needs a number", what="target")
    if numbers.nunique() == 1:
        raise SweepError(f"target {target.name!r} is {numbers.iloc[0]:g} in every row")
    too_large = "is too large to compute with; divide the target by a power of ten"
    refuse_where(numbers.abs() > LARGEST, target, too_large, what="target")
    if numbers.std() == 0:
        raise SweepError(
            f"target {target.name!r}: its values are too close to each other to compute with; "
            "multiply them by a power of ten"
        )
    return numbers
