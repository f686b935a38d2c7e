"""A few training rows to look at."""

import pandas as pd

from dnn_sweep.core.data.schema import Schema

MOST_ROWS = 6  # of a table
MOST_PICTURES = 60
MOST_OF_A_CLASS = 6
MOST_CELLS = 100_000  # of all pictures together, so that a page stays light


def sample_rows(train_rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Choose training rows to show: of images a few of each class, else the first ones.

    >>> len(sample_rows(train_rows, schema))
    6
    """
    shown = train_rows[[schema.target, *schema.feature_names]]
    if schema.rank != "image":
        return shown.head(MOST_ROWS)
    most = max(1, min(MOST_PICTURES, MOST_CELLS // len(schema.features)))
    if not schema.classes:
        return shown.head(most)
    classes = schema.classes[:most]
    each = max(1, min(MOST_OF_A_CLASS, most // len(classes)))
    groups = shown.groupby(schema.target, sort=True, observed=True)
    few = groups.head(each)
    return few[few[schema.target].isin(classes)].sort_values(schema.target, kind="stable")
