"""The model card as the description of a registered version."""

import logging
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from dnn_sweep.core.reporting.model_card import VersionCard
from dnn_sweep.datasets.mlflow_settings import mlflow_settings

logger = logging.getLogger(__name__)


class VersionDescriptionDataset(AbstractDataset[VersionCard, None]):
    """Puts a model card beside the version that it is about.

    A report can be written anew long after the sweep, somewhere else, or with another registry.
    So nothing is written where the version is not there or is another trial's, and a registry
    that does not answer fails no report: the card is a file, too.

    Args:
        metadata: Ignored by Kedro; read by plugins.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> None:
        """Not possible: the card is read from its file."""
        raise DatasetError("the model card is read from model_card.md, not from the registry")

    def save(self, data: VersionCard) -> None:
        """Make the card the version's description, or say why that was not possible."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        client = MlflowClient()
        try:
            # Else it asks a server that is not there for minutes.
            with mlflow_settings(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1"):
                found = client.get_model_version(data.name, data.version)
                if found.tags.get("trial_id") == data.trial_id:
                    client.update_model_version(data.name, data.version, description=data.text)
                    return
                reason = "it is of another trial"
        except (MlflowException, SQLAlchemyError, OSError) as error:
            reason = str(error).splitlines()[0]
        logger.warning(
            "The model card is not beside version %s of %s in the registry (%s); model_card.md "
            "has it.",
            data.version,
            data.name,
            reason,
        )

    def _describe(self) -> dict[str, Any]:
        return {}
