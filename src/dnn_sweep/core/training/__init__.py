"""Training: engines, callbacks, screening and the sweep's loop."""

from dnn_sweep.core.training.engine import Assignment, Engine, assign_engines, build_engines

__all__ = ["Assignment", "Engine", "assign_engines", "build_engines"]
