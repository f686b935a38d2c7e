"""What the datasets that keep a run's own files share."""

from pathlib import Path

from dnn_sweep.core.errors import SweepError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Args:
        path: The file; its folder is made if need be.
        content: All of its bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def missing_output(path: Path, written_by: str | None) -> SweepError:
    """Build the error for a file that an earlier pipeline should have written.

    Args:
        path: The file or folder.
        written_by: The pipeline; ``None`` where the catalog does not say.

    Returns:
        The error, to be raised by the caller.
    """
    pipeline = written_by or "train"
    return SweepError(
        f"There is no {path} yet. The pipeline {pipeline!r} writes it: run "
        f"`kedro run --pipeline={pipeline}` first, with the same --env and --params."
    )
