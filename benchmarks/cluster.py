"""Measure what a cluster costs, predict what many workers give: ``python -m benchmarks.cluster``.

First what things take: a compilation and an epoch in processor seconds of this process, a worker's
start, the driver's work for a message and for a result that is kept. Then the scheduling itself, on
real Ray workers that sleep as long as training would take: so a machine with two cores can have
many. The model (`cluster_model`) must predict those runs; then it predicts larger ones.
"""

import argparse
import json
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil

from benchmarks.cluster_model import Cohort, Costs, cohorts, efficiency, simulate
from benchmarks.machine import describe_machine
from benchmarks.workers import plan
from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS
from dnn_sweep.core.training.cluster.connection import import_ray
from dnn_sweep.core.training.cluster.fleet import Fleet
from dnn_sweep.core.training.cluster.host import Host
from dnn_sweep.core.training.cluster.task import END, Said
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.engine import LOCAL, build_engines
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.stacked import StackedEngine
from dnn_sweep.datasets.trial_store import TrialStoreDataset
from dnn_sweep.parameters import ExecutorParameters, LoggingParameters

NO_FILES = LoggingParameters(folder="", csv=False)
LANES, EPOCHS, ROWS, PROGRAMS = 16, 10, 6_000, 6
SLEPT = {"cohorts": 24, "programs": 4, "compile": 2.0, "epoch": 0.02}  # of the check
TRACK = 0.002  # seconds per trial in MLflow
# To keep a trial on the disk and in MLflow on an idle machine: docs/performance.md has 2.4 s for
# 240. What is measured here is of a machine that may have other work.
IDLE_SAVE = 0.010
LENGTHS = (1, 10, 100)  # of the predicted trials, as multiples of the measured one


class SleepingHost(Host):
    """A worker that takes as long as training would, and returns a result as large as one."""

    def begin(self, data: Any) -> None:
        """Take the rows."""
        self._data, self._messages, self._known = data, Queue[Said](), set[object]()

    def start(self, task: Any) -> None:
        """Begin to sleep."""
        threading.Thread(target=self._sleep, args=task, daemon=True).start()

    def listen(self, seconds: float) -> list[Said]:
        """What a real worker would have said."""
        until, heard = time.monotonic() + seconds, list[Said]()
        while (left := until - time.monotonic()) > 0 and not (heard and heard[-1].what == END):
            try:
                heard.append(self._messages.get(timeout=left))
            except Empty:
                break
        return heard

    def _sleep(self, cohort: Cohort, results: list[TrialResult], costs: Costs) -> None:
        if cohort.program not in self._known:
            self._known.add(cohort.program)
            time.sleep(costs.compile)
        for epoch in range(cohort.epochs):
            time.sleep(costs.epoch * cohort.trials)
            for at in range(cohort.trials):
                self._messages.put(Said("epoch", (at, epoch, {"loss": 0.0})))
        for result in results:
            self._messages.put(Said("finished", (result,)))
        self._messages.put(Said(END))


