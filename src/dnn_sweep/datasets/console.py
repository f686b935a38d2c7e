"""The terminal as a place to save to."""

from typing import Any

import rich

from dnn_sweep.datasets.base import WriteOnlyDataset


class ConsoleDataset(WriteOnlyDataset[Any]):
    """Prints text, or anything that rich can render.

    >>> ConsoleDataset().save("1 of 2 trials")
    1 of 2 trials
    """

    def save(self, data: Any) -> None:
        """Print it."""
        # On rich's own console, as Kedro's log and the training display, so that their lines do
        # not mix. Lines wider than the terminal are not cropped: a command must stay copyable.
        rich.get_console().print(data, markup=False, highlight=False, crop=False)
