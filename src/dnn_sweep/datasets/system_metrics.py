"""Use of the processor, memory, disk, network and GPUs while a sweep runs."""

import threading
import time
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.entities import Metric, Run
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

INTERVAL = 5.0  # seconds
PREFIX = "system/"  # by which MLflow's page knows them
Sample = tuple[int, dict[str, float]]  # the time in milliseconds, and values by name


class SystemMetrics:
    """Samples MLflow's own monitors in a thread, and keeps the samples until they are taken.

    MLflow's thread asks the server for the run before each sample, and waits for it at the end. So
    it would hold up a sweep whose server does not answer.

    Args:
        interval: Seconds between two samples.

    >>> samples = SystemMetrics(interval=0.01)
    >>> time.sleep(0.1)
    >>> "cpu_utilization_percentage" in samples.stop()[0][1]
    True
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        self._monitors = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
        with suppress(ImportError, RuntimeError):  # without nvidia-ml-py, or without a GPU
            self._monitors.append(GPUMonitor())
        self._samples: list[Sample] = []
        self._stop = threading.Event()
        self._interval = interval
        self._thread = threading.Thread(target=self._watch, name="system metrics", daemon=True)
        self._thread.start()

    def take(self) -> list[Sample]:
        """Return the samples since the last call."""
        taken, self._samples = self._samples, []
        return taken

    def stop(self) -> list[Sample]:
        """End the thread, and return the last samples."""
        self._stop.set()
        self._thread.join()
        return self.take()

    def _watch(self) -> None:
        self._sample()  # the use of the processor is that since the last sample of this thread
        while not self._stop.wait(self._interval):
            self._add(self._sample())
        self._add(self._sample())

    def _add(self, sample: Sample) -> None:
        self._samples.append(sample)  # to the list as it is now, which may have been taken since

    def _sample(self) -> Sample:
        values: dict[str, float] = {}
        for monitor in self._monitors:
            monitor.collect_metrics()
            values |= monitor.aggregate_metrics()
            monitor.clear_metrics()
        return int(time.time() * 1000), values


def log_samples(run: Run, samples: list[Sample]) -> None:
    """Log samples as metrics of a run; a step is a second since the run began."""
    metrics = [
        Metric(PREFIX + name, float(value), at, (at - run.info.start_time) // 1000)
        for at, values in samples
        for name, value in values.items()
    ]
    MlflowClient().log_batch(run.info.run_id, metrics)
