"""Resolves a path that a user typed."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[3]


def find_user_path(given: str) -> Path:
    """Return the first of these that exists, otherwise the path as it was given.

    Kedro puts the project's folder before every relative ``filepath`` of the catalog, but what
    is typed in a shell may be relative to the current folder, or to ``~``.

    >>> find_user_path("no/such.csv").as_posix()
    'no/such.csv'
    """
    path = Path(given).expanduser()
    typed = path.relative_to(PROJECT_ROOT) if path.is_relative_to(PROJECT_ROOT) else path
    # Joining an absolute path to a folder gives the absolute path back.
    candidates = (path, PROJECT_ROOT / typed, Path.cwd() / typed.expanduser())
    return next((each for each in candidates if each.exists()), path)
