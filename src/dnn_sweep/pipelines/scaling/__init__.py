"""The scaling pipeline."""

from dnn_sweep.pipelines.scaling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
