"""Whether the model registry failed in this run; what follows is written all the same."""

import logging
from collections.abc import Callable
from typing import TypeVar

from dnn_sweep.datasets.backlog import OUTAGE, first_line

logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class RegistryOutage:
    """The first failure of the registry in this run; after it, the registry is asked nothing.

    What it said before may be incomplete, so that a champion would take an alias untested.

    >>> outage = RegistryOutage()
    >>> outage.attempt(lambda: "an answer")
    'an answer'
    """

    def __init__(self) -> None:
        self.forget(tolerated=False)

    def forget(self, *, tolerated: bool) -> None:
        """Begin a run.

        Args:
            tolerated: Whether failures are noted, for the end of the run, and not raised.
        """
        self.failure: str | None = None
        self._tolerated = tolerated

    def attempt(self, ask: Callable[[], Answer]) -> Answer | None:
        """Ask the registry; ``None`` if it does not answer."""
        if self.failure:
            return None
        try:
            return ask()
        except OUTAGE as error:
            if not self._tolerated:
                raise
            self.failure = first_line(error)
            logger.warning("The model registry does not answer (%s).", self.failure)
            return None


REGISTRY_OUTAGE = RegistryOutage()  # one process, one run at a time
