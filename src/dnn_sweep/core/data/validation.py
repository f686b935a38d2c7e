"""Checks of a raw table before anything is trained on it."""

import hashlib
import logging
import math

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from dnn_sweep.core.data.columns import (
    as_number,
    is_date,
    kind_of,
    plain_values,
    reason_to_drop,
    refuse_where,
)
from dnn_sweep.core.data.groups import DISTINCT, count_repeated
from dnn_sweep.core.data.loss_weights import read_weights
from dnn_sweep.core.data.schema import Column, Label, Rank, Schema
from dnn_sweep.core.data.sequences import join_steps
from dnn_sweep.core.data.splitting import as_times, draw_rows
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.parameters import DataParameters, SplitParameters, Task

logger = logging.getLogger(__name__)

MOST_CLASSES_OF_NUMBERS = 20  # a whole-number target with more values is a regression's
SPLITS = ("train", "test")


def validate_table(
    raw_table: pd.DataFrame, data: DataParameters, split: SplitParameters
) -> tuple[pd.DataFrame, Schema]:
    """Draw ``data.max_rows`` rows of a raw table, check them and learn their schema.

    Returns:
        The feature columns, the target, and the columns of splits and of weights where there are
        any, indexed by ``row_id`` (the row's position in the source), and the schema.

    Raises:
        SweepError: If nothing could be trained on this table; says which column or row.

    >>> raw = pd.DataFrame({"age": [31, 42, 53, 64], "label": ["no", "yes", "no", "yes"]})
    >>> _, schema = validate_table(raw, DataParameters(target="label"), SplitParameters())
    >>> schema.task, schema.classes, schema.feature_names
    ('binary', ('no', 'yes'), ['age'])
    """
    target = _check_columns(raw_table, data, split)
    steps, padded = 0, False
    if data.sequence.id:
        raw_table, steps, padded = join_steps(raw_table, data)
    raw = draw_rows(raw_table, data, split)
    table = raw.drop(columns=list(data.ignore), errors="ignore").rename_axis(index="row_id")
    table = table.apply(plain_values)
    _check_target_has_no_gaps(table[target])
    task = _task_of(table[target], data)
    classes: tuple[Label, ...] = ()
    if task == "regression":
        table[target] = _regression_target(table[target])
    else:
        classes = _classes_of(table[target], task)
    if data.split_column:
        _check_given_split(table[data.split_column])
    if data.sample_weight:
        table[data.sample_weight] = read_weights(table[data.sample_weight])
    if split.time:
        as_times(table[split.time])
    if split.group and (gaps := table[split.group].isna()).any():
        raise SweepError(
            f"split.group: column {split.group!r} is missing in {gaps.sum()} of {len(table)} rows "
            f"(first: row {gaps.idxmax()}); give each of these rows a group, or remove it"
        )

    named = (target, data.split_column, data.sample_weight, split.group, split.time)
    beside = [each for each in named if each]
    rank: Rank = "sequence" if steps else "image" if data.shape else "table"
    dropped: dict[str, str] = {}
    features: list[Column] = []
    for name in table.columns.drop(beside):
        if rank == "table" and (reason := reason_to_drop(table[name])):
            dropped[name] = reason
            logger.warning("Column %r is left out: %s", name, reason)
        else:
            kind = "categorical" if name in data.categorical else kind_of(table[name])
            features.append(Column(name=name, kind=kind))
    if not features:
        raise SweepError(
            f"no feature column is left beside the target {target!r}"
            + "".join(f"; {name!r}: {reason}" for name, reason in dropped.items())
        )
    shape: tuple[int, ...] = data.shape or (len(features),)
    if steps:
        shape = (steps, len(features) // steps)
    elif (cells := math.prod(shape)) != len(features):
        raise SweepError(
            f"data.image_shape {' by '.join(map(str, shape))} means {cells} pixels, "
            f"but there are {len(features)} feature columns"
        )
    if rank == "image":
        features = _read_pixels(table, features)
    table = table.drop(columns=list(dropped))
    schema = Schema(
        task=task,
        target=target,
        classes=classes,
        features=tuple(features),
        dropped=dropped,
        rank=rank,
        shape=shape,
        padded=padded,
        sequence=(str(data.sequence.id), str(data.sequence.order)) if steps else None,
        sample_weight=data.sample_weight,
        group=split.group,
        time=split.time,
        rows=len(table),
        fingerprint=fingerprint(table),
    )
    repeated = 0 if split.group or split.time else count_repeated(table, schema)
    if len(table) - repeated < DISTINCT * len(table):
        logger.warning(
            "Only %d of %d rows are distinct, so the same rows will lie in training, validation "
            "and test; name a column in split.group to keep rows together",
            len(table) - repeated,
            len(table),
        )
        repeated = 0
    if repeated:
        logger.warning(
            "Rows that repeat another one in all columns: %d; equal rows are kept in one split",
            repeated,
        )
    return table, schema.model_copy(update={"repeated": repeated})


def fingerprint(table: pd.DataFrame) -> str:
    """Return the SHA-256 of a table's column names, types, index and values in hexadecimal."""
    digest = hashlib.sha256(repr([(str(n), str(t)) for n, t in table.dtypes.items()]).encode())
    digest.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
    return digest.hexdigest()


def _check_columns(raw: pd.DataFrame, data: DataParameters, split: SplitParameters) -> str:
    if raw.empty:
        raise SweepError("the table has no rows")
    names = [str(name) for name in raw.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SweepError(f"column names must be distinct; more than once: {', '.join(twice)}")
    if data.target is None:
        raise SweepError(
            "data.target: name the column to predict, as in --params=data.target=<column>; "
            f"columns: {', '.join(names)}"
        )
    asked = {
        "data.target": (data.target,),
        "data.split_column": (data.split_column,) if data.split_column else (),
        "data.sample_weight": (data.sample_weight,) if data.sample_weight else (),
        "data.ignore": data.ignore,
        "data.categorical": data.categorical,
        "data.sequence.id": (data.sequence.id,) if data.sequence.id else (),
        "data.sequence.order": (data.sequence.order,) if data.sequence.order else (),
    }
    alone = {"data.sample_weight": data.sample_weight}
    for key, column in {"split.group": split.group, "split.time": split.time}.items():
        if column and data.sequence.id:
            raise SweepError(f"{key}: does not apply to the sequences of data.sequence")
        asked[key], alone[key] = ((column,) if column else ()), column
    for key, columns in asked.items():
        for column in columns:
            if column not in raw.columns:
                raise unknown_name(column, names, what="column", where=key)
    if data.target in data.ignore:
        raise SweepError(f"data.ignore leaves out the target {data.target!r}")
    for own, column in alone.items():
        for key, columns in asked.items():
            if key != own and column in columns:
                raise SweepError(f"{own}: {column!r} is also named by {key}")
    return data.target


def _check_target_has_no_gaps(target: pd.Series) -> None:
    gaps = target.index[target.isna()]
    if len(gaps):
        rows = ", ".join(str(row) for row in gaps[:5]) + (", …" if len(gaps) > 5 else "")
        raise SweepError(
            f"target {target.name!r} is missing in {len(gaps)} of {len(target)} rows "
            f"(rows {rows}); fill or remove them. Empty cells and the words NA, None, null and "
            "NaN are read as missing"
        )
    refuse_where(target.isin([np.inf, -np.inf]), target, "is not finite", what="target")


def _task_of(target: pd.Series, data: DataParameters) -> Task:
    if is_date(target):
        raise SweepError(
            f"target {target.name!r} holds dates or times; turn it into numbers or classes first"
        )
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
    return "binary" if values == 2 else "multiclass"


def _classes_of(target: pd.Series, task: Task) -> tuple[Label, ...]:
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


def _regression_target(target: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(target, errors="coerce").astype("float64")
    refuse_where(numbers.isna(), target, "where a regression needs a number", what="target")
    if numbers.nunique() == 1:
        raise SweepError(f"target {target.name!r} is {numbers.iloc[0]:g} in every row")
    return numbers


def _read_pixels(table: pd.DataFrame, features: list[Column]) -> list[Column]:
    """Turn true and false into numbers: scaling groups columns by kind, which moves pixels."""
    for name in (each.name for each in features if each.kind == "categorical"):
        problem = "where an image needs a number; leave out what is no pixel with data.ignore"
        refuse_where(table[name].notna(), table[name], problem)
    for name in (each.name for each in features if each.kind == "boolean"):
        table[name] = as_number(table[name], boolean=True)
    return [each.model_copy(update={"kind": "numeric"}) for each in features]


def _check_given_split(column: pd.Series) -> None:
    if len(wrong := column[~column.isin(SPLITS)]):
        where = f"column {column.name!r}, row {wrong.index[0]}"
        raise unknown_name(wrong.tolist()[0], SPLITS, what="split", where=where)
    if missing := set(SPLITS) - set(column.unique()):
        raise SweepError(f"column {column.name!r} marks no row as {missing.pop()!r}")
