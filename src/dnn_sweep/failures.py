"""What the command says of an error that it did not expect: what failed, why, and what to do."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from dnn_sweep.core.errors import PartlyFailedError
from dnn_sweep.core.missing import describe_error
from dnn_sweep.core.reporting.commands import TRIALS
from dnn_sweep.datasets.mlflow_settings import mask_passwords
from dnn_sweep.datasets.user_paths import PROJECT_ROOT

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
WORDS = {  # in messages of libraries that do not pass the system's number on
    "disk is full": "full",
    "no space left": "full",
    "readonly database": "forbidden",
    "unable to open database file": "forbidden",
    "out of memory": "memory",
}
HELP = {
    "full": f"The disk is full: free some space (`{TRIALS}` lists what is stored).",
    "forbidden": "It cannot be written: see who owns the file or folder, and how it is mounted.",
    "memory": (
        "The memory is not enough: end other programs, or make the batches, the networks or "
        "training.cohort_size smaller."
    ),
}


def tell(error: BaseException) -> str:
    """Describe an error for the user, and keep its traceback in a file.

    Args:
        error: What ended the command.

    Returns:
        What failed and why, what helps if that is known, how to go on, and where the traceback is;
        passwords in addresses are masked in both.

    >>> print(tell(OSError(errno.ENOSPC, "No space left on device")))
    OSError: [Errno 28] No space left on device
    The disk is full: free some space (`kedro trials` lists what is stored).
    Trials that were trained are kept: the same command goes on from there.
    Traceback: ...
    """
    chain = list(_chain(error))
    if isinstance(error, PartlyFailedError):
        lines = [str(error)]
        chain += [cause for group in chain for cause in getattr(group, "exceptions", ())]
    else:
        failed = [each for cause in chain for each in getattr(cause, "__notes__", ())]
        kept = "Trials that were trained are kept: the same command goes on from there."
        lines = [": ".join([*failed[:1], describe_error(error)]), kept]
    if kind := _kind(chain):
        lines.insert(1, HELP[kind])
    if file := _keep_traceback(error):
        lines.append(f"Traceback: {file}")
    return mask_passwords("\n".join(lines))


def _keep_traceback(error: BaseException) -> Path | None:
    """Write an error's traceback where it can be written; return the file."""
    text = mask_passwords("".join(traceback.format_exception(error)))
    with suppress(OSError):
        file = PROJECT_ROOT / "data" / "08_reporting" / "traceback.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file
    with (
        suppress(OSError),
        NamedTemporaryFile(
            "w", encoding="utf-8", prefix="traceback-", suffix=".txt", delete=False
        ) as kept,
    ):
        kept.write(text)
        return Path(kept.name)
    return None


def _kind(chain: list[BaseException]) -> str | None:
    for each in chain:
        number = each.errno if isinstance(each, OSError) else None
        if number in FULL or number in FORBIDDEN:
            return "full" if number in FULL else "forbidden"
        if isinstance(each, MemoryError) or type(each).__name__ == "ResourceExhaustedError":
            return "memory"
        said = str(each).lower()
        for words, kind in WORDS.items():
            if words in said:
                return kind
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from."""
    while True:
        yield error
        if (before := error.__cause__ or error.__context__) is None:
            return
        error = before
