"""The terminal as a place to save to."""

from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError


class ConsoleDataset(AbstractDataset[Any, Any]):
    """Prints what is saved: text, or anything that rich can render.

    It goes through rich's own console, the one that Kedro's log and the training display write
    to, so that nothing is torn apart.

    Args:
        metadata: For plugins such as Kedro-Viz.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> NoReturn:
        """Refuse: what was printed cannot be read back.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError("ConsoleDataset prints what is saved to it; there is nothing to load")

    def save(self, data: Any) -> None:
        """Print it.

        Args:
            data: Text, printed as it is, or a rich renderable.
        """
        from rich import get_console

        # Lines wider than the terminal are left to it: cut off, a command could not be copied.
        get_console().print(data, markup=False, highlight=False, crop=False)

    def _describe(self) -> dict[str, Any]:
        return {}
