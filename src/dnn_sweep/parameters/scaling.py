"""How columns become numbers of one size (``params:scaling``)."""

from typing import Literal

from dnn_sweep.parameters.base import Parameters


class ScalingParameters(Parameters):
    """How columns become numbers of one size (``params:scaling``).

    Args:
        numeric: ``standard`` for mean 0 and variance 1, ``minmax`` for the range 0 to 1,
            ``none`` to leave values alone.
        impute: What replaces a missing number.
        scale_target: Standardise a regression's target for training (predictions come back in
            the target's own unit).
    """

    numeric: Literal["standard", "minmax", "none"] = "standard"
    impute: Literal["median", "mean"] = "median"
    scale_target: bool = True
