"""The one kind of error a user is meant to read, and the spelling help it carries."""

from collections.abc import Iterable, Sequence

from dnn_sweep.parameters.base import listed

MOST_NAMED = 3


class SweepError(ValueError):
    """Something the user gave cannot be used; shown without a traceback.

    The message says what was wrong, where it came from, and what is allowed.
    """


class SweepInterruptedError(SweepError):
    """The training was asked to stop; the message says what is kept.

    Args:
        status: Exit status of the command, 128 and the signal's number.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TrialsFailedError(SweepError):
    """Some trials could not be trained; all others of the stage are.

    Args:
        failures: A line for each.
    """

    def __init__(self, failures: Sequence[str]) -> None:
        self.failures = tuple(failures)
        named = "; ".join(self.failures[:MOST_NAMED])
        more = len(self.failures) - MOST_NAMED
        super().__init__(
            f"{len(self.failures)} of the trials could not be trained: {named}"
            f"{f'; and {more} more' if more > 0 else ''}. The others of this stage are trained and "
            "kept; the same command trains what is missing."
        )


class PartlyFailedError(SweepError):
    """Something for readers, such as a figure, could not be made; all else is done."""


def unknown_name(name: object, allowed: Iterable[object], *, what: str, where: str) -> SweepError:
    """Build the error for a name that is not among the allowed ones.

    Args:
        name: What the user wrote.
        allowed: Every valid spelling.
        what: The kind of thing that was named.
        where: The file, key or column it came from.

    >>> print(unknown_name("rleu", ["relu"], what="activation", where="grid.activations"))
    grid.activations: unknown activation 'rleu'. Did you mean 'relu'? Allowed: relu.
    """
    return SweepError(f"{where}: unknown {what} {name!r}.{listed(name, allowed)}")
