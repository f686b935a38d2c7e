"""The rows to score (``params:inference``)."""

from dnn_sweep.parameters.base import Parameters


class InferenceParameters(Parameters):
    """The rows that ``kedro run --pipeline=inference`` scores (``params:inference``).

    Args:
        filepath: A file of raw rows; in ``image_folder`` a folder of images or one image.
        alias: Alias of the registered version that scores them.

    >>> InferenceParameters(filepath="rows.csv").alias
    'champion'
    """

    filepath: str | None = None
    alias: str = "champion"
