"""Engines: ways to train trials. All take the same trials and give the same results."""

from dnn_sweep.core.engines.base import Engine
from dnn_sweep.core.engines.choice import Assignment, assign_engines, build_engines

__all__ = ["Assignment", "Engine", "assign_engines", "build_engines"]
