"""Features that should not be features: identifiers, and columns that tell the target."""

import re
from collections.abc import Collection

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_numeric_dtype

FEW_ROWS = 20  # fewer say little
FEW_OF_A_CLASS = 5  # fewer are told apart by chance
SAMPLE = 1000
SAME_ORDER = 1e-6  # below 1, a correlation of ranks that rounding explains
ROUNDING = 1e-6  # of a standard deviation
NEARLY = 0.95  # share of rows with a value of their own
IDENTIFIERS = frozenset(
    {"id", "ids", "no", "nr", "index", "idx", "key", "uuid", "guid", "unnamed", "rowid", "rownames"}
    | {"serial", "번호", "순번", "연번", "일련번호"}
)


def is_identifier(column: pd.Series) -> bool:
    """Whether a column only says which row is which: by its name, and a value for nearly each row.

    >>> is_identifier(pd.Series(range(100, 130), name="RowId"))
    True
    >>> is_identifier(pd.Series([3 * dose for dose in range(30)], name="paid"))
    False
    """
    name = str(column.name)
    present = column.dropna()
    if len(present) < FEW_ROWS or is_bool_dtype(column):
        return False
    if is_float_dtype(column) and (present % 1 != 0).any():
        return False
    different = present.nunique()
    if names_rows(name):
        return bool(different >= NEARLY * len(present))
    # `customerid` is an identifier, `paid` and `covid` are words: only values tell them apart.
    if not name.lower().endswith("id") or different < len(present):
        return False
    return not is_numeric_dtype(column) or bool(present.max() - present.min() < len(present))


def names_rows(name: str) -> bool:
    """Whether a column is called as one that numbers or names the rows.

    >>> [names_rows(name) for name in ("RowId", "No", "Unnamed: 0", "width", "nose")]
    [True, True, True, False, False]
    """
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()
    return bool(IDENTIFIERS & set(re.split(r"[\W_]+", words)))


def find_leaks(table: pd.DataFrame, target: str, features: Collection[str], task: str) -> list[str]:
    """The features that alone tell the target of every row.

    >>> leak = pd.DataFrame({"alive": ["no", "yes"] * 15, "survived": [0, 1] * 15})
    >>> find_leaks(leak, "survived", ["alive"], "binary")
    ['alive']
    """
    if len(table) < FEW_ROWS:
        return []
    if task != "regression" and table[target].value_counts().min() < FEW_OF_A_CLASS:
        return []
    first = table.head(SAMPLE)  # what does not tell these does not tell all
    return [
        name
        for name in features
        if _tells(first[name], first[target], task) and _tells(table[name], table[target], task)
    ]


def find_summands(table: pd.DataFrame, target: str, features: Collection[str]) -> list[str]:
    """The columns of numbers that together tell every value of a regression, as a weighted sum.

    >>> counts = {"casual": [3, 8, 5, 1, 9] * 4, "registered": [13, 32, 27, 10] * 5}
    >>> table = pd.DataFrame(counts).assign(bikers=lambda rows: rows.casual + rows.registered)
    >>> find_summands(table, "bikers", list(counts))
    ['casual', 'registered']
    """
    numeric = [name for name in features if is_numeric_dtype(table[name])]
    rows = table[[*numeric, target]].astype("float64").dropna()
    if not numeric or len(first := rows.head(SAMPLE)) < max(FEW_ROWS, 5 * len(numeric)):
        return []
    scaled = (first - first.mean()) / (first.std() + (first.std() == 0))
    weights = np.linalg.lstsq(scaled[numeric].to_numpy(), scaled[target].to_numpy())[0]
    found = [name for name, each in zip(numeric, weights, strict=True) if abs(each) > ROUNDING]
    if not found or np.abs(scaled[numeric] @ weights - scaled[target]).max() > ROUNDING:
        return []
    design = np.column_stack([rows[found].to_numpy(), np.ones(len(rows))])
    of_all = np.linalg.lstsq(design, rows[target].to_numpy())[0]
    error = np.abs(design @ of_all - rows[target]).max()
    return found if error <= ROUNDING * rows[target].std() else []


def _tells(feature: pd.Series, target: pd.Series, task: str) -> bool:
    present = feature.notna().to_numpy()
    if present.sum() < len(feature) / 2:
        return False
    numeric = is_numeric_dtype(feature) and not is_bool_dtype(feature)
    x, y = feature.array[present], target.array[present]
    # Thousands of columns: grouping by pandas would take milliseconds for each.
    places, different = pd.factorize(x)
    if task == "regression":
        if not numeric or len(different) < FEW_OF_A_CLASS:
            return False
        # Not the values but their ranks: the target's logarithm tells it as well as a copy does.
        ranks = pd.Series(x).astype("float64").rank(), pd.Series(y).astype("float64").rank()
        return bool(abs(ranks[0].corr(ranks[1])) > 1 - SAME_ORDER)
    labels, classes = pd.factorize(y)
    first = labels[np.unique(places, return_index=True)[1]]
    if len(classes) < 2 or (first[places] != labels).any():
        return False
    if len(different) <= len(x) / 5:
        return True
    # As many stretches of one class as there are classes: thresholds tell them apart.
    ordered = labels[np.argsort(x, kind="stable")] if numeric else labels
    return numeric and 1 + int((np.diff(ordered) != 0).sum()) == len(classes)
