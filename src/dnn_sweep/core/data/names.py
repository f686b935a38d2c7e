"""The columns that parameters name, found in a table though YAML has read their names."""

from collections.abc import Sequence

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.parameters import DataParameters, SplitParameters

# How YAML reads some words, as Python writes it.
_WORDS = dict.fromkeys(("yes", "on", "true"), "true") | dict.fromkeys(
    ("no", "off", "false"), "false"
)


def find_columns(
    data: DataParameters, split: SplitParameters, columns: Sequence[object]
) -> tuple[DataParameters, SplitParameters]:
    """Replace the names of columns in the parameters by those in the table.

    YAML reads ``No`` as false and ``24.00`` as 24, which then stand for these columns; blanks at
    the ends of a name do not count.

    Raises:
        SweepError: If there is no such column; names the parameter and the nearest column.

    >>> given = DataParameters(target=False, ignore="a"), SplitParameters()
    >>> find_columns(*given, ["No", " a"])[0].target
    'No'
    """
    update: dict[str, object] = {}
    for key in ("target", "split_column", "sample_weight"):
        if (name := getattr(data, key)) is not None:
            update[key] = find_column(name, columns, f"data.{key}")
    for key in ("ignore", "keep", "categorical", "numeric", "text"):
        update[key] = tuple(
            find_column(name, columns, f"data.{key}") for name in getattr(data, key)
        )
    sequence = {
        key: find_column(name, columns, f"data.sequence.{key}")
        for key in ("id", "order")
        if (name := getattr(data.sequence, key)) is not None
    }
    update["sequence"] = data.sequence.model_copy(update=sequence)
    divided = {
        key: find_column(name, columns, f"split.{key}")
        for key in ("group", "time")
        if (name := getattr(split, key)) is not None
    }
    return data.model_copy(update=update), split.model_copy(update=divided)


def find_column(name: str, columns: Sequence[object], key: str) -> str:
    """Return the column that the parameter ``key`` means by a name, as in :func:`find_columns`.

    >>> find_column("24.0", ["24.00", "pet"], "data.target")
    '24.00'
    """
    names = [str(each) for each in columns]
    for same in (str, str.strip, _yaml):
        found = [each for each in names if same(each) == same(name)]
        if len(found) == 1:
            return found[0]
        if found and same is not str:
            raise SweepError(f"{key}: {name!r} could be any of {', '.join(map(repr, found))}")
    raise unknown_name(name, names, what="column", where=key)


def _yaml(name: str) -> str:
    """What is left of a name once YAML has read it."""
    word = name.strip().lower()
    if word in ("null", "~"):
        return "null"
    try:
        return repr(float(word))
    except ValueError:
        return _WORDS.get(word, name.strip())
