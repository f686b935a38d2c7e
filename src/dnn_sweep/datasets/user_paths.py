"""Where a path that a user typed leads."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[3]


def find_user_path(given: str) -> Path:
    """Find what a user's path means, wherever in the project Kedro was started.

    Kedro puts the project's folder before every relative ``filepath`` of the catalog, but what
    is typed in a shell may be meant from the current folder, or from ``~``.

    Args:
        given: An absolute path, or one relative to the project or to the current folder.

    Returns:
        The first of these that exists; where none does, the path as it was given.
    """
    path = Path(given).expanduser()
    typed = path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path
    # Joining an absolute path to a folder gives the absolute path back.
    for candidate in (path, PROJECT_ROOT / typed, Path.cwd() / typed.expanduser()):
        if candidate.exists():
            return candidate
    return path
