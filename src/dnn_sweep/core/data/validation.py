"""Checks of a raw table before anything is trained on it."""

import hashlib
import math
from collections.abc import Iterable

import pandas as pd

from dnn_sweep.core.data.columns import as_number, reason_to_drop, refuse_where
from dnn_sweep.core.data.groups import count_repeated
from dnn_sweep.core.data.loss_weights import read_weights
from dnn_sweep.core.data.names import find_columns
from dnn_sweep.core.data.read_columns import read_columns
from dnn_sweep.core.data.schema import Column, Label, Rank, Schema
from dnn_sweep.core.data.sequences import join_steps
from dnn_sweep.core.data.splitting import as_times, draw_rows
from dnn_sweep.core.data.suspects import is_identifier
from dnn_sweep.core.data.targets import LARGEST, classes_of, regression_target, task_of
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.parameters import DataParameters, SplitParameters

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
    _check_names(raw_table)
    data, split = find_columns(data, split, list(raw_table.columns))
    target = _check_columns(data, split, list(raw_table.columns))
    kept = raw_table.drop(columns=list(data.ignore))
    raw_table, known = read_columns(kept, data, plain=(split.group,))
    steps, padded = 0, False
    if data.sequence.id:
        raw_table, steps, padded = join_steps(raw_table, data)
    table = draw_rows(raw_table, data, split).rename_axis(index="row_id")
    task = task_of(table[target], data)
    classes: tuple[Label, ...] = ()
    if task == "regression":
        table = table.assign(**{target: regression_target(table[target])})
    else:
        classes = classes_of(table[target], task)
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
        column = known.get(name) or Column(name=name, kind="numeric")  # steps are numbers
        if rank == "table" and (reason := _reason_to_leave_out(table[name], column, data)):
            dropped[name] = reason
        else:
            features.append(column)
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
        missing=data.missing,
        rows=len(table),
        fingerprint=fingerprint(table),
    )
    if split.group or split.time:
        return table, schema
    repeated, copies = count_repeated(table, schema)
    return table, schema.model_copy(update={"repeated": repeated if copies else 0})


def fingerprint(table: pd.DataFrame) -> str:
    """Return the SHA-256 of a table's column names, types, index and values in hexadecimal."""
    digest = hashlib.sha256(repr([(str(n), str(t)) for n, t in table.dtypes.items()]).encode())
    digest.update(pd.util.hash_pandas_object(table).to_numpy().tobytes())
    return digest.hexdigest()


def _check_names(raw: pd.DataFrame) -> None:
    if raw.empty:
        raise SweepError("the table has no rows")
    names = [str(name) for name in raw.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SweepError(f"column names must be distinct; more than once: {', '.join(twice)}")


def _check_columns(data: DataParameters, split: SplitParameters, names: Iterable[str]) -> str:
    """Check what the parameters say of the columns, and return the target's."""
    if data.target is None:
        raise SweepError(
            "data.target: name the column to predict, as in --params=data.target=<column>; "
            f"columns: {', '.join(map(str, names))}"
        )
    if data.target in data.ignore:
        raise SweepError(f"data.ignore leaves out the target {data.target!r}")
    alone = {
        "data.sample_weight": data.sample_weight,
        "split.group": split.group,
        "split.time": split.time,
    }
    named = {
        "data.target": (data.target,),
        "data.split_column": (data.split_column,),
        "data.ignore": data.ignore,
        "data.categorical": data.categorical,
        "data.sequence.id": (data.sequence.id,),
        "data.sequence.order": (data.sequence.order,),
        **{key: (column,) for key, column in alone.items()},
    }
    for own, column in alone.items():
        if column and data.sequence.id and own.startswith("split."):
            raise SweepError(f"{own}: does not apply to the sequences of data.sequence")
        for key, columns in named.items():
            if column and key != own and column in columns:
                raise SweepError(f"{own}: {column!r} is also named by {key}")
    return data.target


def _reason_to_leave_out(values: pd.Series, column: Column, data: DataParameters) -> str | None:
    if column.kind == "date" and data.dates == "drop":
        return "dates are left out (data.dates: drop)"
    if column.kind == "numeric" and (values.abs() > LARGEST).any():
        raise SweepError(
            f"column {column.name!r}: {values.abs().max():g} is too large to compute with"
        )
    kept = {*data.keep, *data.text}
    reason = reason_to_drop(values, unique=column.name not in kept)
    if reason is None and column.name not in kept and is_identifier(values):
        reason = "it is an identifier, by its name and its values; data.keep uses it all the same"
    return reason


def _read_pixels(table: pd.DataFrame, features: list[Column]) -> list[Column]:
    """Turn true and false into numbers: scaling groups columns by kind, which moves pixels."""
    for name in (each.name for each in features if each.kind in ("categorical", "text")):
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
