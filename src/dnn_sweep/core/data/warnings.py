"""What to beware of in the data, the heaviest first."""

import pandas as pd

from dnn_sweep.core.data.groups import MANY, count_repeated
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.data.source import BY_USER, Source
from dnn_sweep.core.data.splitting import FEW_VALIDATION_ROWS
from dnn_sweep.core.data.suspects import find_leaks, find_summands
from dnn_sweep.core.data.targets import is_rare
from dnn_sweep.core.formatting import count, format_share

MANY_GAPS = 0.5  # share of a column
NAMED = 5  # columns in a sentence


def warn_of_data(
    source: Source,
    clean_table: pd.DataFrame,
    schema: Schema,
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
) -> tuple[str, ...]:
    """Warn of what makes results wrong first, then of what makes them weak or is left out.

    >>> warn_of_data(source, clean_table, schema, train_rows, validation_rows[:20])[0][:27]
    'Only 20 validation rows: ha'
    """
    return (
        *_leaks(clean_table, schema),
        *_readings(source),
        *_few_rows(train_rows, validation_rows),
        *_equal_rows(clean_table, schema),
        *_rare_classes(train_rows, schema),
        *_gaps(source, schema),
        *_left_out(source),
        *_joined(schema),
    )


def _leaks(table: pd.DataFrame, schema: Schema) -> list[str]:
    if schema.rank != "table":
        return []
    alone = find_leaks(table, schema.target, schema.feature_names, schema.task)
    if not alone and schema.task == "regression":
        summands = find_summands(table, schema.target, schema.feature_names)
        if summands:
            return [
                f"Columns {_list([repr(name) for name in summands])} together tell the target "
                f"{schema.target!r} of every row, as a weighted sum. If they are not known before "
                "the target is, leave them out with data.ignore"
            ]
    return [
        f"Column {name!r} alone tells the target {schema.target!r} of every row. If it is not "
        "known before the target is, leave it out with data.ignore"
        for name in alone
    ]


def _few_rows(train_rows: pd.DataFrame, validation_rows: pd.DataFrame) -> list[str]:
    if (rows := len(validation_rows)) >= FEW_VALIDATION_ROWS:
        return []
    few = f"Only {rows} validation rows: hardly any difference can be shown on so few"
    if not validation_rows.index.equals(train_rows.index):  # no folds yet
        few += "; split.folds: 4 scores every row outside the test split"
    return [few]


def _equal_rows(table: pd.DataFrame, schema: Schema) -> list[str]:
    if schema.repeated:
        return [
            f"Rows that repeat another one in all columns: {schema.repeated:,}; equal rows are "
            "kept in one split"
        ]
    if schema.group or schema.time:
        return []
    repeated, _ = count_repeated(table, schema)
    if repeated <= MANY * len(table):
        return []
    return [
        f"Only {len(table) - repeated:,} of {len(table):,} rows are distinct, which columns of so "
        "few values explain. Equal rows are taken for different cases and will lie in training, "
        "validation and test; name a column in split.group to keep rows together"
    ]


def _rare_classes(train_rows: pd.DataFrame, schema: Schema) -> list[str]:
    if not schema.classes:
        return []
    counts = train_rows[schema.target].value_counts().reindex(list(schema.classes), fill_value=0)
    rarest, usual = (schema.classes[int(at)] for at in (counts.argmin(), counts.argmax()))
    share = int(counts.min()) / len(train_rows)
    if not is_rare(share, len(counts)):
        return []
    return [
        f"Class {rarest!r} has {count(int(counts.min()), 'training row')} "
        f"({format_share(share)}); {usual!r} has {counts.max():,}. The accuracy hardly tells "
        "whether it is recognised"
    ]


def _readings(source: Source) -> list[str]:
    """What was guessed and may be wrong."""
    said = [f"{note[0].upper()}{note[1:]}" for note in source.notes]
    said += [
        f"Column {each.name!r}: day and month could be exchanged ({each.examples[0]}); "
        "data.day_first decides"
        for each in source.columns
        if each.ambiguous
    ]
    return said


def _joined(schema: Schema) -> list[str]:
    joined = [repr(each.name) for each in schema.features if each.spellings]
    if not joined:
        return []
    return [
        f"Spellings that differ in letter case alone are one category: {_list(joined)} "
        "(data.letter_case: keep tells them apart)"
    ]


def _gaps(source: Source, schema: Schema) -> list[str]:
    used = set(schema.feature_names)
    found = [
        f"{each.name!r} ({format_share(each.gaps / schema.rows)})"
        for each in source.columns
        if each.name in used and each.gaps >= MANY_GAPS * schema.rows
    ]
    return [f"Mostly gaps, which are filled: {_list(found)}"] if found else []


def _left_out(source: Source) -> list[str]:
    """One sentence for each reason; what the user left out needs none."""
    reasons: dict[str, list[str]] = {}
    for each in source.columns:
        if each.kind == "left out" and each.note != BY_USER:
            reasons.setdefault(each.note, []).append(repr(each.name))
    return [f"Left out: {_list(names)}: {reason}" for reason, names in reasons.items()]


def _list(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
