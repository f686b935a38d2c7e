"""How a sweep treats what is there (``params:sweep``)."""

from pydantic import Field

from dnn_sweep.parameters.base import Parameters


class SweepParameters(Parameters):
    """How a sweep treats what is there (``params:sweep``).

    Args:
        fresh: Start over: train every trial again, also those that are stored, and replace these.
        keep_networks: Combinations, the best first, whose networks are kept once the leaderboard is
            complete; ``None`` for all. The networks that are served always are, and so is what was
            measured of all others.

    >>> SweepParameters().fresh
    False
    """

    fresh: bool = False
    keep_networks: int | None = Field(default=5, ge=0)