def main() -> None:
    """Print costs, checks and predictions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--costs", type=json.loads, help="predict from these, measure nothing")
    parser.add_argument("--train", action="store_true", help="train, on each number of workers")
    parser.add_argument("--memory", action="store_true", help="of the driver, over all trials")
    given = parser.parse_args()
    if given.costs:
        predict(Costs(**given.costs), given.trials)
        return
    print(json.dumps(describe_machine()))
    rng = np.random.default_rng(0)
    x = rng.random((ROWS, 784), dtype=np.float32)
    y = rng.integers(0, 10, ROWS).astype(np.int32)
    data = TrainingData(x, y, x[:1000], y[:1000])
    if given.train:
        compare(data, given.workers)
        return
    trials = plan("dense", data, LANES, EPOCHS)
    if given.memory:
        watch_memory(data, trials, given.trials)
        return
    compile_seconds, epoch, result = train(trials, data)
    with TemporaryDirectory() as folder:
        save = saving(result, trials, folder)
        ready, listen, task = talking(data)
        costs = Costs(ready, compile_seconds, epoch, task, listen, save)
        print("measured, seconds:", json.dumps({k: round(v, 5) for k, v in asdict(costs).items()}))
        print(f"rows {data.x_train.nbytes / 2**20:.1f} MiB, result {size(result) / 2**20:.2f} MiB")
        print("| workers | seconds, measured | predicted | ratio | efficiency, measured |")
        slept = replace(costs, compile=SLEPT["compile"], epoch=SLEPT["epoch"])
        tasks = cohorts(int(SLEPT["cohorts"]) * LANES, EPOCHS, int(SLEPT["programs"]), LANES)
        alone = 0.0
        for workers in given.workers:
            measured, started = sleep(tasks, slept, workers, data, result, trials, folder)
            predicted = simulate(replace(slept, start=started), workers, tasks).seconds
            alone = alone or measured * workers
            print(
                f"| {workers} | {measured:.1f} | {predicted:.1f} | {measured / predicted:.2f} | "
                f"{alone / workers / measured:.2f} |",
                flush=True,
            )
    predict(costs, given.trials)


def train(trials: tuple[Trial, ...], data: TrainingData) -> tuple[float, float, TrialResult]:
    """Compile and train here, on one thread; return processor seconds of both, and a result."""

    class Heard(TrainingProgress):
        compiled_at = 0.0

        def compiled(self, trials: int, seconds: float, share: float = 1.0) -> None:
            self.compiled_at = time.process_time()

    engine, heard = StackedEngine(LANES), Heard()
    queues = engine.plan(trials, data)
    given = queues, data, Device(1, 2**33), heard, NO_FILES, "benchmark", {}
    began = time.process_time()
    results = list(engine.train_queues(*given, NO_CHECKPOINTS, measured=False))
    ended = time.process_time()
    return heard.compiled_at - began, (ended - heard.compiled_at) / len(trials) / EPOCHS, results[0]


def saving(result: TrialResult, trials: tuple[Trial, ...], folder: str) -> float:
    """Median seconds to unpickle a result and to keep it on the disk; MLflow's share on top."""
    store, times = TrialStoreDataset(folder), list[float]()
    for number in range(60):
        sent = pickle.dumps(replace(result, trial=with_seed(trials[0], 10_000 + number)))
        began = time.perf_counter()
        store.save(pickle.loads(sent))  # noqa: S301 - our own
        times.append(time.perf_counter() - began)
    return float(np.median(times)) + TRACK


def talking(data: TrainingData) -> tuple[float, float, float]:
    """A worker's start in processor seconds, and the driver's for a message and for a task."""
    fleet = Fleet(ExecutorParameters(kind="ray", workers=1))
    fleet._open(data)
    ray = import_ray()
    actor = ray.remote(num_cpus=1)(Host).remote()
    ray.get(actor.describe.remote())
    process = next(each for each in psutil.Process().children(recursive=True) if _is_host(each))
    ray.get(actor.begin.remote(fleet._rows))
    start = sum(process.cpu_times()[:2])
    listen = _per_call(lambda: ray.get(actor.listen.remote(0.0)))
    fleet.close()
    return start, listen, 2 * listen


def _per_call(call: Callable[[], object], times: int = 300) -> float:
    began = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - began) / times


