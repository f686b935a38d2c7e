"""The rows to score (``params:inference``)."""

from dnn_sweep.parameters.base import Parameters


class InferenceParameters(Parameters):
    """The rows that ``kedro run --pipeline=inference`` scores (``params:inference``).

    Args:
        filepath: A CSV or Parquet file of raw rows.
        alias: Alias of the registered version that scores them.

    >>> InferenceParameters(filepath="rows.csv").alias
    'champion'
    """

    filepath: str | None = None
    alias: str = "champion"
