"""The model card as the description of a registered version."""

import logging

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from dnn_sweep.core.reporting.model_card import VersionCard
from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.mlflow_settings import mlflow_settings

logger = logging.getLogger(__name__)


class VersionDescriptionDataset(WriteOnlyDataset[VersionCard]):
    """Writes a model card into the registered version that it describes.

    A report can be written again long after the sweep, elsewhere or with another registry. So
    nothing is written if the version is missing or is another trial's, and a registry that does
    not answer fails no report: the card is also a file.

    >>> VersionDescriptionDataset().save(version_description)
    >>> MlflowClient().get_model_version("dnn_sweep_iris", "1").description[:12]
    '# Model card'
    """

    def state(self) -> State:
        """Nothing: it belongs to the registered version."""
        return {}

    def save(self, data: VersionCard) -> None:
        """Make the card the version's description, or log why that was not possible."""
        if not data.version:  # it could not be registered, which is told already
            return
        client = MlflowClient()
        try:
            # Without a limit, MLflow tries a server that is gone for minutes.
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
