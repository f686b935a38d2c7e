"""A file of raw rows to try the registered model with."""

import pandas as pd

from dnn_sweep.core.champion.package import EXAMPLE_ROWS, rows_as_sent
from dnn_sweep.core.reporting.results import SweepResults


def choose_example_rows(results: SweepResults) -> pd.DataFrame:
    """Choose the first rows of the test set, with the columns that the registered model reads.

    >>> choose_example_rows(sweep_results).columns.tolist() == schema.feature_names
    True
    """
    return rows_as_sent(results.test_rows[results.schema.feature_names].head(EXAMPLE_ROWS))
