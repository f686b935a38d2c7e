import subprocess
import sys

import click
import pytest
from kedro.framework.hooks.manager import _create_hook_manager, _register_hooks
from kedro.io import AbstractDataset, DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from dnn_sweep.core.training.stage_clock import StageClock
from dnn_sweep.hooks import CatalogHooks, StageHooks
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


def test_a_runs_seconds_are_divided_by_stage():
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


IN_A_PROCESS = """
import gc, logging, os, sys, types
logging.disable()
usual = gc.get_threshold()
import dnn_sweep.settings
from types import SimpleNamespace
from dnn_sweep.hooks import SweepHooks
hooks = SweepHooks()
def enter(pipeline):
    hooks.before_node_run(SimpleNamespace(short_name="any", tags={pipeline}))
    return "usual" if gc.get_threshold() == usual else "raised", gc.get_freeze_count() > 0
"""


def in_a_process(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS + code], capture_output=True, text=True, check=True
    ).stdout


def test_the_process_exits_without_a_search_for_garbage():
    code = """
hooks.before_pipeline_run()
late = sys.modules["late"] = types.ModuleType("late")
exec('import os\\n'
     'class Loop:\\n'
     '    def __init__(self): self.me = self\\n'
     '    def __del__(self, write=os.write): write(1, b"searched")\\n'
     'loop = Loop()', vars(late))
del late
hooks.after_pipeline_run()
"""
    assert in_a_process(code) == ""


def test_imports_raise_the_collectors_threshold_and_training_freezes_what_they_made():
    code = """
print("raised" if gc.get_threshold() != usual else "usual")
for pipeline in ("model_building", "training", "evaluation"):
    print(*enter(pipeline))
"""
    assert in_a_process(code).split() == [
        *("raised", "raised", "False", "usual", "True", "raised", "True")
    ]


def test_no_garbage_is_frozen():
    code = """
class Loop:
    def __init__(self): self.me = self
    def __del__(self, write=os.write): write(1, b"collected ")
Loop()
enter("training")
os.write(1, b"trained")
"""
    assert in_a_process(code) == "collected trained"


def test_what_the_process_had_frozen_itself_stays_frozen():
    code = """
import dnn_sweep.datasets.sweep_run  # which every session loads before a node runs
gc.freeze()
before = gc.get_freeze_count()
enter("training")
hooks.after_pipeline_run()
print(gc.get_freeze_count() == before)
"""
    assert in_a_process(code) == "True\n"


def test_a_session_that_ends_well_or_badly_leaves_the_garbage_collector_as_it_was(new_project):
    code = """
import gc
from pathlib import Path
def state():
    return gc.get_threshold(), gc.get_freeze_count()
before = state()
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.pipeline import Node, Pipeline
bootstrap_project(Path.cwd())
from dnn_sweep import pipeline_registry
def train(end):
    threshold, frozen = state()
    assert threshold == before[0] and frozen > 0
    return [1] if end == "well" else 1 / 0
def pipeline(end):
    return Pipeline([Node(lambda: train(end), None, "rows", name="train", tags="training")])
pipeline_registry.register_pipelines = lambda: {end: pipeline(end) for end in ("well", "badly")}
for end in ("well", "badly"):
    with KedroSession.create() as session:
        try:
            session.run(pipeline_names=[end])
        except ZeroDivisionError:
            print("raised-badly")
    print(f"{state() == before}-{end}")
"""
    project = new_project()
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.path, env=project.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip

    said = [word for word in done.stdout.split() if word.endswith(("-well", "-badly"))]
    assert said == ["True-well", "raised-badly", "True-badly"], done.stdout + done.stderr


def test_what_skops_looks_up_is_imported_before_mlflow_which_would_make_it_slow():
    code = """
import sys
import kedro.framework.cli
import dnn_sweep.settings
import dnn_sweep.datasets.tracking_hooks
order = list(sys.modules)
print(order.index("scipy.special") < order.index("mlflow"))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "True\n"


def test_a_mistake_in_the_configuration_of_a_dataset_is_readable():
    name = "dnn_sweep.datasets.registered_model.RegisteredModelDataset"
    catalog = DataCatalog.from_config({"registered_model": {"type": name, "name": "iris.v2"}})

    with pytest.raises(click.ClickException, match=r"cannot register a model called 'iris.v2'"):
        CatalogHooks().after_catalog_created(catalog, parameters={})
