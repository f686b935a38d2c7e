"""The registration pipeline."""

from dnn_sweep.pipelines.registration.pipeline import create_pipeline

__all__ = ["create_pipeline"]