def sleep(
    tasks: list[Cohort],
    costs: Costs,
    workers: int,
    data: TrainingData,
    result: TrialResult,
    trials: tuple[Trial, ...],
    folder: str,
) -> tuple[float, float]:
    """Run tasks on workers that sleep, keep each result; seconds, and those until all can train."""
    store = TrialStoreDataset(folder)
    fleet = Fleet(ExecutorParameters(kind="ray", workers=workers), SleepingHost)
    fleet._open(data)
    began, first, number = time.monotonic(), list[float](), 0

    def ready(position: int) -> Any:
        seeds = 100_000 * workers + position * LANES + np.arange(tasks[position].trials)
        own = [replace(result, trial=with_seed(trials[0], int(each))) for each in seeds]
        first.append(time.monotonic() - began)
        return tasks[position], own, costs

    for _, said in fleet.run(tasks, data, ready):  # type: ignore[arg-type]
        if isinstance(said, Said) and said.what == "finished":
            store.save(said.given[0])
            time.sleep(TRACK)
            number += 1
    seconds = time.monotonic() - began
    fleet.close()
    if number != sum(each.trials for each in tasks):
        raise SystemExit(f"{number} results")
    return seconds, first[workers - 1]


def compare(data: TrainingData, workers: list[int]) -> None:
    """Train the same trials here and on workers; print seconds and the largest difference."""
    trials = plan("dense", data, 4 * LANES, EPOCHS // 2)
    expected: dict[str, TrialResult] = {}
    for number in (0, *workers):
        settings = ExecutorParameters(kind="ray", workers=number) if number else LOCAL
        (engine,) = build_engines("stacked", LANES, executor=settings)
        began = time.monotonic()
        told = data, TrainingProgress(), NO_FILES, "benchmark"
        found = {each.trial.id: each for each in engine.train(trials, *told)}
        seconds = time.monotonic() - began
        engine.close()
        expected = expected or found
        apart = max(np.abs(found[k].outputs - expected[k].outputs).max() for k in expected)
        print(f"| {number or 'without a cluster'} | {seconds:.1f} s | {apart:.1e} |", flush=True)


def watch_memory(data: TrainingData, trials: tuple[Trial, ...], number: int) -> None:
    """Run so many trials without work, and print the driver's memory on the way."""
    (result,) = StackedEngine(1).train(trials[:1], data, TrainingProgress(), NO_FILES, "benchmark")
    result = result.without_network()
    tasks = cohorts(number, 1, PROGRAMS, LANES)
    nothing = Costs(0, 0, 0, 0, 0, 0)
    fleet = Fleet(ExecutorParameters(kind="ray", workers=2), SleepingHost)

    def ready(position: int) -> Any:
        return tasks[position], [result] * tasks[position].trials, nothing

    done = 0
    for _, said in fleet.run(tasks, data, ready):  # type: ignore[arg-type]
        done += isinstance(said, Said) and said.what == "finished"
        if isinstance(said, Said) and said.what == END and done % (number // 10) < LANES:
            memory = psutil.Process().memory_info().rss / 2**20
            print(f"| {done} trials | {memory:.0f} MiB |", flush=True)
    fleet.close()


def predict(costs: Costs, trials: int) -> None:
    """Print the efficiency of many workers, for trials of several lengths."""
    for length in LENGTHS:
        own = replace(costs, epoch=costs.epoch * length, save=IDLE_SAVE)
        tasks = cohorts(trials, EPOCHS, PROGRAMS, LANES)
        print(f"{trials} trials of {own.epoch * EPOCHS:.2f} s of a core, {PROGRAMS} programs")
        for workers in (1, 2, 4, 16, 64, 256):
            found = simulate(own, workers, tasks)
            print(
                f"| {workers} | {found.seconds / 3600:.2f} h | "
                f"{efficiency(own, workers, tasks):.2f} | driver {found.driver:.0%} | "
                f"{found.compiled} compilations |"
            )


def with_seed(trial: Trial, seed: int) -> Trial:
    """Another trial like this one."""
    fields = {name: getattr(trial, name) for name in Trial.model_fields}
    return Trial(**(fields | {"seed": seed}))


def size(result: TrialResult) -> int:
    """Bytes of a result on its way."""
    return len(pickle.dumps(result))


def _is_host(process: psutil.Process) -> bool:
    return "ray::Host" in " ".join(process.cmdline())


if __name__ == "__main__":
    main()
