"""What could not be made, for whoever can do without it."""

import traceback
from dataclasses import dataclass
from pathlib import Path

FOR_READERS = "for_readers"  # tag of nodes that write for people: without it, the rest goes on
# Ends of the names of datasets whose readers can do without: they get a `Missing` in their place.
DISPENSABLE = ("_figure", "report", "stage_seconds")


@dataclass(frozen=True)
class Missing:
    """Stands for an output that could not be made.

    Args:
        maker: The node that failed.
        why: The error, in a line.

    >>> print(Missing("draw_heatmap", "KeyError: 'relu'"))
    draw_heatmap failed: KeyError: 'relu'
    """

    maker: str
    why: str

    def __str__(self) -> str:
        """Say what failed, and why."""
        return f"{self.maker} failed: {self.why}"


def describe_error(error: BaseException) -> str:
    """Describe an error in a line: its kind, its first line, and where it was raised.

    >>> describe_error(ValueError("no such column"))
    'ValueError: no such column'
    """
    first = error
    while first.__cause__ is not None:  # Kedro wraps what a dataset raises
        first = first.__cause__
    said = next(iter(str(first).strip().splitlines()), "")
    frames = _frames(first)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(first).__name__}{': ' if said else ''}{said}{place}"


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    found = traceback.extract_tb(error.__traceback__)
    return [each for each in found if not each.filename.startswith("<")]  # frozen modules
