"""Which revision of the project's code a run uses."""

import subprocess
from typing import Any

from kedro.io import AbstractDataset, DatasetError


class RevisionDataset(AbstractDataset[None, dict[str, str]]):
    """Asks git, where the project is a git checkout and git is there.

    Args:
        folder: Any folder of the project.
        metadata: Ignored by Kedro; read by plugins.
    """

    def __init__(self, *, folder: str, metadata: dict[str, Any] | None = None) -> None:
        self._folder = folder
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Read the revision.

        Returns:
            ``commit``, and ``changed``: ``true`` where tracked files differ from it; nothing
            where there is no revision to be had.
        """
        commit = self._git("rev-parse", "HEAD")
        if commit is None:
            return {}
        changes = self._git("status", "--porcelain", "--untracked-files=no")
        return {"commit": commit, "changed": "true" if changes else "false"}

    def save(self, data: None) -> None:
        """Not possible."""
        raise DatasetError("the revision is read from git")

    def _git(self, *arguments: str) -> str | None:
        command = ["git", "-C", self._folder, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    def _describe(self) -> dict[str, Any]:
        return {"folder": self._folder}
