"""The inference pipeline."""

from dnn_sweep.pipelines.inference.pipeline import create_pipeline

__all__ = ["create_pipeline"]
