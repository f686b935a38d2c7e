"""The model card as the description of the sweep's MLflow run."""

from functools import partial

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.tracked_sweep import SWEEP


class SweepDescriptionDataset(WriteOnlyDataset[str]):
    """Makes a text in Markdown the description of the sweep's run.

    Nothing is written without a sweep's run or an active run (tracking switched off); a server
    that does not answer is tried again.

    >>> import mlflow
    >>> with mlflow.start_run() as sweep:
    ...     SweepDescriptionDataset().save("# Model card")
    >>> mlflow.get_run(sweep.info.run_id).data.tags["mlflow.note.content"]
    '# Model card'
    """

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: str) -> None:
        """Write the text, unless it is empty."""
        if data:
            SWEEP.write(partial(_describe, text=data), wait=True)


def _describe(sweep: Run, text: str) -> None:
    MlflowClient().set_tag(sweep.info.run_id, MLFLOW_RUN_NOTE, text)
