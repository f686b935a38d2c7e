"""Tags of the sweep's own MLflow run."""

from typing import Any

from kedro.io import AbstractDataset, DatasetError


class RunTagsDataset(AbstractDataset[dict[str, str], None]):
    """Sets tags on the active MLflow run; without one (tracking switched off) does nothing.

    Args:
        metadata: Ignored by Kedro; read by plugins.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def save(self, data: dict[str, str]) -> None:
        """Set the tags."""
        import mlflow

        if mlflow.active_run() is not None:
            mlflow.set_tags(data)

    def load(self) -> None:
        """Not possible: MLflow is written to, never read back."""
        raise DatasetError("tags are read in MLflow, not from the catalog")

    def _describe(self) -> dict[str, Any]:
        return {}
