"""The project's folder, its configuration, and the paths that a user typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dnn_sweep.startup import IS_INSTALLED

_PACKAGE = Path(__file__).resolve().parents[1]
_CHECKOUT = _PACKAGE.parents[1]
# An installed package works in the current folder.
PROJECT_ROOT = Path.cwd() if IS_INSTALLED else _CHECKOUT
CONF = _PACKAGE / "conf" if IS_INSTALLED else _CHECKOUT / "conf"
_others: list[Path] = []


def project_root() -> Path:
    """Return the folder that is read from and written to: the project's, or another one."""
    return _others[-1] if _others else PROJECT_ROOT


@contextmanager
def project_in(folder: Path) -> Iterator[None]:
    """Work in another folder than the project's, as a sweep that is run from Python does.

    >>> with project_in(Path("/sweeps/iris")):
    ...     project_root().as_posix()
    '/sweeps/iris'
    """
    _others.append(folder)
    try:
        yield
    finally:
        _others.pop()


def find_user_path(given: str) -> Path:
    """Return the first of these that exists, otherwise the path as it was given.

    Kedro puts the project's folder before every relative ``filepath`` of the catalog, but what
    is typed in a shell may be relative to the current folder, or to ``~``.

    >>> find_user_path("no/such.csv").as_posix()
    'no/such.csv'
    """
    path = Path(given).expanduser()
    root = project_root()
    typed = path.relative_to(root) if path.is_relative_to(root) else path
    # Joining an absolute path to a folder gives the absolute path back.
    candidates = (path, root / typed, Path.cwd() / typed.expanduser())
    return next((each for each in candidates if each.exists()), path)
