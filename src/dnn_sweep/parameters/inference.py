"""What is scored (``params:inference``)."""

from dnn_sweep.parameters.base import Parameters


class InferenceParameters(Parameters):
    """What ``kedro run --pipeline=inference`` scores (``params:inference``).

    Args:
        filepath: A CSV or Parquet file of raw rows.
        alias: Which registered version scores it.
    """

    filepath: str | None = None
    alias: str = "champion"
