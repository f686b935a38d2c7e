"""Preprocessing of columns (``params:scaling``)."""

from typing import Literal

from pydantic import Field

from dnn_sweep.parameters.base import Parameters


class ScalingParameters(Parameters):
    """Preprocessing of columns (``params:scaling``).

    Args:
        numeric: ``standard`` for mean 0 and variance 1, ``minmax`` for the range 0 to 1,
            ``none`` to keep values unchanged.
        per: ``column`` scales each column by itself, ``channel`` all pixels of an image's channel
            alike. The steps of a sequence are always scaled alike, for each feature.
        impute: Statistic of the column that replaces a missing number.
        max_categories: Inputs that a column of text becomes at most; what is rarer shares the last.
        text_inputs: Inputs that a column of free text becomes at most.
        scale_target: Standardise a regression's target for training; predictions are in the
            target's own unit.

    >>> ScalingParameters(numeric="minmax").impute
    'median'
    """

    numeric: Literal["standard", "minmax", "none"] = "standard"
    per: Literal["column", "channel"] = "column"
    impute: Literal["median", "mean"] = "median"
    max_categories: int = Field(default=50, ge=2)
    text_inputs: int = Field(default=32, ge=1)
    scale_target: bool = True
