"""The folder of the checkpoints of unfinished trials."""

from pathlib import Path

from dnn_sweep.core.training.checkpoints import Checkpoints
from dnn_sweep.datasets.base import ReadOnlyDataset, State


class CheckpointFolderDataset(ReadOnlyDataset[Checkpoints]):
    """Loads what engines save unfinished trials with; ``training.checkpoint_seconds`` says when.

    Args:
        folder: Where the files are.

    >>> CheckpointFolderDataset("checkpoints").load().folder.name
    'checkpoints'
    """

    folder: str

    def state(self) -> State:
        """Nothing: results do not depend on where a training goes on."""
        return {}

    def load(self) -> Checkpoints:
        """Return the checkpoints; no file is read yet."""
        return Checkpoints(Path(self.folder))
