"""Whether a sweep needs its tracking server (``params:tracking``)."""

from dnn_sweep.parameters.base import Parameters


class TrackingParameters(Parameters):
    """Whether a sweep needs its tracking server (``params:tracking``).

    Args:
        required: Whether a server that does not answer at the start stops the run, and one that
            is lost on the way makes it end with an error once everything local is written.
            Otherwise both are warnings.

    >>> TrackingParameters().required
    True
    """

    required: bool = True
