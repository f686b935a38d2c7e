"""How long a sweep may take (``params:budget``)."""

from math import isfinite
from typing import Any

from pydantic import field_validator

from dnn_sweep.parameters.base import Parameters


class BudgetParameters(Parameters):
    """How long a sweep may take (``params:budget``).

    Args:
        minutes: Time of the whole command, from its start to the end of the report. Rounds of
            sequential halving then decide how many seeds each combination gets. ``None`` trains
            every combination with every seed of ``training.seeds``.

    >>> BudgetParameters(minutes=5).minutes
    5.0
    """

    minutes: float | None = None

    @field_validator("minutes", mode="before")
    @classmethod
    def _minutes_are_a_positive_number(cls, minutes: Any) -> Any:
        # Not as a type's own constraint: the message names the key, and where it is set.
        a_number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
        if minutes is not None and not (a_number and isfinite(minutes) and minutes > 0):
            raise ValueError(
                f"budget.minutes is {minutes!r}, but must be a number above 0 (such as 5 or 0.5), "
                "or null for no budget; it is set by --params=budget.minutes=... or in "
                "conf/*/parameters*.yml"
            )
        return minutes
