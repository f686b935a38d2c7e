"""The training pipeline."""

from dnn_sweep.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
