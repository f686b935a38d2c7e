import subprocess
import sys

from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks
from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from dnn_sweep.core.training.stage_clock import StageClock
from dnn_sweep.hooks import StageHooks
from dnn_sweep.pipeline_registry import register_pipelines


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class SlowDataset(AbstractDataset):
    """Takes its time to load and to save."""

    def __init__(self, now, seconds):
        self._now, self._seconds, self._data = now, seconds, "anything"

    def load(self):
        self._now.now += self._seconds
        return self._data

    def save(self, data):
        self._now.now += self._seconds
        self._data = data

    def _describe(self):
        return {}


def test_a_runs_seconds_are_told_apart_by_stage():
    now = Clock()

    def prepare(rows):
        now.now += 1
        return rows

    def train(matrix):
        for _ in range(3):
            now.now += 10
            yield "trial", "report"

    def rank(results):
        now.now += 5
        return results

    pipeline = Pipeline(
        [
            Node(prepare, "rows", "matrix", tags="ingestion"),
            Node(train, "matrix", ["trial_results", "trial_runs"], tags="training"),
            Node(rank, "trial_results", "leaderboard", tags="evaluation"),
        ]
    )
    catalog = DataCatalog(
        {
            "rows": SlowDataset(now, 0.25),
            "matrix": SlowDataset(now, 0.25),
            "trial_results": SlowDataset(now, 2),
            "trial_runs": SlowDataset(now, 3),
        }
    )
    clock = StageClock(now, before=7, busy=now)
    manager = _create_hook_manager()
    _register_hooks(manager, [StageHooks(clock)])
    manager.hook.before_pipeline_run(run_params={}, pipeline=pipeline, catalog=catalog)
    SequentialRunner().run(pipeline, catalog, hook_manager=manager)

    assert clock.read() == {
        "start_up": 7, "prepare": 1.5, "train": 30.25, "checkpoints": 6, "track": 9,
        "evaluate": 7, "total": 60.75,
    }  # fmt: skip


def test_every_node_of_a_sweep_has_a_stage():
    from dnn_sweep.hooks import STAGE_OF_PIPELINE

    for node in register_pipelines()["train"].nodes:
        assert len(node.tags & STAGE_OF_PIPELINE.keys()) == 1, node.name


def test_the_end_of_a_run_searches_for_no_garbage():
    code = """
import sys, types
from dnn_sweep.hooks import SweepHooks
SweepHooks().before_pipeline_run()
late = sys.modules["late"] = types.ModuleType("late")
exec('import os\\n'
     'class Loop:\\n'
     '    def __init__(self): self.me = self\\n'
     '    def __del__(self, write=os.write): write(1, b"searched")\\n'
     'loop = Loop()', vars(late))
del late
SweepHooks().after_pipeline_run()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == ""


def test_garbage_is_collected_as_usual_while_training_and_seldom_while_importing():
    code = """
import gc
from types import SimpleNamespace
usual = gc.get_threshold()
import dnn_sweep.settings
found = [gc.get_threshold()]
from dnn_sweep.hooks import SweepHooks
for pipeline in ("model_building", "training", "evaluation"):
    SweepHooks().before_node_run(SimpleNamespace(name="any", tags={pipeline}))
    found.append(gc.get_threshold())
print(*(["seldom", "usual"][each == usual] for each in found))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["seldom", "seldom", "usual", "seldom"]


def test_what_skops_looks_up_is_imported_before_mlflow_which_would_make_it_slow():
    code = """
import sys
import kedro.framework.cli
import dnn_sweep.settings
print("scipy.special" in sys.modules, "mlflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["True", "False"]
