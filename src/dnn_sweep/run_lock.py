"""Refuses a run that would write into the folders of an experiment while another one does."""

from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol, DatasetError
from kedro.pipeline import Pipeline

from dnn_sweep.datasets.file_lock import FileLock
from dnn_sweep.hooks import report_mistake

LOCK = "run_lock"  # in the catalog
UNLOCKED = {"inference"}  # tags of nodes whose outputs no other pipeline touches


class RunLockHooks:
    """Holds the experiment's lock while a pipeline runs.

    A run that is interrupted in a notebook reports no end; the process may then run the next one.
    """

    def __init__(self) -> None:
        self._lock: FileLock | None = None

    # First, so that kedro-mlflow starts no run.
    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: CatalogProtocol) -> None:
        """Take the lock, or refuse to run."""
        self._release()
        dataset = catalog.get(LOCK)
        if dataset is None or all(node.tags & UNLOCKED for node in pipeline.nodes):
            return
        try:
            self._lock = dataset.load()
        except DatasetError as error:
            report_mistake(error)
            raise

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Free the lock."""
        self._release()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Free the lock."""
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
