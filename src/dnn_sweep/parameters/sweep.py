"""How a sweep treats what is there (``params:sweep``)."""

from dnn_sweep.parameters.base import Parameters


class SweepParameters(Parameters):
    """How a sweep treats what is there (``params:sweep``).

    Args:
        fresh: Start over: train every trial again, also those that are stored, and replace these.

    >>> SweepParameters().fresh
    False
    """

    fresh: bool = False
