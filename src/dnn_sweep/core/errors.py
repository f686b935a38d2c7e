"""The one kind of error a user is meant to read, and the spelling help it carries."""

from collections.abc import Iterable
from difflib import get_close_matches


class SweepError(ValueError):
    """Something the user gave cannot be used; shown without a traceback.

    The message says what was wrong, where it came from, and what is allowed.
    """


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
    spellings = [str(each) for each in allowed]
    lowered = {each.lower(): each for each in spellings}
    close = get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.5)
    hint = f" Did you mean {lowered[close[0]]!r}?" if close else ""
    shown = ", ".join(spellings[:40]) + (", …" if len(spellings) > 40 else "")
    return SweepError(f"{where}: unknown {what} {name!r}.{hint} Allowed: {shown}.")
