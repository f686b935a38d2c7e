"""The result in the sweep's own MLflow run."""

from mlflow import MlflowClient
from mlflow.entities import Run, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from dnn_sweep.core.champion.evaluation import ServedMetrics
from dnn_sweep.core.formatting import METRIC_LABELS, format_score
from dnn_sweep.datasets.base import State, WriteOnlyDataset
from dnn_sweep.datasets.combination_metrics import log_metrics, rename
from dnn_sweep.datasets.run_names import name_run
from dnn_sweep.datasets.tracked_sweep import SWEEP

LATEST = "(latest sweep)"


class SweepMetricsDataset(WriteOnlyDataset[ServedMetrics]):
    """Adds the winner to the sweep's run: its test metrics, and its name to the run's.

    Nothing is written without a sweep's run or an active run (tracking switched off); a server
    that does not answer is tried again.

    Args:
        experiment: Its name, with which the run's name ends.

    >>> import mlflow
    >>> with mlflow.start_run() as sweep:
    ...     SweepMetricsDataset("iris").save(served_metrics)
    >>> "test_accuracy" in mlflow.get_run(sweep.info.run_id).data.metrics
    True
    """

    experiment: str

    def state(self) -> State:
        """Nothing: it is part of the sweep's MLflow run."""
        return {}

    def save(self, data: ServedMetrics) -> None:
        """Log all of them at once."""
        if data.metrics:
            SWEEP.write(lambda sweep: _write(sweep, data, self.experiment), wait=True)


def _write(sweep: Run, served: ServedMetrics, experiment: str) -> None:
    log_metrics(sweep, served.metrics)
    tags = {"winner": served.winner, "served": served.served}
    MlflowClient().log_batch(sweep.info.run_id, tags=[RunTag(*each) for each in tags.items()])
    rename(sweep, name_run(experiment, f"{served.winner} leads", served.score))
    _announce(sweep, served)


def _announce(sweep: Run, served: ServedMetrics) -> None:
    """Say the result in the list of experiments, unless a person describes the experiment."""
    client, experiment = MlflowClient(), sweep.info.experiment_id
    if client.get_experiment(experiment).tags.get(MLFLOW_RUN_NOTE, LATEST).endswith(LATEST):
        score = f"{METRIC_LABELS.get(served.metric, served.metric)} {format_score(served.score)}"
        text = f"{served.winner} leads: {score} on the test set {LATEST}"
        client.set_experiment_tag(experiment, MLFLOW_RUN_NOTE, text)
